"""A table of numbers in a text file as instruments and people write it: lines before it, names, units, rows.

Separators are semicolons, tabs, commas or blanks; a decimal comma goes with semicolons and tabs. Lines that begin with
#, % or // are comments. Whatever stands in front of the first row of numbers is kept as preamble.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Inexact

from ...files import joined
from ...files.opening import NUMBERS, UnreadableFile, read_bytes
from .._exceptions import MeasurementError

_POINT = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eEdD][+-]?[0-9]+)?")
_COMMA = re.compile(r"[+-]?(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)(?:[eEdD][+-]?[0-9]+)?")
_POLAR = re.compile(r"\(([^(),]+)dB,([^(),]+?)(?:°|\N{REPLACEMENT CHARACTER}|deg)\)")
_DIGITS = frozenset("0123456789eE+-.")
_WRITTEN_OUT = frozenset(".eEdD")
_COMMENT = ("#", "%", "//")
_HOLDS_COMMAS = frozenset('(["')
_MOST_COLUMNS = 2000
_MOST_VALUES = 5_000_000


@dataclass(frozen=True, eq=False)
class TextTable:
    """`values[row, column]` with the line of each row; `heads` are the lines of cells just above, the nearest last."""

    values: Inexact[np.ndarray, "rows columns"]
    lines: tuple[int, ...]
    heads: tuple[tuple[str, ...], ...]
    preamble: tuple[tuple[str, ...], ...]
    """Every line of cells before the first row."""


def read_text_table(path: Path) -> TextTable:
    """The table of a file.

    Raises:
        MeasurementError: unreadable, without a row of numbers, or with a row that is none; with file and line.
    """
    lines = [(number, line.strip()) for number, line in enumerate(_text(path).splitlines(), start=1)]
    kept = [(number, _without_comment(line)) for number, line in lines]
    kept = [(number, line) for number, line in kept if line and not line.startswith(_COMMENT)]
    separator = _separator([line for _, line in kept])
    rows = [(number, _cells(line, separator)) for number, line in kept]
    comma = separator in (";", "\t") and _has_decimal_comma([row for _, row in rows])
    start = next(
        (k for k, (_, row) in enumerate(rows) if len(row) > 1 and all(_value(c, comma) is not None for c in row)), None
    )
    if start is None:
        raise MeasurementError(
            f"{path}: expected a table, such as `time [us], v1 [mV], v2 [mV]` and rows of numbers with two columns or"
            f" more below, got {'no row of numbers' if rows else 'an empty file'}"
        )
    _check_last_head(path, rows[start - 1] if start else None, rows[start][1], comma)
    if separator == ",":
        _check_commas(path, rows[start:])
    values = _values(path, rows[start:], comma)
    before = tuple(tuple(row) for _, row in rows[:start])
    named = _commented_head(lines, rows[start][0], separator, len(rows[start][1]))
    heads = [row for row in before[-2:] if len(row) == values.shape[1] or len([c for c in row if c]) == values.shape[1]]
    heads = [tuple(cell for cell in row if cell) if len(row) != values.shape[1] else row for row in heads]
    return TextTable(values, tuple(number for number, _ in rows[start:]), tuple(heads) or named, before)


def _check_last_head(path: Path, above: tuple[int, list[str]] | None, row: Sequence[str], comma: bool) -> None:
    """Raise `MeasurementError` where the line above the rows is a row itself, with something that is no number."""
    if above is None or len(above[1]) != len(row):
        return
    number, cells = above
    wrong = [k for k, cell in enumerate(cells) if _value(cell, comma) is None]
    if _value(cells[0], comma) is None and (len(wrong) == len(cells) or any(cells[k] for k in wrong)):
        return
    shown = _shown(cells[wrong[0]]) if cells[wrong[0]] else "an empty cell"
    raise MeasurementError(f"{path}: line {number}, column {wrong[0] + 1}: expected a finite number, got {shown}")


def _check_commas(path: Path, rows: Sequence[tuple[int, list[str]]]) -> None:
    """Raise `MeasurementError` for a comma inside a quoted cell: of decimals, of thousands, or between two parts."""
    found = next(((n, cell) for n, row in rows for cell in row if "," in cell and not cell.startswith("(")), None)
    if found is not None:
        raise MeasurementError(
            f"{path}: line {found[0]}: expected numbers with a decimal point and nothing between thousands where commas"
            f" separate, got {_shown(found[1])}; a decimal comma goes with semicolons"
        )


def _text(path: Path) -> str:
    try:
        data = read_bytes(path, NUMBERS)
    except UnreadableFile as error:
        raise MeasurementError(f"{path}: cannot read the record: {error.reason}") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: Sequence[str] = ("utf-16",)
    else:
        # Instruments write a micro sign in the code page of their country.
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            _check_size(path, text)
            return text
    raise MeasurementError(f"{path}: expected a text file with a table of numbers, got other bytes")


def _check_size(path: Path, text: str) -> None:
    # Before it is taken apart, which takes a hundred bytes for each number.
    if sum(text.count(one) for one in (";", "\t", ",", " ")) > 3 * _MOST_VALUES or text.count("\n") > _MOST_VALUES:
        raise MeasurementError(f"{path}: expected at most {_MOST_VALUES:,} numbers; write fewer samples")


def _without_comment(line: str) -> str:
    return line.partition("#")[0].strip() if not line.startswith("#") else line


def _separator(lines: Sequence[str]) -> str | None:
    """What parts the cells of the last lines, which are rows if any are."""
    last = lines[-20:]
    return next((one for one in (";", "\t", ",") if last and all(one in line for line in last)), None)


def _cells(line: str, separator: str | None) -> list[str]:
    parts = _outside_brackets(line) if separator == "," and _HOLDS_COMMAS & set(line) else line.split(separator)
    cells = [cell.strip().strip('"').strip() for cell in parts]
    # Instruments end each line with a separator.
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return cells


def _outside_brackets(line: str) -> list[str]:
    """By the commas that stand in no brackets and no quotes, as those of `S(v1,v2)` do."""
    parts = [""]
    depth = 0
    quoted = False
    for letter in line:
        quoted ^= letter == '"'
        depth = max(depth + (letter in "([") - (letter in ")]"), 0)
        if letter == "," and not quoted and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _has_decimal_comma(rows: Sequence[Sequence[str]]) -> bool:
    cells = [cell for row in rows[-50:] for cell in row]
    return any(_COMMA.fullmatch(c) and "," in c for c in cells) and not any(
        "." in c and _POINT.fullmatch(c) for c in cells
    )


def _value(cell: str, comma: bool) -> complex | float | None:
    """The number of a cell; None where there is none. Text exports of LTspice have pairs."""
    pattern = _COMMA if comma else _POINT
    if pattern.fullmatch(cell):
        found = float(cell.replace(",", ".").replace("d", "e").replace("D", "e"))
        return found if math.isfinite(found) else None
    if comma:
        return None
    if polar := _POLAR.fullmatch(cell):
        size, angle = (_value(part.strip(), comma=False) for part in polar.groups())
        if isinstance(size, float) and isinstance(angle, float):
            return complex(10 ** (size / 20) * np.exp(1j * math.radians(angle)))
    if cell.count(",") != 1:
        return None
    re_, im_ = (_value(part.strip(), comma=False) for part in cell.split(","))
    return complex(re_, im_) if isinstance(re_, float) and isinstance(im_, float) else None


def _may_be_decimal(cell: str) -> bool:
    """Whether a comma in a cell may be one of decimals: both parts of a complex value of LTspice have a point."""
    return cell[:1] != "(" and "," in cell and not all(_WRITTEN_OUT & set(part) for part in cell.split(","))


def _values(path: Path, rows: Sequence[tuple[int, list[str]]], comma: bool) -> Inexact[np.ndarray, "rows columns"]:
    columns = len(rows[0][1])
    if columns > _MOST_COLUMNS or columns * len(rows) > _MOST_VALUES:
        raise MeasurementError(f"{path}: expected at most {_MOST_COLUMNS} columns and {_MOST_VALUES:,} numbers")
    if not comma and (plain := _plain(rows, columns)) is not None:
        return plain
    wrong: list[str] = []
    table: list[list[complex | float]] = []
    for number, row in rows:
        found = [_value(cell, comma) for cell in row]
        if len(row) != columns:
            wrong.append(f"line {number}: expected {columns} columns, got {len(row)}")
        wrong += [
            f"line {number}, column {c}: expected a finite number, got {_shown(cell)}"
            for c, (cell, value) in enumerate(zip(row, found, strict=True), start=1)
            if value is None
        ]
        wrong += [
            f"line {number}, column {c}: got {_shown(cell)}, a comma beside decimal points; write decimals with one of"
            " the two, and a complex value as 1.0,2.0"
            for c, (cell, value) in enumerate(zip(row, found, strict=True), start=1)
            if isinstance(value, complex) and _may_be_decimal(cell)
        ]
        table.append([value for value in found if value is not None])
    if wrong:
        raise MeasurementError(f"{path}: {joined(wrong)}")
    return np.array(table)


def _plain(rows: Sequence[tuple[int, list[str]]], columns: int) -> Float[np.ndarray, "rows columns"] | None:
    """All rows at once where every cell is plainly a number: of these letters nothing else is one."""
    cells = [row for _, row in rows]
    if any(len(row) != columns for row in cells) or not all(set("".join(row)) <= _DIGITS for row in cells):
        return None
    try:
        found = np.array(cells, dtype=float)
    except ValueError:
        return None
    return found if np.isfinite(found).all() else None


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 24 else f"{cell[:21]}...")


def _commented_head(
    lines: Sequence[tuple[int, str]], first: int, separator: str | None, columns: int
) -> tuple[tuple[str, ...], ...]:
    """Names in the last comments above the rows, as numpy writes them, and units below them."""
    above = [line for number, line in lines if number < first and line.startswith(_COMMENT)]
    if not above:
        return ()
    found = [tuple(_cells(line.lstrip("#%/ "), separator)) for line in above[-2:]]
    return tuple(cells for cells in found if len(cells) == columns)
