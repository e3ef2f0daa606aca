"""Metrics against a parameter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure

from ..results import statistics as _statistics
from ..studies import Study, unit_of
from ._axes import SIZE, Row, draw_limits, limits_of, title_of, widened
from ._labels import metric_label, parameter_label, scale_of, short, text_of

_FEWEST_SHARED = 3
"""Runs that a mean is drawn of."""
_MEAN = "mean, 95 % interval"


def draw_against(study: Study, rows: Sequence[Row], metric: str, name: str, other: str | None) -> Figure:
    kept = [(run, r) for run, r in rows if r["status"] == "done" and metric in r["metrics"]]
    y = np.array([float(r["metrics"][metric]) for _, r in kept])
    factor, unit = scale_of(y.tolist(), study.metrics[metric].unit)
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    x, x_label = _abscissa(axes, [run.values[name] for run, _ in rows], [run.values[name] for run, _ in kept], name)
    good = np.array([_statistics.keeps(r, study.limits) for _, r in kept], dtype=bool)
    # what else was varied is no chance, and has no interval
    pooled = study.method == "grid" and any(p not in (name, other) for p in study.parameters)
    labels = [f"{parameter_label(other, '')} {short(text_of(run.values[other]))}" if other else "" for run, _ in kept]
    for k, label in enumerate(dict.fromkeys(labels)):
        here = np.array([found == label for found in labels])
        _scatter(axes, x[here], y[here] / factor, good[here], f"C{k + 2}" if label else "C0")
        if pooled:
            _pooled_means(axes, x[here], y[here] / factor, f"C{k + 2}", label or "mean over all other settings")
        else:
            _means(axes, x[here], y[here] / factor, f"C{k + 2}", label or _MEAN)
    draw_limits(axes.axhline, limits_of(study, metric), factor)
    if widened(y.tolist()):
        axes.set_yscale("log")
    axes.set(xlabel=x_label, ylabel=metric_label(study, metric, unit))
    axes.set_title(title_of(study, rows, metric))
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    return figure


def _abscissa(
    axes: Axes, every: Sequence[Any], kept: Sequence[Any], name: str
) -> tuple[Float[np.ndarray, " runs"], str]:
    """Places of the kept values on the axis: numbers where they are, anything else side by side."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in every):
        factor, unit = scale_of(list(every), unit_of(name))
        x = np.array(kept, dtype=float) / factor
        if widened(list(every)):
            axes.set_xscale("log")
        elif min(every) == 0 and widened([value for value in every if value > 0], 20.0):
            axes.set_xscale("symlog", linthresh=min(value for value in every if value > 0) / factor)
        return x, parameter_label(name, unit)
    names = list(dict.fromkeys(text_of(value) for value in every))
    axes.set_xticks(range(len(names)), labels=names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    unit = unit_of(name)
    return np.array([names.index(text_of(value)) for value in kept], dtype=float), parameter_label(
        name, "" if unit == "1" else unit
    )


def _scatter(axes: Axes, x: Float[np.ndarray, " runs"], y: Float[np.ndarray, " runs"], good: Any, colour: str) -> None:
    """Points that keep every limit, and crosses that do not."""
    size, alpha = (14, 0.5) if len(x) < 300 else (8, 0.3)
    axes.scatter(x[good], y[good], s=size, alpha=alpha, color=colour, linewidths=0)
    if not good.all():
        axes.scatter(x[~good], y[~good], s=size + 6, alpha=0.7, color="C1", marker="x", linewidths=1)


def _means(axes: Axes, x: Float[np.ndarray, " runs"], y: Float[np.ndarray, " runs"], colour: str, label: str) -> None:
    """Mean with its interval at every value that several runs share."""
    places = np.array([place for place in np.unique(x) if np.sum(x == place) >= _FEWEST_SHARED])
    groups = [y[x == place] for place in places]
    if len(places) == 0:
        if label != _MEAN:  # then it says which points these are
            axes.plot([], [], color=colour, marker="o", markersize=4, linewidth=0, label=label)
        return
    means = np.array([group.mean() for group in groups])
    bounds = [_statistics.mean_interval(list(group)) or (m, m) for group, m in zip(groups, means, strict=True)]
    reach = np.array([(m - low, high - m) for m, (low, high) in zip(means, bounds, strict=True)]).T
    axes.errorbar(places, means, reach, color=colour, marker="D", markersize=4, capsize=3, linewidth=1.2, label=label)


def _pooled_means(
    axes: Axes, x: Float[np.ndarray, " runs"], y: Float[np.ndarray, " runs"], colour: str, label: str
) -> None:
    places = np.unique(x)
    axes.plot(places, [y[x == place].mean() for place in places], "--D", color=colour, markersize=4, label=label)
