"""Rows of a study on axes."""

from collections.abc import Callable, Sequence
from typing import Any

from ...reports.wording import between, percent
from ..planning import PlannedRun
from ..results import statistics as _statistics
from ..runs import Record
from ..studies import Limit, Study

SIZE = (5.6, 3.7)

Row = tuple[PlannedRun, Record]


def values_of(rows: Sequence[Row], metric: str) -> list[float]:
    """The metric's values of the runs that were done."""
    return [float(r["metrics"][metric]) for _, r in rows if r["status"] == "done" and metric in r["metrics"]]


def limits_of(study: Study, metric: str) -> list[Limit]:
    """Limits of one metric."""
    return [limit for limit in study.limits if limit.metric == metric]


def widened(values: Sequence[float], factor: float = 50.0) -> bool:
    """Whether positive values spread so far that a logarithmic axis shows them better."""
    if len(values) == 0 or min(values) <= 0:
        return False
    return max(values) > factor * min(values)


def title_of(study: Study, rows: Sequence[Row], metric: str) -> str:
    """The study's name, how many runs it has, and the yields of the metric's limits."""
    records = [record for _, record in rows]
    failed = sum(record["status"] == "failed" for record in records)
    parts = [f"{study.name}: {len(records)} runs" + (f", {failed} failed" if failed else "")]
    trials = _statistics.independent(study, [run for run, _ in rows])
    for limit in limits_of(study, metric):
        found = _statistics.of_limit(limit, records, trials)
        low = found["yield_low"]
        high = found["yield_high"]
        parts.append(f"yield {percent(found.get('yield', 0.0))} ({between(low, high)})")
    return "\n".join(parts)


def draw_limits(line: Callable[..., Any], limits: Sequence[Limit], factor: float, unit: str) -> None:
    """Draw each limit as a line across the axis; `factor` is the axis' unit."""
    for limit in limits:
        for value, word in ((limit.at_most, "at most"), (limit.at_least, "at least")):
            if value is not None:
                line(value / factor, color="C1", linestyle="--", label=f"{word} {value / factor:.4g} {unit}".strip())
