"""Training: every optimiser against steps and against modelled time, with intervals over seeds."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._theme import WIDTH, colours
from .._training import Curve

Against = Literal["steps", "time"]
_LABELS = {"steps": "step", "time": "modelled time (s)"}


def loss_curves(curves: Sequence[Curve], against: Against) -> Figure:
    """Training loss: mean over seeds as a line, 95 % interval of the mean as a band."""
    return _curves(curves, against, "training loss (nat)", logarithmic=True)


def accuracy_curves(curves: Sequence[Curve], against: Against) -> Figure:
    """Test accuracy, as `loss_curves`."""
    return _curves(curves, against, "test accuracy (%)", factor=100.0)


def time_parts(parts: Mapping[str, Mapping[str, float]]) -> Figure:
    """Modelled time of one step [s] by part, one bar for each optimiser; logarithmic, parts side by side."""
    names = tuple(dict.fromkeys(part for row in parts.values() for part in row))
    figure = Figure(figsize=(WIDTH, 0.55 * len(parts) + 0.18 * len(parts) * len(names) / 2 + 1.4))
    axes = figure.add_subplot()
    height = 0.8 / max(len(names), 1)
    for k, name in enumerate(names):
        rows = [(i, row[name]) for i, row in enumerate(parts.values()) if row.get(name, 0) > 0]
        positions = [i + (k - (len(names) - 1) / 2) * height for i, _ in rows]
        axes.barh(positions, [value for _, value in rows], height=height, color=colours()[k % 8], label=name)
    axes.set_xscale("log")
    axes.set_yticks(range(len(parts)), labels=list(parts))
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set(xlabel="modelled time per step (s)")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _curves(
    curves: Sequence[Curve], against: Against, label: str, factor: float = 1.0, logarithmic: bool = False
) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.9))
    axes = figure.add_subplot()
    for k, curve in enumerate(curves):
        x = curve.time if against == "time" else curve.step
        if x is not None:
            _draw(axes, x, curve, factor, k)
    if logarithmic:
        axes.set_yscale("log")
    if against == "time":
        axes.set_xscale("log")
    axes.set(xlabel=_LABELS[against], ylabel=label)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _draw(axes: Axes, x: np.ndarray, curve: Curve, factor: float, k: int) -> None:
    colour, style = colours()[k % 8], ("-", "--", ":", "-.")[k % 4]
    axes.plot(x, factor * curve.mean, style, color=colour, label=curve.name)
    axes.fill_between(x, factor * curve.low, factor * curve.high, color=colour, alpha=0.18, linewidth=0)
