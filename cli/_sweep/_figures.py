"""Pictures of a study: histograms with limits and yield, metrics against parameters, maps over two parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ...reports import Axes, Figure, png
from . import _statistics
from ._store import Record
from ._study import Limit, Study
from ._tasks import Plan, Run
from ._units import unit_of

_SIZE = (5.6, 3.7)
_MOST_METRICS, _MOST_PARAMETERS = 4, 6
_MOST_LINES = 6
_FEWEST_SHARED = 3
"""Runs that a mean is drawn of."""
_MEAN = "mean, 95 % interval"
_FEWEST = 10
"""Values that make a histogram."""

_PREFERRED = (
    "train_loss_ratio",
    "relative_error",
    "settle_time",
    "noise_rms",
    "bandwidth",
    "test_loss",
    "test_accuracy",
    "train_loss",
)
_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
_SCALED = ("s", "V", "Hz", "W", "J", "F", "ohm", "A")

Row = tuple[Run, Record]


def draw(study: Study, plan: Plan, records: Sequence[Record | None]) -> dict[str, bytes]:
    """PNG files by name."""
    rows = [(run, record) for run, record in zip(plan.runs, records, strict=True) if record is not None]
    found: dict[str, bytes] = {}
    varied = [name for name in study.parameters if len({repr(point[name]) for point in plan.points}) > 1]
    for metric in _chosen(study, rows):
        if (len(varied) == 0 or study.method != "grid") and len(_values(rows, metric)) >= _FEWEST:
            found[f"histogram-{metric}.png"] = png(_bound(_histogram, study, rows, metric))
        for name in varied[:_MOST_PARAMETERS]:
            other = _other(study, plan, varied, name)
            found[f"{metric}-against-{name}.png"] = png(_bound(_against, study, rows, metric, name, other))
        if study.method == "grid" and len(varied) == 2:
            found[f"{metric}-map.png"] = png(_bound(_map, study, rows, metric, *varied))
    if study.specification is not None:
        from ._specification_figure import draw_specification

        found["specification.png"] = png(_bound(draw_specification, study, study.specification, plan, records))
    return found


def axis_label(name: str) -> str:
    """A parameter with its unit."""
    return _label(name, _unit(name))


def _other(study: Study, plan: Plan, varied: Sequence[str], name: str) -> str | None:
    """The second parameter of a grid, when it has few enough values for a line each."""
    others = [other for other in varied if other != name]
    if study.method != "grid" or len(others) != 1:
        return None
    return others[0] if len({repr(point[others[0]]) for point in plan.points}) <= _MOST_LINES else None


def _bound(function: Callable[..., Figure], *arguments: Any) -> Callable[[], Figure]:
    return lambda: function(*arguments)


def _chosen(study: Study, rows: Sequence[Row]) -> list[str]:
    limited = [limit.metric for limit in study.limits]
    names = dict.fromkeys([*limited, *(name for name in _PREFERRED if name in study.metrics)])
    return [name for name in names if _values(rows, name)][:_MOST_METRICS]


def _values(rows: Sequence[Row], metric: str) -> list[float]:
    return [float(r["metrics"][metric]) for _, r in rows if r["status"] == "done" and metric in r["metrics"]]


def _limits(study: Study, metric: str) -> list[Limit]:
    return [limit for limit in study.limits if limit.metric == metric]


def _scale(values: Sequence[float], unit: str) -> tuple[float, str]:
    """Factor and unit that read well on an axis."""
    if unit not in _SCALED:
        return 1.0, "" if unit == "1" else unit
    largest = max((abs(value) for value in values), default=0.0)
    factor, prefix = next((p for p in _PREFIXES if largest >= p[0]), (1.0, "") if largest == 0 else _PREFIXES[-1])
    return factor, prefix + unit


def _label(text: str, unit: str) -> str:
    shown = (
        text.removeprefix("training.")
        .removeprefix("design.")
        .replace(".", " ")
        .replace("_", " ")
        .replace("A^-1 b", "$A^{-1}b$")
    )
    return f"{shown} ({unit})" if unit else shown


def _metric_label(study: Study, metric: str, unit: str) -> str:
    return _label(study.metrics[metric].meaning, unit)


def _wide(values: Sequence[float], factor: float = 50.0) -> bool:
    return len(values) > 0 and min(values) > 0 and max(values) > factor * min(values)


def _histogram(study: Study, rows: Sequence[Row], metric: str) -> Figure:
    values = _values(rows, metric)
    factor, unit = _scale(values, study.metrics[metric].unit)
    figure = Figure(figsize=_SIZE)
    axes = figure.add_subplot()
    axes.hist(np.array(values) / factor, bins=_bins(np.array(values) / factor), color="C0", alpha=0.75)
    _draw_limits(axes.axvline, _limits(study, metric), factor)
    axes.set(xlabel=_metric_label(study, metric, unit), ylabel="runs")
    axes.set_title(_title(study, rows, metric))
    if _limits(study, metric):
        axes.legend()
    return figure


def _bins(values: Float[np.ndarray, " runs"]) -> Any:
    # Freedman and Diaconis where the spread allows it; equal values still need a bin of some width.
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        return 1
    edges = np.histogram_bin_edges(values, "fd")
    return edges if len(edges) <= 60 else 60


def _title(study: Study, rows: Sequence[Row], metric: str) -> str:
    records = [record for _, record in rows]
    failed = sum(record["status"] == "failed" for record in records)
    parts = [f"{study.name}: {len(records)} runs" + (f", {failed} failed" if failed else "")]
    for limit in _limits(study, metric):
        found = _statistics.of_limit(limit, records)
        low, high = found["yield_low"], found["yield_high"]
        parts.append(f"yield {found.get('yield', 0.0):.1%} (95 % interval {low:.1%} to {high:.1%})")
    return "\n".join(parts)


def _draw_limits(line: Callable[..., Any], limits: Sequence[Limit], factor: float) -> None:
    for limit in limits:
        for value, word in ((limit.at_most, "at most"), (limit.at_least, "at least")):
            if value is not None:
                line(value / factor, color="C1", linestyle="--", label=f"{word} {value / factor:g}")


def _against(study: Study, rows: Sequence[Row], metric: str, name: str, other: str | None) -> Figure:
    kept = [(run, r) for run, r in rows if r["status"] == "done" and metric in r["metrics"]]
    y = np.array([float(r["metrics"][metric]) for _, r in kept])
    factor, unit = _scale(list(y), study.metrics[metric].unit)
    figure = Figure(figsize=_SIZE)
    axes = figure.add_subplot()
    x, x_label = _abscissa(axes, [run.values[name] for run, _ in rows], [run.values[name] for run, _ in kept], name)
    good = np.array([_statistics.keeps(r, study.limits) for _, r in kept], dtype=bool)
    # what else was varied is no chance, and has no interval
    pooled = study.method == "grid" and any(p not in (name, other) for p in study.parameters)
    labels = [f"{_label(other, '')} {short(text_of(run.values[other]))}" if other else "" for run, _ in kept]
    for k, label in enumerate(dict.fromkeys(labels)):
        here = np.array([found == label for found in labels])
        _scatter(axes, x[here], y[here] / factor, good[here], f"C{k + 2}" if label else "C0")
        if pooled:
            _pooled_means(axes, x[here], y[here] / factor, f"C{k + 2}", label or "mean over all other settings")
        else:
            _means(axes, x[here], y[here] / factor, f"C{k + 2}", label or _MEAN)
    _draw_limits(axes.axhline, _limits(study, metric), factor)
    if _wide(list(y)):
        axes.set_yscale("log")
    axes.set(xlabel=x_label, ylabel=_metric_label(study, metric, unit))
    axes.set_title(_title(study, rows, metric))
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    return figure


def _abscissa(
    axes: Axes, every: Sequence[Any], kept: Sequence[Any], name: str
) -> tuple[Float[np.ndarray, " runs"], str]:
    """Places of the kept values on the axis: numbers where they are, anything else side by side."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in every):
        factor, unit = _scale(list(every), unit_of(name))
        x = np.array(kept, dtype=float) / factor
        if _wide(list(every)):
            axes.set_xscale("log")
        elif min(every) == 0 and _wide([value for value in every if value > 0], 20.0):
            axes.set_xscale("symlog", linthresh=min(value for value in every if value > 0) / factor)
        return x, _label(name, unit)
    names = list(dict.fromkeys(text_of(value) for value in every))
    axes.set_xticks(range(len(names)), labels=names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    unit = unit_of(name)
    return np.array([names.index(text_of(value)) for value in kept], dtype=float), _label(
        name, "" if unit == "1" else unit
    )


def text_of(value: Any) -> str:
    """A parameter's value in words."""
    return "exact" if value is None else str(value)


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


def _map(study: Study, rows: Sequence[Row], metric: str, first: str, second: str) -> Figure:
    across, up = (list(dict.fromkeys(text_of(run.values[name]) for run, _ in rows)) for name in (first, second))
    limits = _limits(study, metric)
    cells: dict[tuple[int, int], list[Record]] = {}
    for run, record in rows:
        place = up.index(text_of(run.values[second])), across.index(text_of(run.values[first]))
        cells.setdefault(place, []).append(record)
    shown = np.full((len(up), len(across)), np.nan)
    for place, records in cells.items():
        shown[place] = _cell(records, metric, limits)
    factor, unit = (1e-2, "%") if limits else _scale(list(shown[np.isfinite(shown)]), study.metrics[metric].unit)
    figure = Figure(figsize=(_SIZE[0], 4.2))
    axes = figure.add_subplot()
    image = axes.imshow(
        shown / factor,
        origin="lower",
        aspect="auto",
        cmap="cividis",
        vmin=0 if limits else None,
        vmax=100 if limits else None,
        norm="log" if not limits and _wide(list(shown[np.isfinite(shown)])) else None,
    )
    axes.grid(False)
    axes.set_xticks(range(len(across)), labels=[short(value) for value in across])
    axes.set_yticks(range(len(up)), labels=[short(value) for value in up])
    # What has no colour is white.
    bright = np.ma.filled(image.norm(np.ma.masked_invalid(shown / factor)), 1.0) > 0.5
    for (row, column), value in np.ndenumerate(shown / factor):
        ink = "black" if bright[row, column] else "white"
        failed = sum(record["status"] == "failed" for record in cells.get((row, column), ()))
        # The mean is of those that were done: one that looks good may have few.
        lost = f"\n{failed} failed" if failed else ""
        shown_value = f"{value:.3g}" if np.isfinite(value) else "–"
        axes.text(
            column, row, f"{shown_value}{lost}", ha="center", va="center", color=ink, fontsize=8 if lost else None
        )
    what = f"yield of {' and '.join(limit.label for limit in limits)}" if limits else study.metrics[metric].meaning
    figure.colorbar(image, ax=axes, label=f"{what} ({unit})" if unit else what)
    axes.set(xlabel=_label(first, _unit(first)), ylabel=_label(second, _unit(second)), title=f"{study.name}")
    return figure


def _cell(records: Sequence[Record], metric: str, limits: Sequence[Limit]) -> float:
    if limits:
        return sum(_statistics.keeps(record, limits) for record in records) / len(records)
    values = [float(r["metrics"][metric]) for r in records if r["status"] == "done" and metric in r["metrics"]]
    return float(np.mean(values)) if values else float("nan")


def _unit(name: str) -> str:
    unit = unit_of(name)
    return "" if unit == "1" else unit


def short(value: str) -> str:
    """Numbers to four digits."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
