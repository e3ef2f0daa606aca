"""Panels as one picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ._panels import Panel

BLUE = "#0072B2"
ORANGE = "#D55E00"
GREY = "#555555"


def draw(panels: Sequence[Panel], path: Path) -> None:
    """An SVG that is the same for the same numbers."""
    matplotlib.rcParams["svg.hashsalt"] = "thermospice"
    figure = Figure(figsize=(3.6 + 3.2 * (len(panels) > 1) * 1.2, 3.8), layout="constrained")
    axes = figure.subplots(2, len(panels), height_ratios=(3, 1), squeeze=False, sharex="col")
    for column, panel in enumerate(panels):
        _plot(axes[0, column], panel)
        _residuals(axes[1, column], panel)
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def _plot(axes: Axes, panel: Panel) -> None:
    axes.plot(*panel.line, color=BLUE, linewidth=1.5, label="model")
    if panel.by_hand is not None:
        axes.plot(*panel.by_hand, color=GREY, linewidth=1, linestyle="--", label="formula")
    if panel.points is not None:
        axes.plot(
            panel.points[0],
            panel.points[1],
            "o",
            color=ORANGE,
            markersize=4,
            fillstyle="none",
            label="SPICE",
        )
    if panel.limit is not None:
        axes.axvline(panel.limit, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_ylabel(panel.y, fontsize=9)
    axes.set_xscale("log" if panel.log_x else "linear")
    axes.set_yscale("log" if panel.log_y else "linear")
    _quiet(axes)


def _residuals(axes: Axes, panel: Panel) -> None:
    axes.axhline(0.0, color=BLUE, linewidth=1)
    if panel.points is not None:
        axes.plot(panel.points[0], panel.differences, "o", color=ORANGE, markersize=3, fillstyle="none")
    axes.set_xlabel(panel.x, fontsize=9)
    axes.set_ylabel("SPICE − model" + (f"\n({panel.unit})" if panel.unit else "\n(relative)"), fontsize=7)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    axes.yaxis.get_offset_text().set_fontsize(7)
    _quiet(axes)


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
