"""What a search found, and what new chips say of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy

from ..planning import Plan
from ..results import statistics as _statistics
from ..runs import Record
from ..studies import Limit, Study
from ._search import Search, Tried

Row = dict[str, Any]

_MOST_LISTED = 10


def tried_of(limits: Sequence[Limit], design: Mapping[str, Any], records: Sequence[Record]) -> Tried:
    """A design with what its chips have for the limits' metrics; of one that failed, nothing."""
    done = [record["metrics"] if record["status"] == "done" else {} for record in records]
    values = {one.metric: np.array([float(metrics.get(one.metric, np.nan)) for metrics in done]) for one in limits}
    return Tried(design, values)


def design_rows(search: Search, history: Sequence[Tried], records: Sequence[Sequence[Record]]) -> list[Row]:
    """A row for each design in the order in which they were tried."""
    kept = search.kept(history)
    return [
        {
            "design": k,
            "parameters": dict(one.design),
            "cost": search.cost(one.design),
            "kept": kept[k],
            "failed": sum(record["status"] == "failed" for record in records[k]),
            "limits": [_shown(limit, one) for limit in search.limits],
            **per_step(records[k]),
        }
        for k, one in enumerate(history)
    ]


def _shown(limit: Limit, tried: Tried) -> Row:
    """Of the chips of the search: how many keep the limit, and their median."""
    values = tried.values[limit.metric]
    there = values[np.isfinite(values)]
    median = {"median": float(np.median(there))} if len(there) else {}
    return {"metric": limit.metric, "passed": tried.keeps(limit), "of": len(values), **median}


def per_step(records: Sequence[Record]) -> dict[str, float]:
    """Delay [s] and energy [J] of a training step on the device, means over the chips; nothing where it has none.

    Without the digital part, which is what it took on the machine at that moment.
    """
    entries = [record.get("entry", {}) for record in records if record["status"] == "done"]
    found: dict[str, float] = {}
    delays = [_delay(one) for one in entries if one.get("steps") and "modelled_digital_s" in one]
    energies = [one["modelled_energy_J"] / one["steps"] for one in entries if one.get("steps") and _has_energy(one)]
    if delays:
        found["delay_per_step_s"] = float(np.mean(delays))
    if energies:
        found["energy_per_step_J"] = float(np.mean(energies))
    return found


def _delay(entry: Mapping[str, Any]) -> float:
    return float((entry["modelled_time_s"] - entry["modelled_digital_s"]) / entry["steps"])


def _has_energy(entry: Mapping[str, Any]) -> bool:
    return entry.get("modelled_energy_J") is not None


def cheapest(study: Study, search: Search, rows: Sequence[Row], history: Sequence[Tried]) -> Row:
    """The chosen design among the rows, its costs and its rivals; without a design where none keeps the limits."""
    assert study.optimise is not None
    best = search.best(history)
    there = sorted((row for row in rows if row["kept"]), key=lambda row: float(row["cost"]))
    found: Row = {"designs": len(rows), "designs_kept": len(there), "unit": study.optimise.unit}
    found |= {"confidence": search.confidence, "rivals": there[1:_MOST_LISTED]}
    if best is None:
        near = rows[search.nearest(history)] if rows else None
        reason = "no design that was tried keeps the limits with the margin that so few chips need"
        return {**found, "met": False, "reason": reason, **({"nearest": near} if near else {})}
    chosen = rows[best]
    return {**found, **chosen, "cost_by_parameter": search.cost.by_parameter(chosen["parameters"])}


def verified(study: Study, plan: Plan, records: Sequence[Record]) -> Row:
    """The verdict of chips that the search never drew, each limit with the exact binomial interval of its yield.

    A limit is met where so many of the chips keep it as its `required_yield` says, and surely so where the whole
    interval is above that (Clopper and Pearson, Biometrika 26, 404, 1934). A run that failed keeps no limit.
    """
    rows = [_judged(limit, records) for limit in study.limits]
    seeds = {"first": plan.chips[0], "last": plan.chips[-1]}
    failed = sum(record["status"] == "failed" for record in records)
    sure = max(chips_to_be_sure(limit.required_yield or 0.0) for limit in study.limits)
    met = {
        "chips_to_be_sure": sure,
        "met": all(row["met"] for row in rows),
        "surely": all(row["surely"] for row in rows),
    }
    return {"seeds": seeds, "chips": len(records), "failed": failed, **met, "limits": rows, **per_step(records)}


def chips_to_be_sure(required: float) -> int:
    """The fewest chips of which all have to keep a limit so that the interval of the yield lies above a part."""
    return math.ceil(math.log((1 - _statistics.CONFIDENCE) / 2) / math.log(required))


def _judged(limit: Limit, records: Sequence[Record]) -> Row:
    required = limit.required_yield or 0.0
    passed = sum(_statistics.keeps(record, (limit,)) for record in records)
    interval = scipy.stats.binomtest(passed, len(records)).proportion_ci(_statistics.CONFIDENCE, "exact")
    low = float(interval.low)
    high = float(interval.high)
    share = passed / len(records)
    values = [float(r["metrics"][limit.metric]) for r in records if limit.metric in r["metrics"]]
    told = {"median": float(np.median(values)), "min": min(values), "max": max(values)} if values else {}
    return {
        **limit.model_dump(exclude_none=True),
        "passed": passed,
        "of": len(records),
        "yield": share,
        "yield_low": low,
        "yield_high": high,
        **told,
        "met": share >= required,
        "surely": low >= required,
    }
