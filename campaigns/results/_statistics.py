"""Yields and means with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Of `scipy.stats`, which takes longer to load than the statistics of a campaign.
from scipy.special import ndtri, stdtrit

from ..planning import PlannedRun
from ..runs import Record
from ..studies import Limit, Study

CONFIDENCE = 0.95


def independent(study: Study, runs: Sequence[PlannedRun]) -> int:
    """How many of some runs an interval may count.

    The chips of a study are the same ones at all of its points, so that nine corners of three chips tell of three.
    Points that are drawn, not chosen, are a sample as well: then the smaller of the two numbers counts, and of a single
    chip the points.
    """
    chips = len({run.chip for run in runs})
    points = len({run.point for run in runs})
    if not study.drawn:
        return chips
    return points if chips == 1 else min(chips, points)


def wilson_interval(passed: float, total: int) -> tuple[float, float]:
    """Interval of a yield (Wilson, J. Am. Stat. Assoc. 22, 209, 1927); (0, 1) when nothing was tried.

    Of runs in clusters, `total` is the number of clusters and `passed` their number times the share of all runs that
    passed. The part y of a cluster that passes lies between 0 and 1, so that y^2 <= y and Var(y) <= E(y)(1 - E(y)): the
    variance of their mean is at most the binomial one that the interval supposes. It is wider than need be where the
    runs of a cluster differ, and never too narrow for their likeness.
    """
    if total == 0:
        return 0.0, 1.0
    z2 = float(ndtri((1 + CONFIDENCE) / 2)) ** 2
    share = passed / total
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    reach = float(np.sqrt(z2 * (share * (1 - share) / total + z2 / (4 * total**2)))) / (1 + z2 / total)
    # Rounding may leave 1e-17 where the interval ends at 0 or 1.
    return (0.0 if passed == 0 else middle - reach), (1.0 if passed == total else middle + reach)


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's t interval of a mean; None for fewer than two values."""
    if len(values) < 2:
        return None
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / np.sqrt(len(values))
    reach = float(error * stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
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


def of_limit(limit: Limit, records: Sequence[Record], trials: int | None = None) -> dict[str, Any]:
    """Yield of a limit; a failed run does not keep it. `trials`: of `independent`, all runs unless given."""
    return {
        **limit.model_dump(exclude_none=True),
        **_yield(sum(keeps(record, (limit,)) for record in records), records, trials),
    }


def of_limits(limits: Sequence[Limit], records: Sequence[Record], trials: int | None = None) -> dict[str, Any]:
    """Yield of all limits together."""
    return _yield(sum(keeps(record, limits) for record in records), records, trials)


def keeps(record: Record, limits: Sequence[Limit]) -> bool:
    """Does a run keep every limit?"""
    return record["status"] == "done" and all(limit.keeps(record["metrics"].get(limit.metric)) for limit in limits)


def _yield(passed: int, records: Sequence[Record], trials: int | None) -> dict[str, Any]:
    total = len(records)
    counted = total if trials is None else min(trials, total)
    # A whole number stays one: all of three thirds are not 0.999 of one.
    fitting = passed if counted == total else counted if passed == total else passed * counted / total
    low, high = wilson_interval(fitting, counted)
    share = {"yield": passed / total} if total else {}
    return {"passed": passed, "of": total, **share, "yield_low": low, "yield_high": high}


def summary(study: Study, runs: Sequence[PlannedRun], records: Sequence[Record]) -> dict[str, Any]:
    """Metrics and yields of some runs and what came of them."""
    found: dict[str, Any] = {"metrics": metrics(study, runs, records)}
    if study.limits:
        trials = independent(study, runs)
        found["limits"] = [of_limit(limit, records, trials) for limit in study.limits]
        found |= of_limits(study.limits, records, trials)
    return found


def metrics(
    study: Study, runs: Sequence[PlannedRun], records: Sequence[Record]
) -> Mapping[str, dict[str, int | float]]:
    """Statistics of each metric over the runs that have it; a metric that none has is left out.

    Points that are drawn and chips that are drawn make a table: the error of its mean is that of the rows' means and
    that of the columns' together, which is never less than that of independent runs.
    """
    found = {}
    for name in study.metrics:
        there = [(run, float(r["metrics"][name])) for run, r in zip(runs, records, strict=True) if _has(r, name)]
        if not there:
            continue
        found[name] = of_metric([value for _, value in there])
        if len({run.chip for run, _ in there}) > 1 and len({run.point for run, _ in there}) > 1:
            low, high = _crossed_interval(there)
            found[name] |= {"mean_low": low, "mean_high": high}
    return found


def _has(record: Record, name: str) -> bool:
    return record["status"] == "done" and name in record["metrics"]


def _crossed_interval(values: Sequence[tuple[PlannedRun, float]]) -> tuple[float, float]:
    """Of the mean of values in a table of points and chips (as Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29,
    238, 2011, without the part that they subtract)."""
    mean = float(np.mean([value for _, value in values]))
    variance = 0.0
    fewest = len(values)
    for side in ("point", "chip"):
        groups: dict[int, list[float]] = {}
        for run, value in values:
            groups.setdefault(getattr(run, side), []).append(value)
        variance += float(np.var([np.mean(group) for group in groups.values()], ddof=1)) / len(groups)
        fewest = min(fewest, len(groups))
    reach = float(np.sqrt(variance)) * float(stdtrit(fewest - 1, (1 + CONFIDENCE) / 2))
    return mean - reach, mean + reach
