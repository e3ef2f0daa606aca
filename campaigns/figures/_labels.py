"""Words and units on axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..results import statistics as _statistics
from ..runs import Record
from ..studies import Limit, Study, unit_of

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
_SCALED = ("s", "V", "Hz", "W", "J", "F", "ohm", "A")


def axis_label(name: str) -> str:
    """A parameter with its unit."""
    return parameter_label(name, unit_label(name))


def scale_of(values: Sequence[float], unit: str) -> tuple[float, str]:
    """Factor and unit that read well on an axis."""
    if unit not in _SCALED:
        return 1.0, "" if unit == "1" else unit
    largest = max((abs(value) for value in values), default=0.0)
    factor, prefix = next((p for p in _PREFIXES if largest >= p[0]), (1.0, "") if largest == 0 else _PREFIXES[-1])
    return factor, prefix + unit


def parameter_label(text: str, unit: str) -> str:
    shown = (
        text.removeprefix("training.")
        .removeprefix("design.")
        .replace(".", " ")
        .replace("_", " ")
        .replace("A^-1 b", "$A^{-1}b$")
    )
    return f"{shown} ({unit})" if unit else shown


def metric_label(study: Study, metric: str, unit: str) -> str:
    return parameter_label(study.metrics[metric].meaning, unit)


def text_of(value: Any) -> str:
    """A parameter's value in words."""
    return "exact" if value is None else str(value)


def cell_label(records: Sequence[Record], metric: str, limits: Sequence[Limit]) -> float:
    if limits:
        return sum(_statistics.keeps(record, limits) for record in records) / len(records)
    values = [float(r["metrics"][metric]) for r in records if r["status"] == "done" and metric in r["metrics"]]
    return float(np.mean(values)) if values else float("nan")


def unit_label(name: str) -> str:
    unit = unit_of(name)
    return "" if unit == "1" else unit


def short(value: str) -> str:
    """Numbers to four digits."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
