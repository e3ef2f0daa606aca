"""Tables of a section for a spreadsheet."""

import csv
import io
from collections.abc import Iterator

from ._section import Cell, Table


def csv_text(table: Table) -> str:
    """A table for a spreadsheet: numbers in SI units, their intervals in columns of their own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [[row[k] if k < len(row) else "" for row in table.rows] for k in range(len(table.head))]
    wide = [list(_columns(name, cells)) for name, cells in zip(table.head, columns, strict=True)]
    flat = [column for group in wide for column in group]
    writer.writerow([name for name, _ in flat])
    writer.writerows(zip(*(values for _, values in flat), strict=True))
    return text.getvalue()


def _columns(name: str, cells: list[str | Cell]) -> Iterator[tuple[str, list[str]]]:
    """A column of the page as one of a file, or as three where its numbers have intervals."""
    units = {cell.unit for cell in cells if isinstance(cell, Cell)}
    unit = next(iter(units)) if len(units) == 1 else ""
    title = f"{name} ({unit})" if unit and f"({unit})" not in name else name
    several = len(units) > 1
    yield _plain(title), [_value(cell, several) for cell in cells]
    if any(isinstance(cell, Cell) and cell.low is not None for cell in cells):
        for end in ("low", "high"):
            yield _plain(f"{title} {end}"), [_end(cell, end) for cell in cells]


def _value(cell: str | Cell, several: bool) -> str:
    if isinstance(cell, Cell):
        shown = "" if cell.value is None else repr(cell.value)
        return f"{shown} {cell.unit}".strip() if several else shown
    return "" if cell == "–" else _plain(cell)


def _end(cell: str | Cell, end: str) -> str:
    value = getattr(cell, end) if isinstance(cell, Cell) else None
    return "" if value is None else repr(value)


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
