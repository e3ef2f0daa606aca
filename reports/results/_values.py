"""Numbers and texts of a result folder: finite, so small that squares and sums of them are finite, and readable."""

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

# Squares of numbers up to this one, and sums of a billion such squares, are finite.
LARGEST = 1e100

# Characters of a name, and of a text that a person reads.
LONGEST_NAME = 300
_LONGEST_TEXT = 20_000

# Whole numbers up to this one are doubles, too.
_MOST_STEPS = 2**53

# More cells than any chip that was simulated; chosen by hand.
_MOST_CELLS = 10_000

CONFIG = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


def _writable(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("expected text that can be written, got half of a surrogate pair") from None
    return "".join(c if c.isprintable() else " " for c in text)


Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
NotNegative = Annotated[float, Field(ge=0, le=LARGEST)]
Count = Annotated[int, Field(ge=0, le=_MOST_STEPS)]
Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_writable)]
Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_writable)]
Formula = Annotated[str, Field(max_length=10_000_000), AfterValidator(_writable)]
"""Those of a large circuit are long; a page shows their beginnings."""
Cells = Annotated[int, Field(ge=1, le=_MOST_CELLS)]
Vector = Annotated[list[Number], Field(min_length=1)]
Matrix = Annotated[list[Vector], Field(min_length=1)]
Scalar = bool | int | Number | Name | None
"""The value of a parameter of a study."""
