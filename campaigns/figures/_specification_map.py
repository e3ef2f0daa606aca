"""The specification map: where a bound is kept, over two parameters, in a panel for each value of the others."""

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Axes
from matplotlib.figure import Figure as Figure
from matplotlib.image import AxesImage as AxesImage

from ..planning import Plan
from ..runs import Record
from ..studies import Specification, Study
from ._labels import metric_label, parameter_label, value_label

_MOST_PANELS = 6


def draw_specification(study: Study, asked: Specification, plan: Plan, records: Sequence[Record | None]) -> Figure:
    """Mean of the metric in each cell; those that keep the bound are bright, and the edge between them is drawn."""
    across = asked.loosest
    up, *others = [name for name in study.parameters if name != across]
    axes_values = {name: plan.axis(name) for name in study.parameters}
    axes_values[across] = sorted(axes_values[across])
    every = list(itertools.product(*(axes_values[name] for name in others)))
    panels = every[:_MOST_PANELS]
    width = min(max(1.6 + 0.75 * len(axes_values[across]) * len(panels), 6.4), 13.0)
    figure = Figure(figsize=(width, max(1.9 + 0.42 * len(axes_values[up]), 3.2)))
    row = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    images: list[AxesImage] = []
    for place, values in zip(row, panels, strict=True):
        fixed = dict(zip(others, values, strict=True))
        means = _means(asked, plan, records, (up, axes_values[up]), (across, axes_values[across]), fixed)
        images.append(_panel(place, means, asked))
        place.set_xticks(range(len(axes_values[across])), labels=[value_label(across, v) for v in axes_values[across]])
        place.set_yticks(range(len(axes_values[up])), labels=[value_label(up, v) for v in axes_values[up]])
        told = {name: v for name, v in fixed.items() if len(axes_values[name]) > 1}
        place.set_title(_title(told, 26), fontsize=9)
    row[0].set_ylabel(parameter_label(up, ""))
    figure.supxlabel(parameter_label(across, ""), fontsize="medium")
    figure.colorbar(images[0], ax=list(row), label=metric_label(study, asked.metric, ""))
    left_out = f" (the first {len(panels)} of {len(every)} panels)" if len(every) > len(panels) else ""
    bound = f"{metric_label(study, asked.metric, '')} at most {asked.at_most:g}"
    title = f"{study.name}: the line is the edge of {bound}, mean of {study.instances}{left_out}"
    if same := {name: axes_values[name][0] for name in others if len(axes_values[name]) == 1}:
        title = f"{title}; {_title(same, 200)}"
    figure.suptitle(textwrap.fill(title, round(13 * width)), fontsize=10)
    return figure


def _title(values: Mapping[str, Any], width: int) -> str:
    """A line or more of parameters with their values."""
    return textwrap.fill(", ".join(f"{parameter_label(n, '')} {value_label(n, v)}" for n, v in values.items()), width)


def _means(
    asked: Specification,
    plan: Plan,
    records: Sequence[Record | None],
    up: tuple[str, Sequence[Any]],
    across: tuple[str, Sequence[Any]],
    fixed: Mapping[str, Any],
) -> Float[np.ndarray, "up across"]:
    """NaN where a run failed."""
    found = np.full((len(up[1]), len(across[1])), np.nan)
    for (i, y), (j, x) in itertools.product(enumerate(up[1]), enumerate(across[1])):
        here = plan.at({**fixed, up[0]: y, across[0]: x}, records)
        if all(r is not None and r["status"] == "done" and asked.metric in r["metrics"] for r in here):
            found[i, j] = np.mean([r["metrics"][asked.metric] for r in here if r is not None])
    return found


def _panel(axes: Axes, means: Float[np.ndarray, "up across"], asked: Specification) -> AxesImage:
    # Four times the allowed excess is as dark as it gets: how far beyond it a device is does not matter to a designer.
    image = axes.imshow(
        means, origin="lower", aspect="auto", cmap="cividis_r", vmin=1.0, vmax=1 + 4 * (asked.at_most - 1)
    )
    axes.grid(False)
    for (i, j), value in np.ndenumerate(means):
        bad = not np.isfinite(value)
        dark = bad or value > 1 + 2 * (asked.at_most - 1)
        label = "fails" if bad else f"{value:.3f}" if value < 10 else f"{value:.1e}"
        axes.text(j, i, label, ha="center", va="center", fontsize=7, color="black" if bad or not dark else "white")
    _edges(axes, np.nan_to_num(means, nan=np.inf) <= asked.at_most)
    return image


def _edges(axes: Axes, good: Any) -> None:
    """A line between cells that keep the bound and those that do not."""
    rows, columns = good.shape
    for i, j in itertools.product(range(rows), range(columns)):
        if j + 1 < columns and good[i, j] != good[i, j + 1]:
            axes.plot([j + 0.5] * 2, [i - 0.5, i + 0.5], color="C1", linewidth=2.5)
        if i + 1 < rows and good[i, j] != good[i + 1, j]:
            axes.plot([j - 0.5, j + 0.5], [i + 0.5] * 2, color="C1", linewidth=2.5)
