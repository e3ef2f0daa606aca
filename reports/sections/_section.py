"""What a section of the report is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from ..figures import DARK, LIGHT, svg_uri


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure in both looks."""

    light: str
    dark: str
    caption: str


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; `verdicts` (one per row) colour the last column."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    verdicts: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report."""

    title: str
    text: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = field(default=())


def picture(draw: Callable[[], Figure], caption: str) -> Picture:
    """Draw a figure in both looks."""
    return Picture(svg_uri(draw, LIGHT), svg_uri(draw, DARK), caption)
