"""Metrics against a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure

from ..planning import PlannedRun
from ..results import statistics as _statistics
from ..studies import Study
from ._axes import SIZE, Row, draw_limits, limits_of, title_of, widened
from ._labels import metric_label, parameter_label, parameter_scale, scale_of, text_of, value_label

_FEWEST_SHARED = 3
"""Runs that a mean is drawn of."""
_MEAN = "mean, 95 % interval"
_POOLED = "mean over all other settings"


def draw_against(study: Study, rows: Sequence[Row], metric: str, name: str, other: str | None) -> Figure:
    """Every run's metric against one parameter, with means; a line for each value of another parameter."""
    kept = [(run, r) for run, r in rows if r["status"] == "done" and metric in r["metrics"]]
    y = np.array([float(r["metrics"][metric]) for _, r in kept])
    factor, unit = scale_of(y.tolist(), study.metrics[metric].unit, metric)
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    every = [run.values[name] for run, _ in rows]
    x, x_label = _abscissa(axes, every, [run.values[name] for run, _ in kept], name)
    lossy = {_group(run, name, other) for run, record in rows if record["status"] == "failed"}
    good = np.array([_statistics.keeps(r, study.limits) for _, r in kept], dtype=bool)
    cut = np.array([_group(run, name, other) in lossy for run, _ in kept], dtype=bool)
    labels = [_line_label(other, run.values[other]) if other else "" for run, _ in kept]
    # what else was varied is no chance, and has no interval
    pooled = study.method == "grid" and any(p not in (name, other) for p in study.parameters)
    _draw_groups(axes, _Points(x, y / factor, good, cut, labels), _are_numbers(every), pooled)
    draw_limits(axes.axhline, limits_of(study, metric), factor, unit)
    if widened(y.tolist()):
        axes.set_yscale("log")
    axes.set(xlabel=x_label, ylabel=metric_label(study, metric, unit))
    axes.set_title(title_of(study, rows, metric))
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=2)
    return figure


@dataclass(frozen=True, eq=False)
class _Points:
    """Runs as points.

    Attributes:
        x: places on the axis.
        y: the metric, in the unit of the axis.
        good: whether a run keeps every limit.
        cut: whether other runs at its place failed.
        labels: of the line that a run belongs to.
    """

    x: Float[np.ndarray, " runs"]
    y: Float[np.ndarray, " runs"]
    good: Bool[np.ndarray, " runs"]
    cut: Bool[np.ndarray, " runs"]
    labels: Sequence[str]


def _draw_groups(axes: Axes, points: _Points, joined: bool, pooled: bool) -> None:
    names = list(dict.fromkeys(points.labels))
    draw_means = _pooled_means if pooled else _means
    for k, label in enumerate(names):
        here = np.array([one == label for one in points.labels])
        # Between categories there is nothing: lines that would lie upon each other stand side by side instead.
        aside = 0.0 if joined else _ASIDE * (k - (len(names) - 1) / 2)
        places = points.x[here] + aside
        _scatter(axes, places, points.y[here], points.good[here], f"C{k + 2}" if label else "C0")
        line = _Line(f"C{k + 2}", joined, label or (_POOLED if pooled else _MEAN))
        draw_means(axes, places, points.y[here], points.cut[here], line)
    if not points.good.all():
        axes.plot([], [], "x", color="C1", markersize=5, label="a run beyond a limit")
    if points.cut.any():
        axes.plot([], [], "D", color="C7", markerfacecolor="none", markersize=5, label="open: some of its runs failed")


def _line_label(name: str, value: Any) -> str:
    return f"{parameter_label(name, '')} {value_label(name, value)}"


def _group(run: PlannedRun, name: str, other: str | None) -> tuple[str, str]:
    """The place of a run, and its line."""
    return repr(run.values[name]), repr(run.values[other]) if other else ""


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _abscissa(
    axes: Axes, every: Sequence[Any], kept: Sequence[Any], name: str
) -> tuple[Float[np.ndarray, " runs"], str]:
    """Places of the kept values on the axis: numbers where they are, anything else side by side."""
    if _are_numbers(every):
        factor, unit = parameter_scale(list(every), name)
        x = np.array(kept, dtype=float) / factor
        if widened(list(every)):
            axes.set_xscale("log")
        elif min(every) == 0 and widened([value for value in every if value > 0], 20.0):
            axes.set_xscale("symlog", linthresh=min(value for value in every if value > 0) / factor)
        return x, parameter_label(name, unit)
    names = list(dict.fromkeys(text_of(value) for value in every))
    shown = {text_of(value): value_label(name, value) for value in every}
    turned = 30 if max(map(len, shown.values())) * len(names) > _MOST_LETTERS else 0
    axes.set_xticks(range(len(names)), labels=[shown[one] for one in names], rotation=turned)
    axes.set_xlim(-0.6, len(names) - 0.4)
    return np.array([names.index(text_of(value)) for value in kept], dtype=float), parameter_label(name, "")


_MOST_LETTERS = 50
"""Of all categories that stand beside each other."""

_ASIDE = 0.12


@dataclass(frozen=True, slots=True)
class _Line:
    """How the means of one group are drawn."""

    colour: str
    joined: bool
    label: str


def _scatter(axes: Axes, x: Float[np.ndarray, " runs"], y: Float[np.ndarray, " runs"], good: Any, colour: str) -> None:
    """Points that keep every limit, and crosses that do not."""
    size, alpha = (14, 0.5) if len(x) < 300 else (8, 0.3)
    axes.scatter(x[good], y[good], s=size, alpha=alpha, color=colour, linewidths=0)
    if not good.all():
        axes.scatter(x[~good], y[~good], s=size + 6, alpha=0.7, color="C1", marker="x", linewidths=1)


def _means(axes: Axes, x: Float[np.ndarray, " runs"], y: Float[np.ndarray, " runs"], cut: Any, line: _Line) -> None:
    """Mean with its interval at every value that several runs share; open where some of the runs failed."""
    places = np.array([place for place in np.unique(x) if np.sum(x == place) >= _FEWEST_SHARED])
    groups = [y[x == place] for place in places]
    if len(places) == 0:
        if line.label != _MEAN:  # then it says which points these are
            axes.plot([], [], color=line.colour, marker="o", markersize=4, linewidth=0, label=line.label)
        return
    means = np.array([group.mean() for group in groups])
    bounds = [_statistics.mean_interval(list(group)) or (m, m) for group, m in zip(groups, means, strict=True)]
    reach = np.array([(m - low, high - m) for m, (low, high) in zip(means, bounds, strict=True)]).T
    width = 1.2 if line.joined else 0.0
    axes.errorbar(places, means, reach, color=line.colour, capsize=3, linewidth=width, elinewidth=1.2, label=line.label)
    _diamonds(axes, places, means, np.array([cut[x == place].any() for place in places]), line.colour)


def _diamonds(axes: Axes, x: Any, y: Any, cut: Any, colour: str) -> None:
    axes.plot(x[~cut], y[~cut], "D", color=colour, markersize=4)
    axes.plot(x[cut], y[cut], "D", color=colour, markersize=5, markerfacecolor="none")


def _pooled_means(
    axes: Axes, x: Float[np.ndarray, " runs"], y: Float[np.ndarray, " runs"], cut: Any, line: _Line
) -> None:
    places = np.unique(x)
    means = np.array([y[x == place].mean() for place in places])
    axes.plot(places, means, "--" if line.joined else "", color=line.colour, label=line.label)
    _diamonds(axes, places, means, np.array([cut[x == place].any() for place in places]), line.colour)
