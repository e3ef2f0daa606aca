"""Matrices and vectors from CSV files: plain numbers, comma separated, no header."""

import math
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ._exceptions import FileError

# What `float` would also take (nan, inf, 1_000) is not a plain number.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

LONGEST = 100_000_000
"""Characters of a file: a dense matrix of 2000 cells with all its digits has half as many."""


def read_matrix(path: Path) -> Float[np.ndarray, "rows columns"]:
    """The numbers of a file as float64.

    Raises:
        FileError: unreadable, empty, ragged, or a cell that is not a finite real number; with its row and column.
    """
    rows = [line.split(",") for line in _lines(path)]
    if not rows:
        raise FileError(f"{path}: the file is empty; expected plain numbers, comma separated, no header")
    for r, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise FileError(f"{path}, row {r}: expected {len(rows[0])} columns as in row 1, got {len(row)}")
    return np.array([[_number(cell, path, r, c) for c, cell in enumerate(row, 1)] for r, row in enumerate(rows, 1)])


def read_vector(path: Path) -> Float[np.ndarray, " rows"]:
    """One value per line, as float64.

    Raises:
        FileError: as `read_matrix`, or more than one column.
    """
    values = read_matrix(path)
    if values.shape[1] != 1:
        raise FileError(f"{path}, row 1: expected one value per line, got {values.shape[1]} columns")
    return values[:, 0]


def _lines(path: Path) -> list[str]:
    try:
        # A device such as /dev/zero has no end.
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST + 1)
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file; expected plain numbers, comma separated, no header") from None
    if len(text) > LONGEST:
        raise FileError(f"{path}: expected at most {LONGEST:,} characters of numbers")
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _number(cell: str, path: Path, row: int, column: int) -> float:
    text = cell.strip()
    if _NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    shown = text if len(text) <= 40 else text[:37] + "..."
    raise FileError(f"{path}, row {row}, column {column}: expected a finite real number, got {shown!r}")
