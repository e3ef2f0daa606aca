"""Losses of a training study over those of its reference, seed by seed."""

from collections.abc import Mapping, Sequence

from ..planning import Plan, PlannedRun
from ..runs import Record
from ..studies import RATIOS, Study


def with_ratios(study: Study, plan: Plan, known: Mapping[str, Record]) -> list[Record | None]:
    """The records of the plan's runs, with both ratios where run and reference are done."""
    if study.reference is None:
        return [known.get(run.key) for run in plan.runs]
    against = {run.chip: known.get(run.key) for run in plan.references}
    return [_compared(run, known.get(run.key), against) for run in plan.runs]


def unfinished(plan: Plan, known: Mapping[str, Record]) -> Sequence[PlannedRun]:
    """References that failed or are missing."""
    return [run for run in plan.references if known.get(run.key, {}).get("status") != "done"]


def _compared(run: PlannedRun, record: Record | None, against: Mapping[int, Record | None]) -> Record | None:
    reference = against[run.chip]
    if record is None or reference is None:
        return record
    ratios = {name: _ratio(record, reference, name.removesuffix("_ratio")) for name in RATIOS}
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    return {**record, "metrics": {**record["metrics"], **known}}


def _ratio(record: Record, reference: Record, loss: str) -> float | None:
    mine, other = (found["metrics"].get(loss) for found in (record, reference))
    return float(mine) / float(other) if mine is not None and other else None
