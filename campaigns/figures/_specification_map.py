"""The specification map: where a bound is kept, over two parameters, in a panel for each value of the others."""

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes as Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure as Figure
from matplotlib.image import AxesImage as AxesImage

from ..planning import Plan
from ..runs import Record
from ..studies import Specification, Study
from ._axes import widened
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
    held = [dict(zip(others, values, strict=True)) for values in panels]
    means = [
        _means(asked, plan, records, (up, axes_values[up]), (across, axes_values[across]), fixed) for fixed in held
    ]
    norm = _norm(means, asked.at_most)
    for place, fixed, found in zip(row, held, means, strict=True):
        image = _panel(place, found, asked.at_most, norm)
        place.set_xticks(range(len(axes_values[across])), labels=[value_label(across, v) for v in axes_values[across]])
        place.set_yticks(range(len(axes_values[up])), labels=[value_label(up, v) for v in axes_values[up]])
        told = {name: v for name, v in fixed.items() if len(axes_values[name]) > 1}
        place.set_title(_title(told, 26), fontsize=9)
    row[0].set_ylabel(parameter_label(up, ""))
    figure.supxlabel(parameter_label(across, ""), fontsize="medium")
    figure.colorbar(image, ax=list(row), label=metric_label(study, asked.metric, ""))
    left_out = f" (the first {len(panels)} of {len(every)} panels)" if len(every) > len(panels) else ""
    bound = f"{metric_label(study, asked.metric, '')} at most {asked.at_most:g}"
    title = f"{study.name}: {_edge_words(means, asked.at_most)} {bound}, mean of {study.instances}{left_out}"
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


def _edge_words(means: Sequence[Float[np.ndarray, "up across"]], at_most: float) -> str:
    kept = np.concatenate([np.nan_to_num(found, nan=np.inf).ravel() for found in means]) <= at_most
    if kept.all():
        return "every device keeps"
    return "the line is the edge of" if kept.any() else "no device keeps"


def _norm(means: Sequence[Float[np.ndarray, "up across"]], at_most: float) -> Normalize:
    """One scale for all panels, with the bound on it; logarithmic where the values spread widely."""
    values = np.concatenate([[at_most], *(found[np.isfinite(found)] for found in means)]).tolist()
    return (LogNorm if widened(values, 5.0) else Normalize)(min(values), max(values))


def _panel(axes: Axes, means: Float[np.ndarray, "up across"], at_most: float, norm: Normalize) -> AxesImage:
    image = axes.imshow(means, origin="lower", aspect="auto", cmap="cividis_r", norm=norm)
    axes.grid(False)
    dark = np.ma.filled(norm(np.ma.masked_invalid(means)), 0.0) > 0.5
    for (i, j), value in np.ndenumerate(means):
        label = f"{value:.3g}" if np.isfinite(value) else "fails"
        axes.text(j, i, label, ha="center", va="center", fontsize=7, color="white" if dark[i, j] else "black")
    _edges(axes, np.nan_to_num(means, nan=np.inf) <= at_most)
    return image


def _edges(axes: Axes, good: Any) -> None:
    """A line between cells that keep the bound and those that do not."""
    rows, columns = good.shape
    for i, j in itertools.product(range(rows), range(columns)):
        if j + 1 < columns and good[i, j] != good[i, j + 1]:
            axes.plot([j + 0.5] * 2, [i - 0.5, i + 0.5], color="C1", linewidth=2.5)
        if i + 1 < rows and good[i, j] != good[i + 1, j]:
            axes.plot([j - 0.5, j + 0.5], [i + 0.5] * 2, color="C1", linewidth=2.5)
