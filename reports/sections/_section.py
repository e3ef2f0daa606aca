"""What a section of the report is made of."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from ..figures import DARK, LIGHT, dark_png, png_uri, svg_uri
from ..wording import amount


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure in both looks."""

    light: str
    dark: str
    caption: str
    draw: Callable[[], Figure] | None = field(default=None, compare=False)
    """What it was drawn by, for a page that moves; None for a file."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in a table: its text for a person, and the number itself for a file."""

    text: str
    value: float | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    """Ends of its interval, if it has one."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text or numbers; `verdicts` (one per row) colour the last column, None leaves a row as it is."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    verdicts: tuple[bool | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report."""

    title: str
    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = field(default=())


def number(value: float | None, unit: str = "", name: str = "", digits: int = 4) -> str | Cell:
    """A cell with a number in its unit, such as `-220.3 mV`; a dash where there is none."""
    return "–" if value is None else Cell(amount(value, unit, name, digits), float(value), unit)


def picture(draw: Callable[[], Figure], caption: str) -> Picture:
    """Draw a figure in both looks."""
    return Picture(svg_uri(draw, LIGHT), svg_uri(draw, DARK), caption, draw)


def stored_picture(content: bytes, caption: str, draw: Callable[[], Figure] | None = None) -> Picture:
    """A PNG file of a result folder, which is light, in both looks."""
    return Picture(png_uri(content), png_uri(dark_png(content)), caption, draw)


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
