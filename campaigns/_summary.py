"""What a campaign found."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..netlists.simulators import versions
from .planning import Plan, PlannedRun
from .results import engines, worst_runs
from .results import statistics as _statistics
from .runs import Record
from .studies import OWN_POINTS, Study, unit_of

_MOST_LISTED = 20


def campaign_summary(study: Study, what: Plan, records: Sequence[Record | None]) -> dict[str, Any]:
    """What `summary.json` holds of a campaign: statistics, yields with intervals, and failures."""
    if study.method in OWN_POINTS:
        # A yield of points that were made to find something out is no yield of anything.
        study = study.model_copy(update={"limits": ()})
    finished = [record for record in records if record is not None]
    failures = [(run, record) for run, record in zip(what.runs, records, strict=True) if record and "reason" in record]
    return {
        "study": study.name,
        "description": study.description,
        "kind": study.kind,
        "method": study.method,
        "seed": study.seed,
        "instances": len(what.chips),
        "settings": len(what.points),
        "runs": len(records),
        "done": sum(record["status"] == "done" for record in finished),
        "failed": sum(record["status"] == "failed" for record in finished),
        "missing": len(records) - len(finished),
        **_overall(study, what, records),
        "independent": _statistics.independent(study, what.runs),
        "worst": worst_runs(study, what, records),
        "points": _points(study, what, records),
        "failures": [{"run": run.index, **run.values, "reason": r["reason"]} for run, r in failures[:_MOST_LISTED]],
        "units": {name: metric.unit for name, metric in study.metrics.items()},
        "parameter_units": {name: unit_of(name) for name in study.parameters},
        "engine": engines(finished),
        "versions": versions(),
        "work_s": sum(float(record.get("elapsed_s", 0.0)) for record in {r["key"]: r for r in finished}.values()),
    }


def _overall(study: Study, what: Plan, records: Sequence[Record | None]) -> dict[str, Any]:
    """Statistics of all runs. Settings that were chosen are no sample of anything: their mean has no interval."""
    found = _statistics.summary(study, *_finished(what.runs, records))
    if not study.drawn and len(what.points) > 1:
        ends = ("mean_low", "mean_high")
        found["metrics"] = {
            name: {key: value for key, value in metric.items() if key not in ends}
            for name, metric in found["metrics"].items()
        }
    return found


def _points(study: Study, what: Plan, records: Sequence[Record | None]) -> list[dict[str, Any]]:
    """Statistics at every point, where there are several chips at each."""
    if study.instances == 1 or len(what.points) == 1 or study.method in OWN_POINTS:
        return []
    found = []
    for p, values in enumerate(what.points):
        rows = [(run, r) for run, r in zip(what.runs, records, strict=True) if run.point == p]
        runs, here = _finished([run for run, _ in rows], [r for _, r in rows])
        failed = sum(record["status"] == "failed" for record in here)
        counts = {"runs": len(rows), "failed": failed}
        found.append({"parameters": dict(values), **counts, **_statistics.summary(study, runs, here)})
    return found


def _finished(runs: Sequence[PlannedRun], records: Sequence[Record | None]) -> tuple[list[PlannedRun], list[Record]]:
    """Those that were done, or failed."""
    kept = [(run, record) for run, record in zip(runs, records, strict=True) if record is not None]
    return [run for run, _ in kept], [record for _, record in kept]


def has_passed(summary: Mapping[str, Any]) -> bool:
    """Whether the command ends with exit code 0."""
    if "designs" in summary.get("optimised", {}):
        # Designs that were tried may fail; what counts is what new chips say of the one that was chosen.
        return bool(summary["optimised"]["met"]) and summary["outcome"] == "complete"
    short = any(
        limit.get("yield", 0.0) < limit["required_yield"]
        for limit in summary.get("limits", ())
        if "required_yield" in limit
    )
    short = short or any(one.get("verdict") == "fail" for one in summary.get("characteristics", ()))
    lacking = bool(summary.get("references_missing")) and summary["outcome"] == "complete"
    return not (short or lacking or summary["failed"] or summary["outcome"] == "stopped")
