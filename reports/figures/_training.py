"""Training: every optimiser against steps and against modelled time, with intervals over seeds."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..results import Curve
from ._theme import WIDTH, colours

Against = Literal["steps", "time"]
_MARKERS = "osD^vP*X"
_LABELS = {"steps": "step", "time": "modelled time (s)"}


def loss_curves(curves: Sequence[Curve], against: Against) -> Figure:
    """Training loss: mean over seeds as a line, 95 % interval of the mean as a band."""
    return _curves(curves, against, "training loss (nat)")


def accuracy_curves(curves: Sequence[Curve], against: Against) -> Figure:
    """Test accuracy: the whole course above, the last tenth of the scale below."""
    figure = Figure(figsize=(WIDTH, 5.4))
    whole, close = figure.subplots(2, 1, sharex=True)
    for axes in (whole, close):
        _draw_all(axes, curves, against, factor=100.0)
        axes.set(ylabel="test accuracy (%)")
    close.set(xlabel=_LABELS[against], ylim=(90, 100.3), title="the same from 90 % up")
    _legend(figure, whole)
    return figure


def time_parts(parts: Mapping[str, Mapping[str, float]]) -> Figure:
    """Modelled time of one step [s] by part, one row for each optimiser; dots, since a logarithmic axis has no zero."""
    names = tuple(dict.fromkeys(part for row in parts.values() for part in row))
    figure = Figure(figsize=(WIDTH, 0.4 * len(parts) + 1.6))
    axes = figure.add_subplot()
    for k, name in enumerate(names):
        rows = [(row[name], i) for i, row in enumerate(parts.values()) if row.get(name, 0) > 0]
        axes.plot(*np.array(rows, dtype=float).reshape(-1, 2).T, _MARKERS[k % 8], color=colours()[k % 8], label=name)
    axes.set_xscale("log")
    axes.set_yticks(range(len(parts)), labels=list(parts))
    axes.set_ylim(len(parts) - 0.5, -0.5)
    axes.set(xlabel="modelled time per step (s)")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _curves(curves: Sequence[Curve], against: Against, label: str) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.9))
    axes = figure.add_subplot()
    _draw_all(axes, curves, against)
    axes.set_yscale("log")
    axes.set(xlabel=_LABELS[against], ylabel=label)
    _legend(figure, axes)
    return figure


def _draw_all(axes: Axes, curves: Sequence[Curve], against: Against, factor: float = 1.0) -> None:
    for k, curve in enumerate(curves):
        x = curve.time if against == "time" else curve.step
        if x is not None:
            # Before the first step no time has passed, and a logarithmic axis has no zero.
            _draw(axes, np.where(x > 0, x, np.nan) if against == "time" else x, curve, factor, k)
    if against == "time":
        axes.set_xscale("log")


def _legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)


def _draw(axes: Axes, x: np.ndarray, curve: Curve, factor: float, k: int) -> None:
    colour = colours()[k % 8]
    style = ("-", "--", ":", "-.")[k % 4]
    axes.plot(x, factor * curve.mean, style, color=colour, label=curve.name)
    axes.fill_between(x, factor * curve.low, factor * curve.high, color=colour, alpha=0.18, linewidth=0)
