"""The runs with the least room to a limit."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..planning import Plan
from ..runs import Record
from ..studies import Limit, Study
from ._statistics import keeps

_MOST = 5


def worst_runs(study: Study, plan: Plan, records: Sequence[Record | None]) -> list[dict[str, Any]]:
    """For each limit the runs that keep it least, by seed of the chip and values of the parameters.

    A run that failed, or has no such number, comes first, and has no value.
    """
    return [row for limit in study.limits for row in _of_limit(limit, plan, records)]


def _of_limit(limit: Limit, plan: Plan, records: Sequence[Record | None]) -> Iterator[dict[str, Any]]:
    there = [(run, record) for run, record in zip(plan.runs, records, strict=True) if record is not None]
    for run, record in sorted(there, key=lambda pair: limit.room(_value(pair[1], limit)))[:_MOST]:
        value = _value(record, limit)
        told = {} if value is None else {"value": value}
        where = {"run": run.index, "chip": run.chip, "parameters": dict(run.values)}
        yield {
            "metric": limit.metric,
            **where,
            **told,
            "failed": record["status"] == "failed",
            "kept": keeps(record, (limit,)),
        }


def _value(record: Record, limit: Limit) -> float | None:
    return record["metrics"].get(limit.metric) if record["status"] == "done" else None
