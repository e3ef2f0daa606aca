"""Matrices and vectors from CSV files: plain numbers, one row a line.

Columns are apart by commas, or by semicolons, tabs or spaces where a file has those; `#` begins a comment. A header, a
decimal comma or a number that is none is refused, with its place.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ._exceptions import FileError
from ._reasons import joined
from .opening import NUMBERS, read_bytes

# What `float` would also take (nan, inf, 1_000, other scripts' digits) is not a plain number. No digit can be matched
# in two ways, so that a long cell takes no longer than its length.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")

_SEPARATORS = re.compile(r"[,;\t \n]+")

_EXPECTED = "expected plain numbers, comma separated, no header"


MOST_NUMBERS = 5_000_000
"""Of a file: a dense matrix of 2200 cells."""


def read_matrix(path: Path) -> Float[np.ndarray, "rows columns"]:
    """The numbers of a file as float64.

    Raises:
        FileError: unreadable, empty, ragged, or cells that are not finite real numbers; with row and column, rows
            counted as lines of the file.
    """
    rows = _rows(path)
    if not rows:
        raise FileError(f"{path}: the file is empty; {_EXPECTED}")
    first = rows[0][0]
    columns = len(rows[0][1])
    ragged = [f"row {r}: expected {columns} columns as in row {first}, got {len(row)}" for r, row in rows]
    wrong = [text for text, (_, row) in zip(ragged, rows, strict=True) if len(row) != columns]
    wrong = wrong or list(_wrong_cells(rows))
    if wrong:
        raise FileError(f"{path}, {joined(wrong)}{_hint(rows)}")
    return np.array([[float(cell) for cell in row] for _, row in rows])


def read_vector(path: Path) -> Float[np.ndarray, " rows"]:
    """One value per line, as float64.

    Raises:
        FileError: as `read_matrix`, or more than one column.
    """
    values = read_matrix(path)
    if values.shape[1] != 1:
        raise FileError(
            f"{path}, row 1: expected one value per line, with a decimal point, got {values.shape[1]} columns"
        )
    return values[:, 0]


_Rows = list[tuple[int, list[str]]]
"""Cells with the number of their line."""


def _rows(path: Path) -> _Rows:
    lines = [(number, line.partition("#")) for number, line in enumerate(_lines(path), start=1)]
    # A line that is a comment is no row; an empty one among numbers is one without columns.
    kept = [(number, before.strip()) for number, (before, sign, _) in lines if before.strip() or not sign]
    while kept and not kept[-1][1]:
        kept.pop()
    separator = next((one for one in (";", "\t", ",") if any(one in line for _, line in kept)), None)
    return [(number, _cells(line, separator)) for number, line in kept]


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip() for cell in line.split(separator)] or [""]


def _lines(path: Path) -> list[str]:
    try:
        text = read_bytes(path, NUMBERS).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file; {_EXPECTED}") from None
    # Before they are taken apart: a text of single digits has as many numbers as half its bytes.
    if len(_SEPARATORS.findall(text)) > MOST_NUMBERS:
        raise FileError(f"{path}: expected at most {MOST_NUMBERS:,} numbers")
    return text.splitlines()


def _wrong_cells(rows: _Rows) -> Iterator[str]:
    for r, row in rows:
        for c, cell in enumerate(row, start=1):
            if not (_NUMBER.fullmatch(cell) and math.isfinite(float(cell))):
                shown = cell if len(cell) <= 40 else cell[:37] + "..."
                yield f"row {r}, column {c}: expected a finite real number, got {shown!r}"


def _hint(rows: _Rows) -> str:
    """What such a file probably has that is not read."""
    if any(re.fullmatch(r"[+-]?[0-9]+,[0-9]+", cell) for _, row in rows for cell in row):
        return "; write decimals with a point, not with a comma"
    r, first = rows[0]
    if len(rows) > 1 and not any(_NUMBER.fullmatch(cell) for cell in first):
        return f"; {_EXPECTED}: remove row {r}, or begin it with #"
    return ""
