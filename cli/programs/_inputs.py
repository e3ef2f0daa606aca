"""Files and numbers of the command line as arrays, each with its option in the message."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ...behavioral import ProblemError
from ...files.tables import read_matrix, read_vector
from .._exceptions import InputError

Given = Mapping[str, Any]
"""Options by the names of their parameters."""


def rows_of(given: Given, name: str) -> Float[np.ndarray, "rows columns"] | None:
    """The matrix of a file; None without one."""
    path = given[name]
    return None if path is None else read_matrix(path)


def values_of(given: Given, name: str) -> Float[np.ndarray, " rows"] | None:
    """The vector of a file; None without one."""
    path = given[name]
    return None if path is None else read_vector(path)


def bound_of(given: Given, name: str, missing: float) -> Float[np.ndarray, " n"] | float:
    """A bound that is a number, a file, or `none`.

    Raises:
        InputError: none of these.
    """
    text = given[name]
    if text is None:
        return 0.0 if name == "lower" else missing
    if text.strip().lower() == "none":
        return missing
    try:
        number = float(text)
    except ValueError:
        if not Path(text).exists():
            raise InputError(f"--{name}: expected a number, none, or a CSV file, got {text!r}") from None
        return read_vector(Path(text))
    if not np.isfinite(number):
        raise InputError(f"--{name}: expected a finite number, or none for no bound, got {text}")
    return number


def number_of(given: Given, name: str, default: float) -> float:
    """A number of the command line, or its default."""
    value = given[name]
    return default if value is None else float(value)


def together(given: Given, problem: str, *names: str) -> bool:
    """Whether the files of a problem are there; all or none of them.

    Raises:
        InputError: some of them, or a size beside them.
    """
    there = [name for name in names if given[name] is not None]
    if there and len(there) < len(names):
        raise InputError(f"--problem {problem}: expected {_options(names)} together, got {_options(there)} alone")
    if there and given["size"] is not None:
        raise InputError(f"--size and {_options(there)}: give one of them; the files set the size")
    return bool(there)


@contextmanager
def naming(given: Given, **homes: str) -> Iterator[None]:
    """Put the file, or the option, in front of what is said of a quantity: `Q: ...` becomes `Q.csv: Q: ...`.

    Args:
        given: the options.
        homes: by the name of a quantity, the parameter that it came from.

    Raises:
        InputError: instead of a `ProblemError` that begins with one of them.
    """
    try:
        yield
    except ProblemError as error:
        quantity, colon, rest = str(error).partition(":")
        home = homes.get(quantity) if colon else None
        if home is None:
            raise
        value = given[home]
        place = str(value) if isinstance(value, Path) else f"--{home.replace('_', '-')}"
        named = rest if quantity == home or not isinstance(value, Path) else f" {quantity}:{rest}"
        raise InputError(f"{place}:{named}") from None


def _options(names: Any) -> str:
    options = [f"--{name.replace('_', '-')}" for name in names]
    return " and ".join([", ".join(options[:-1]), options[-1]]) if len(options) > 1 else options[0]


def matching(given: Given, name: str, values: Float[np.ndarray, " rows"], rows: int, of: str) -> None:
    """Raise `InputError` when a file has another number of rows than the one that it belongs to."""
    if len(values) != rows:
        raise InputError(f"{given[name]}: expected {rows} lines, one for each row of {given[of]}, got {len(values)}")


def data_and_targets(
    given: Given, problem: str
) -> tuple[Float[np.ndarray, "rows features"], Float[np.ndarray, " rows"]] | None:
    """Rows of `--data` and the value of `--targets` that belongs to each; None where neither is given.

    Raises:
        InputError: one file without the other, or another number of lines.
    """
    if not together(given, problem, "data", "targets"):
        return None
    X = read_matrix(given["data"])
    targets = read_vector(given["targets"])
    matching(given, "targets", targets, len(X), "data")
    return X, targets
