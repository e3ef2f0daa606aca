"""Matrices and vectors from CSV files: plain numbers, comma separated, no header."""

import math
import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ._exceptions import FileError
from ._opening import NUMBERS, read_bytes

# What `float` would also take (nan, inf, 1_000) is not a plain number.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


MOST_NUMBERS = 5_000_000
"""Of a file: a dense matrix of 2200 cells."""


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
        text = read_bytes(path, NUMBERS).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path}: not a text file; expected plain numbers, comma separated, no header") from None
    # Before they are taken apart: a text of single digits has as many numbers as half its bytes.
    if text.count(",") + text.count("\n") > MOST_NUMBERS:
        raise FileError(f"{path}: expected at most {MOST_NUMBERS:,} numbers")
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
