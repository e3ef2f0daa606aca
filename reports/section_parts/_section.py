"""What a section of the report is made of."""

from collections.abc import Callable
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
