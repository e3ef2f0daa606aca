"""The ranking of parameters: bars with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure

from ...reports.wording import metric_words, parameter_words
from ._axes import SIZE
from ._labels import scale_of

Row = Mapping[str, Any]


def draw_ranking(study: str, found: Mapping[str, Any]) -> Figure:
    """What each parameter moves alone, and its shares of the variance; the one that matters most on top.

    Args:
        study: its name.
        found: of `ranking`.
    """
    rows = list(found["ranking"])
    ways = [key for key in ("moves", "total") if any(key in row for row in rows)]
    figure = Figure(figsize=(SIZE[0] + 2.6 * (len(ways) - 1), 1.6 + 0.42 * len(rows)))
    panels = figure.subplots(1, max(len(ways), 1), squeeze=False, sharey=True)[0]
    places = np.arange(len(rows), dtype=float)
    for axes, way in zip(panels, ways, strict=False):
        (_moves if way == "moves" else _shares)(axes, rows, places, found)
    panels[0].set_yticks(places, labels=[parameter_words(row["parameter"]) for row in rows])
    panels[0].invert_yaxis()
    figure.suptitle(f"{study}: what moves the {metric_words(found['metric'])}", fontsize=10)
    if "total" in ways:
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def _moves(axes: Axes, rows: Sequence[Row], places: Any, found: Mapping[str, Any]) -> None:
    sizes = [row["moves"] for row in rows if "moves" in row]
    factor, unit = scale_of(sizes, found["unit"], found["metric"])
    _bars(axes, rows, places, "moves", factor, 0.6, "C0")
    words = metric_words(found["metric"])
    axes.set_xlabel(f"{words} moves by ({unit})" if unit else f"{words} moves by")
    axes.set_title("alone, through its range")


def _shares(axes: Axes, rows: Sequence[Row], places: Any, found: Mapping[str, Any]) -> None:
    _bars(axes, rows, places - 0.2, "total", 1e-2, 0.36, "C1", "total, with all that it does together with others")
    _bars(axes, rows, places + 0.2, "first", 1e-2, 0.36, "C2", "first order, alone")
    axes.set_xlabel("share of the variance (%)")
    axes.set_title("all together")


def _bars(
    axes: Axes, rows: Sequence[Row], places: Any, key: str, factor: float, height: float, colour: str, label: str = ""
) -> None:
    """Bars with their intervals; without a bar where there is no number."""
    there = [(place, row) for place, row in zip(places, rows, strict=True) if key in row]
    y = [place for place, _ in there]
    x = [row[key] / factor for _, row in there]
    axes.barh(y, x, height, color=colour, alpha=0.8, label=label or None)
    for place, row in there:
        if f"{key}_low" in row:
            ends = [row[f"{key}_low"] / factor, row[f"{key}_high"] / factor]
            axes.plot(ends, [place, place], color="C7", linewidth=1.2, marker="|", markersize=6)
    for place, row in zip(places, rows, strict=True):
        if key not in row and key == "moves":
            axes.text(0, place, " no number: runs failed", va="center", fontsize=8)
