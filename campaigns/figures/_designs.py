"""The designs of a search: what they cost, and which keep the limits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..studies import Limit, Study
from ._axes import SIZE, draw_limits
from ._labels import metric_label, scale_of

Row = Mapping[str, Any]

_KINDS = ((True, "o", "C0", "keeps the limits, with the margin"), (False, "x", "C1", "does not"))


def draw_designs(study: Study, rows: Sequence[Row], found: Mapping[str, Any]) -> Figure:
    """Median of each limit's metric against the cost; the chosen design with what new chips had."""
    figure = Figure(figsize=(SIZE[0], SIZE[1] * (0.45 + 0.55 * len(study.limits))))
    panels = figure.subplots(len(study.limits), 1, squeeze=False, sharex=True)[:, 0]
    for k, (axes, limit) in enumerate(zip(panels, study.limits, strict=True)):
        _panel(axes, study, limit, [(row, row["limits"][k]) for row in rows], found, k)
    unit = f" ({found['unit']})" if found["unit"] else ""
    panels[-1].set_xlabel(f"cost of the design{unit}")
    panels[0].set_title(_title(study, found))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _panel(
    axes: Axes, study: Study, limit: Limit, rows: Sequence[tuple[Row, Row]], found: Mapping[str, Any], k: int
) -> None:
    there = [(row, own) for row, own in rows if "median" in own]
    values = [own["median"] for _, own in there]
    factor, unit = scale_of(values, study.metrics[limit.metric].unit, limit.metric)
    for kept, marker, colour, label in _KINDS:
        here = [(row["cost"], own["median"] / factor) for row, own in there if row["kept"] is kept]
        axes.scatter([x for x, _ in here], [y for _, y in here], s=22, marker=marker, color=colour, label=label)
    new = found.get("verification", {}).get("limits")
    if new and "median" in new[k]:
        low, middle, high = (np.array([new[k][name]]) / factor for name in ("min", "median", "max"))
        ends = np.stack([middle - low, high - middle])
        axes.errorbar([found["cost"]], middle, ends, fmt="D", color="C2", capsize=4, label="the cheapest, on new chips")
    draw_limits(axes.axhline, [limit], factor, unit)
    positive = [value for value in values if value > 0]
    if positive and len(positive) == len(values) and max(positive) > 20 * min(positive):
        axes.set_yscale("log")
    if (costs := [row["cost"] for row, _ in rows]) and max(costs) > 20 * min(costs) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(metric_label(study, limit.metric, unit))


def _title(study: Study, found: Mapping[str, Any]) -> str:
    if "cost" not in found:
        return f"{study.name}: none of {found['designs']} designs keeps the limits"
    verdict = "met" if found["met"] else "NOT met"
    cost = f"{found['cost']:.4g} {found['unit']}".strip()
    return f"{study.name}: {found['designs']} designs\nthe cheapest costs {cost}; on new chips the limits are {verdict}"
