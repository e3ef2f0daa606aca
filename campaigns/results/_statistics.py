"""Yields and means with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy

from ..runs import Record
from ..studies import Limit, Study

CONFIDENCE = 0.95


def wilson_interval(passed: int, total: int) -> tuple[float, float]:
    """Interval of a yield (Wilson, J. Am. Stat. Assoc. 22, 209, 1927); (0, 1) when nothing was tried."""
    if total == 0:
        return 0.0, 1.0
    found = scipy.stats.binomtest(passed, total).proportion_ci(CONFIDENCE, method="wilson")
    # Rounding may leave 1e-17 where the interval ends at 0 or 1.
    return (0.0 if passed == 0 else float(found.low)), (1.0 if passed == total else float(found.high))


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's t interval of a mean; None for fewer than two values."""
    if len(values) < 2:
        return None
    mean = float(np.mean(values))
    error = float(scipy.stats.sem(values))
    reach = error * float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
    return mean - reach, mean + reach


def of_metric(values: Sequence[float]) -> dict[str, int | float]:
    """Count, mean with interval, spread and quantiles."""
    if not values:
        return {"count": 0}
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    found: dict[str, int | float] = {"count": len(values), "mean": float(np.mean(values)), "median": float(median)}
    found |= {"min": float(min(values)), "max": float(max(values)), "q05": float(low), "q95": float(high)}
    if interval := mean_interval(values):
        found |= {"mean_low": interval[0], "mean_high": interval[1], "sd": float(np.std(values, ddof=1))}
    return found


def of_limit(limit: Limit, records: Sequence[Record]) -> dict[str, Any]:
    """Yield of a limit; a failed run does not keep it."""
    return {
        **limit.model_dump(exclude_none=True),
        **_yield(sum(keeps(record, (limit,)) for record in records), records),
    }


def of_limits(limits: Sequence[Limit], records: Sequence[Record]) -> dict[str, Any]:
    """Yield of all limits together."""
    return _yield(sum(keeps(record, limits) for record in records), records)


def keeps(record: Record, limits: Sequence[Limit]) -> bool:
    """Does a run keep every limit?"""
    return record["status"] == "done" and all(limit.keeps(record["metrics"].get(limit.metric)) for limit in limits)


def _yield(passed: int, records: Sequence[Record]) -> dict[str, Any]:
    total = len(records)
    low, high = wilson_interval(passed, total)
    share = {"yield": passed / total} if total else {}
    return {"passed": passed, "of": total, **share, "yield_low": low, "yield_high": high}


def summary(study: Study, records: Sequence[Record]) -> dict[str, Any]:
    """Metrics and yields of some runs."""
    found: dict[str, Any] = {"metrics": metrics(study, records)}
    if study.limits:
        found["limits"] = [of_limit(limit, records) for limit in study.limits]
        found |= of_limits(study.limits, records)
    return found


def metrics(study: Study, records: Sequence[Record]) -> Mapping[str, dict[str, int | float]]:
    """Statistics of each metric over the runs that have it; a metric that none has is left out."""
    found = {}
    for name in study.metrics:
        values = [float(r["metrics"][name]) for r in records if r["status"] == "done" and name in r["metrics"]]
        if values:
            found[name] = of_metric(values)
    return found
