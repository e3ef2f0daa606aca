"""What a campaign found."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..netlists.simulators import versions
from .planning import Plan
from .results import engines
from .results import statistics as _statistics
from .runs import Record
from .studies import Study

_MOST_LISTED = 20


def campaign_summary(study: Study, what: Plan, records: Sequence[Record | None]) -> dict[str, Any]:
    finished = [record for record in records if record is not None]
    failures = [(run, record) for run, record in zip(what.runs, records, strict=True) if record and "reason" in record]
    return {
        "study": study.name,
        "kind": study.kind,
        "method": study.method,
        "seed": study.seed,
        "runs": len(records),
        "done": sum(record["status"] == "done" for record in finished),
        "failed": sum(record["status"] == "failed" for record in finished),
        "missing": len(records) - len(finished),
        **_overall(study, what, finished),
        "points": _points(study, what, records),
        "failures": [{"run": run.index, **run.values, "reason": r["reason"]} for run, r in failures[:_MOST_LISTED]],
        "units": {name: metric.unit for name, metric in study.metrics.items()},
        "engine": engines(finished),
        "versions": versions(),
        "work_s": sum(float(record.get("elapsed_s", 0.0)) for record in {r["key"]: r for r in finished}.values()),
    }


def _overall(study: Study, what: Plan, finished: Sequence[Record]) -> dict[str, Any]:
    """Statistics of all runs. The settings of a grid are no sample of anything: their mean has no interval."""
    found = _statistics.summary(study, finished)
    if study.method == "grid" and len(what.points) > 1:
        ends = ("mean_low", "mean_high")
        found["metrics"] = {
            name: {key: value for key, value in metric.items() if key not in ends}
            for name, metric in found["metrics"].items()
        }
    return found


def _points(study: Study, what: Plan, records: Sequence[Record | None]) -> list[dict[str, Any]]:
    """Statistics at every point, where there are several chips at each."""
    if study.instances == 1 or len(what.points) == 1:
        return []
    found = []
    for p, values in enumerate(what.points):
        here = [r for run, r in zip(what.runs, records, strict=True) if run.point == p and r is not None]
        found.append({"parameters": dict(values), **_statistics.summary(study, here)})
    return found


def has_passed(summary: Mapping[str, Any]) -> bool:
    short = any(
        limit.get("yield", 0.0) < limit["required_yield"]
        for limit in summary.get("limits", ())
        if "required_yield" in limit
    )
    short = short or any(one.get("verdict") == "fail" for one in summary.get("characteristics", ()))
    lacking = bool(summary.get("references_missing")) and summary["outcome"] == "complete"
    return not (short or lacking or summary["failed"] or summary["outcome"] == "stopped")
