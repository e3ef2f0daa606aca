"""Lines of the cells of a chip, so that each can be found: by colour and dashes, or on a scale of colours if many."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ._theme import colours

Lines = Float[np.ndarray, "point cell"]

MOST_NAMED = 8
"""Cells that have a colour and a line of the legend each."""
_TOGETHER = 5e-3
"""Lines closer than this part of the axis are one to the eye: about a line's width."""
_WHOLE = MaxNLocator(6, integer=True)
_DASHES = ("-", "--", "-.", ":")


def draw_cells(figure: Figure, x: Float[np.ndarray, " point"], panels: Sequence[tuple[Axes, Lines]]) -> None:
    """The same cells in every panel against the same x, with a legend; lines that lie upon each other share a name.

    More than `MOST_NAMED` cells have a scale of colours instead. The panels' scales are set before.
    """
    cells = panels[0][1].shape[1]
    if cells > MOST_NAMED:
        _draw_many(figure, x, panels, cells)
        return
    for group in together([_heights(axes, values) for axes, values in panels]):
        # A cell has the same colour in every picture, whichever others it lies upon.
        k = group[0]
        # Dashed lines lie above, so that what is below shows through.
        style: Any = {"color": colours()[k], "linestyle": _DASHES[k % 4], "zorder": 2 + 0.1 * (k % 4), "linewidth": 1.4}
        for axes, values in panels:
            axes.plot(x, values[:, group[0]], label=named(group), **style)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4)


def _draw_many(
    figure: Figure, x: Float[np.ndarray, " point"], panels: Sequence[tuple[Axes, Lines]], cells: int
) -> None:
    # Without its yellow end, which vanishes on white.
    scale = ListedColormap(mpl.colormaps["viridis"](np.linspace(0, 0.9, cells)))
    for axes, values in panels:
        for cell in range(cells):
            axes.plot(x, values[:, cell], color=scale(cell), linewidth=1.0)
    shown = ScalarMappable(Normalize(-0.5, cells - 0.5), scale)
    bar = figure.colorbar(shown, ax=[axes for axes, _ in panels], label="cell", aspect=40, pad=0.02, ticks=_WHOLE)
    bar.outline.set_visible(False)


def _heights(axes: Axes, values: Lines) -> Lines:
    """Values as parts of the axis' height."""
    if axes.get_yscale() == "log":
        positive = values[values > 0]
        values = np.log10(np.maximum(values, positive.min() if len(positive) else 1.0))
    return np.asarray((values - values.min()) / (np.ptp(values) or 1.0))


def together(panels: Sequence[Lines]) -> list[list[int]]:
    """Cells in groups whose lines lie upon that of the first in every panel; heights from 0 to 1."""
    groups: list[list[int]] = []
    for cell in range(panels[0].shape[1]):
        same = (g for g in groups if all(np.abs(p[:, cell] - p[:, g[0]]).max() <= _TOGETHER for p in panels))
        if (group := next(same, None)) is None:
            groups.append([cell])
        else:
            group.append(cell)
    return groups


def named(group: Sequence[int]) -> str:
    """`cell 3`, or `cells 0-2, 5`."""
    return f"{'cell' if len(group) == 1 else 'cells'} {', '.join(_runs(group))}"


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    # Consecutive numbers differ from their position by the same.
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        yield f"{found[0]}–{found[-1]}" if len(found) > 1 else str(found[0])
