"""Words and units on axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...reports.wording import in_percent, listed, metric_words, parameter_words, value_words
from ..results import statistics as _statistics
from ..runs import Record
from ..studies import Limit, Study, unit_of

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
_SCALED = ("s", "V", "Hz", "W", "J", "F", "ohm", "A")


def scale_of(values: Sequence[float], unit: str, name: str = "") -> tuple[float, str]:
    """Factor and unit that read well on an axis; percent where people think in it."""
    if in_percent(name, unit):
        return 1e-2, "%"
    if unit not in _SCALED:
        return 1.0, "" if unit == "1" else unit
    largest = max((abs(value) for value in values), default=0.0)
    factor, prefix = next((p for p in _PREFIXES if largest >= p[0]), (1.0, "") if largest == 0 else _PREFIXES[-1])
    return factor, prefix + unit


def parameter_scale(values: Sequence[float], name: str) -> tuple[float, str]:
    """The same of a parameter; deviations are in percent."""
    return (1e-2, "%") if is_deviation(name) else scale_of(values, unit_of(name))


def is_deviation(name: str) -> bool:
    """Whether a parameter is a relative deviation."""
    return unit_of(name) == "1" and (".mismatch." in f".{name}" or ".corners." in f".{name}")


def parameter_label(name: str, unit: str) -> str:
    """A parameter in words, with the axis' unit."""
    shown = parameter_words(name)
    return f"{shown} ({unit})" if unit else shown


def metric_label(study: Study, metric: str, unit: str) -> str:
    """A metric in words, with the axis' unit."""
    shown = metric_words(metric) if metric in study.metrics else metric
    return f"{shown} ({unit})" if unit else shown


def limit_words(limit: Limit, unit: str, factor: float) -> str:
    """`bandwidth at least 25 kHz`."""
    ends = {"at least": limit.at_least, "at most": limit.at_most}
    told = [f"{word} {value / factor:.4g} {unit}".strip() for word, value in ends.items() if value is not None]
    return f"{metric_words(limit.metric)} {listed(told)}"


def text_of(value: Any) -> str:
    """A parameter's value in words."""
    return "exact" if value is None else str(value)


def value_label(name: str, value: Any) -> str:
    """The same with its unit, in percent where it is a deviation."""
    return value_words(name, value, unit_of(name))


def cell_label(records: Sequence[Record], metric: str, limits: Sequence[Limit]) -> float:
    """Mean of the runs that were done, or the yield of the metric's limits among all of them."""
    if limits:
        return sum(_statistics.keeps(record, limits) for record in records) / len(records)
    values = [float(r["metrics"][metric]) for r in records if r["status"] == "done" and metric in r["metrics"]]
    return float(np.mean(values)) if values else float("nan")
