"""Histograms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure as Figure

from ..studies import Study
from ._axes import SIZE, Row, draw_limits, limits_of, title_of, values_of
from ._labels import metric_label, scale_of


def draw_histogram(study: Study, rows: Sequence[Row], metric: str) -> Figure:
    """Draw how often a metric takes which values, with its limits."""
    values = values_of(rows, metric)
    factor, unit = scale_of(values, study.metrics[metric].unit, metric)
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    axes.hist(np.array(values) / factor, bins=_bins(np.array(values) / factor), color="C0", alpha=0.75)
    draw_limits(axes.axvline, limits_of(study, metric), factor, unit)
    axes.set(xlabel=metric_label(study, metric, unit), ylabel="runs")
    axes.set_title(title_of(study, rows, metric))
    if limits_of(study, metric):
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def _bins(values: Float[np.ndarray, " runs"]) -> Any:
    # Freedman and Diaconis where the spread allows it; equal values still need a bin of some width.
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        return 1
    edges = np.histogram_bin_edges(values, "fd")
    return edges if len(edges) <= 60 else 60
