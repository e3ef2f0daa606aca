"""By how much two settings of a training differ, seed by seed: what all seeds have in common drops out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..planning import Plan
from ..runs import Record
from ..studies import Study
from ._statistics import mean_interval

_COMPARED = ("train_loss", "test_loss", "test_accuracy")
_MOST_POINTS = 60


def paired_differences(study: Study, plan: Plan, records: Sequence[Record | None]) -> list[dict[str, Any]]:
    """Mean of `value` minus `against` over the seeds that both have, with Student's t interval of 95 %.

    Along each parameter of a grid, all others the same: numbers against the one before them; names, such as cases,
    against the first and against the one before. Each interval is for itself: of twenty, one misses by chance.
    """
    if study.kind != "training" or study.method != "grid" or len(plan.points) > _MOST_POINTS:
        return []
    found = _metrics_by_point(plan, records)
    return [
        row
        for name in study.parameters
        for before, after in _pairs(plan, name)
        for metric in _COMPARED
        if (row := _row(plan, name, metric, (before, after), found)) is not None
    ]


def _metrics_by_point(plan: Plan, records: Sequence[Record | None]) -> dict[int, dict[int, Mapping[str, float]]]:
    """Metrics of the runs that were done, by point and seed."""
    found: dict[int, dict[int, Mapping[str, float]]] = {}
    for run, record in zip(plan.runs, records, strict=True):
        if record is not None and record["status"] == "done":
            found.setdefault(run.point, {})[run.chip] = record["metrics"]
    return found


def _pairs(plan: Plan, name: str) -> Iterator[tuple[int, int]]:
    """Points that differ in one parameter alone, the one to compare with first."""
    lines: dict[str, list[int]] = {}
    for number, point in enumerate(plan.points):
        others = {key: value for key, value in point.items() if key != name}
        lines.setdefault(repr(others), []).append(number)
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in plan.axis(name))
    for line in lines.values():
        for k in range(1, len(line)):
            if not numbers and k > 1:
                yield line[0], line[k]
            yield line[k - 1], line[k]


def _row(
    plan: Plan,
    name: str,
    metric: str,
    pair: tuple[int, int],
    found: Mapping[int, Mapping[int, Mapping[str, float]]],
) -> dict[str, Any] | None:
    before, after = (found.get(point, {}) for point in pair)
    seeds = [seed for seed in after if metric in after[seed] and metric in before.get(seed, {})]
    steps = [float(after[seed][metric]) - float(before[seed][metric]) for seed in seeds]
    interval = mean_interval(steps)
    if interval is None:
        return None
    old, new = (plan.points[point] for point in pair)
    return {
        "parameter": name,
        "value": new[name],
        "against": old[name],
        "others": {key: value for key, value in new.items() if key != name},
        "metric": metric,
        "seeds": len(steps),
        "mean": sum(steps) / len(steps),
        "mean_low": interval[0],
        "mean_high": interval[1],
        "differs": interval[0] > 0 or interval[1] < 0,
    }
