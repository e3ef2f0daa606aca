"""Runs of a study, one dot each, for a page whose figures move."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..figures import WIDTH, colours
from ..wording import counted


def runs_against(
    x: Sequence[str],
    y: Float[np.ndarray, " runs"],
    kept: Bool[np.ndarray, " runs"],
    labels: tuple[str, str],
    bounds: Sequence[tuple[str, float]] = (),
    lost: int = 0,
) -> Figure:
    """Each run at the value of a parameter: dots that keep the limit, crosses that do not, and the limit itself.

    Args:
        x: values of the parameter as they are written; numbers make an axis, other words stand side by side.
        y: the metric.
        labels: of the axes.
        bounds: name and value of each.
        lost: runs that failed, and have no place.
    """
    figure = Figure(figsize=(WIDTH, 3.7))
    axes = figure.add_subplot()
    places, names = _places(x)
    axes.plot(places[kept], y[kept], "o", color=colours()[0], markersize=4, alpha=0.7, label="a run")
    if not kept.all():
        axes.plot(places[~kept], y[~kept], "x", color=colours()[1], markersize=5, label="a run beyond its limit")
    for name, value in bounds:
        axes.axhline(value, color=colours()[1], linestyle="--", label=name)
    _tell_lost(axes, lost)
    if names:
        axes.set_xticks(range(len(names)), labels=names)
        axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set(xlabel=labels[0], ylabel=labels[1])
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _places(x: Sequence[str]) -> tuple[Float[np.ndarray, " runs"], list[str]]:
    try:
        found = np.array([float(value) for value in x])
        if np.isfinite(found).all():
            return found, []
    except ValueError:
        pass
    names = list(dict.fromkeys(x))
    return np.array([names.index(value) for value in x], dtype=float), [name or "exact" for name in names]


def runs_histogram(
    values: Float[np.ndarray, " runs"], label: str, bounds: Sequence[tuple[str, float]] = (), lost: int = 0
) -> Figure:
    """How many runs have which value, and the limits."""
    figure = Figure(figsize=(WIDTH, 3.7))
    axes = figure.add_subplot()
    wide = np.ptp(values) > 1e-12 * np.abs(values).max()
    axes.hist(values, bins=min(60, max(5, round(np.sqrt(len(values))))) if wide else 1, color=colours()[0], alpha=0.75)
    for name, value in bounds:
        axes.axvline(value, color=colours()[1], linestyle="--", label=name)
    _tell_lost(axes, lost)
    axes.set(xlabel=label, ylabel="runs")
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def _tell_lost(axes: Axes, lost: int) -> None:
    if lost:
        axes.plot([], [], " ", label=f"{counted(lost, 'run')} without a number, and without a place here")
