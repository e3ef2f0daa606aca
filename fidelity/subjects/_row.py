"""One row of the fidelity table: a comparison, its value, its limit."""

import math
from typing import Any

import numpy as np

from ...circuits import Instance, Level

Row = dict[str, Any]

Z_SCORE = 4.0
"""Limit of a standard normal score: passed by chance in all but 6 of 100,000 cases."""


def make_row(
    instance: Instance,
    level: Level,
    analysis: str,
    metric: str,
    value: float,
    limit: float,
    interval: tuple[float, float] | None = None,
) -> Row:
    """Passes when the value is at most the limit; what was not computed is absent, and fails all the same.

    An interval holds the value with 95 % where it is a statistic.
    """
    topology = instance.topology
    row: Row = {"topology": topology.name, "level": level, "size": topology.n}
    row |= {"analysis": analysis, "metric": metric, "limit": limit, "passed": bool(value <= limit)}
    if interval is not None and all(math.isfinite(end) for end in interval):
        row["interval"] = [float(end) for end in interval]
    return row | ({"value": float(value)} if math.isfinite(value) else {})


def relative(difference: np.ndarray, values: np.ndarray) -> float:
    """Euclidean or Frobenius norm of the difference by that of the values; NaN for nothing against nothing."""
    scale = float(np.linalg.norm(values))
    return float(np.linalg.norm(difference)) / scale if scale > 0 else math.nan


def decibels(ratio: np.ndarray) -> float:
    """Largest magnitude of a ratio of densities in dB."""
    with np.errstate(divide="ignore"):
        return float(np.max(np.abs(10 * np.log10(ratio))))
