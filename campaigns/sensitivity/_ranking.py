"""The ranking of a study's parameters: by how much each moves the metric, and its share of the variance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ...files import Whole
from ..planning import Layout, Plan, study_layout
from ..results import statistics as _statistics
from ..runs import Record
from ..studies import YIELD, Sensitivity, Study
from ._indices import Statistic, bootstrapped, sobol_indices

MOST_LOST = 0.1
"""Part of the chips, or of the rows of a design, whose runs may have failed: what is left tells of the survivors."""

# Stream of the study's seed.
_STREAM = 4

Values = Float[np.ndarray, "points chips"]


def ranking(study: Study, plan: Plan, records: Sequence[Record]) -> dict[str, Any]:
    """What moves the metric, in the order of the total indices, or of what each parameter moves alone.

    Args:
        study: with `sensitivity`.
        plan: its runs.
        records: one for each.
    """
    asked = study.sensitivity
    assert asked is not None
    layout = study_layout(study)
    values = _values(study, asked, records).reshape(len(plan.points), len(plan.chips))
    rng = np.random.default_rng([study.seed, _STREAM])
    found: dict[str, dict[str, Any]] = {name: Whole(parameter=name) for name in study.parameters}
    for name, places in layout.levels.items():
        shown = [plan.points[p][name] for p in places]
        found[name] |= _alone(values[places.start : places.stop], shown, asked, rng)
    shares = _shares(values, layout, asked, rng) if layout.A else {}
    for name, row in shares.pop("parameters", {}).items():
        found[name] |= row
    key = "total" if any("total" in row for row in found.values()) else "moves"
    rows = sorted(found.values(), key=lambda row: float(row.get(key, -np.inf)), reverse=True)
    unit = "1" if asked.metric == YIELD else study.metrics[asked.metric].unit
    base = {} if not layout.levels or np.isnan(values[0]).any() else {"base": float(_statistic(asked)(values[0]))}
    what = {"metric": asked.metric, "unit": unit, "of_the_chips": asked.of_the_chips, "chips": len(plan.chips)}
    return {**what, **base, **shares, "ranking": rows}


def _values(study: Study, asked: Sensitivity, records: Sequence[Record]) -> Float[np.ndarray, " runs"]:
    """NaN of a run that has no number, where the study does not say what it counts as."""
    if asked.metric == YIELD:
        return np.array([float(_statistics.keeps(record, study.limits)) for record in records])
    lost = np.nan if asked.failed_as is None else asked.failed_as
    done = [record["metrics"] if record["status"] == "done" else {} for record in records]
    return np.array([float(metrics.get(asked.metric, lost)) for metrics in done])


def _statistic(asked: Sensitivity) -> Statistic:
    if asked.of_the_chips == "mean":
        return lambda values: np.mean(values, axis=-1)
    part = 0.5 if asked.of_the_chips == "median" else float(asked.of_the_chips)
    return lambda values: np.quantile(values, part, axis=-1)


def _alone(values: Values, shown: Sequence[Any], asked: Sensitivity, rng: np.random.Generator) -> dict[str, Any]:
    """One parameter through its range: lowest and highest value of the metric, and what lies between them.

    The interval is of the difference between these two levels, over chips that are drawn again.
    """
    lost = np.isnan(values)
    whole = ~lost.any(axis=0)
    statistic = _statistic(asked)
    found: dict[str, Any] = {"chips_left_out": int((~whole).sum())}
    if found["chips_left_out"] > MOST_LOST * values.shape[1]:
        k = int(lost.sum(axis=1).argmax())
        return {**found, "reason": f"{int(lost[k].sum())} of {values.shape[1]} chips have no number at {shown[k]}"}
    kept = values[:, whole]
    at = statistic(kept)
    low = int(at.argmin())
    high = int(at.argmax())
    found |= {"moves": float(at[high] - at[low]), "lowest_at": shown[low], "highest_at": shown[high]}
    found["levels"] = [Whole(value=value, metric=float(one)) for value, one in zip(shown, at, strict=True)]
    chips = kept.shape[1]
    if chips < _FEWEST or low == high:
        return found
    drawn = rng.integers(0, chips, (asked.resamples, chips))
    differences = statistic(kept[high][drawn]) - statistic(kept[low][drawn])
    ends = np.quantile(differences, [0.025, 0.975])
    if asked.metric == YIELD and ends[0] == ends[1]:
        return found  # chips that all do the same have no spread to draw from, and are no proof that all others do
    return {**found, "moves_low": float(ends[0]), "moves_high": float(ends[1])}


_FEWEST = 4
"""Chips that an interval is drawn from."""


def _shares(values: Values, layout: Layout, asked: Sensitivity, rng: np.random.Generator) -> dict[str, Any]:
    """Shares of the variance; a row of the design counts only where all of its runs have a number."""
    parts = [layout.A, layout.B, *layout.AB.values()]
    f = np.stack([values[part.start : part.stop] for part in parts])
    whole = ~np.isnan(f).any(axis=(0, 2))
    rows = len(whole)
    found: dict[str, Any] = {"rows": rows, "rows_left_out": int(rows - whole.sum())}
    if found["rows_left_out"] > MOST_LOST * rows:
        return {**found, "reason": _too_few(found["rows_left_out"], rows)}
    kept = f[:, whole]
    statistic = _statistic(asked)
    points = statistic(kept)
    if np.ptp(points) == 0:
        return {**found, "reason": "the metric is the same at every point: no parameter moves it"}
    first, total = sobol_indices(points[0], points[1], points[2:])
    first_ends, total_ends = bootstrapped(kept, statistic, asked.resamples, rng)
    numbers = {"first": first, "total": total}
    numbers |= {f"first_{end}": first_ends[k] for k, end in enumerate(("low", "high"))}
    numbers |= {f"total_{end}": total_ends[k] for k, end in enumerate(("low", "high"))}
    rows_of = {name: {key: float(column[k]) for key, column in numbers.items()} for k, name in enumerate(layout.AB)}
    return {**found, "parameters": rows_of}


def _too_few(lost: int, rows: int) -> str:
    return (
        f"{lost} of {rows} rows of the Sobol design hold a run without a number, and those that are left would tell of"
        " the survivors alone: narrow the ranges, or say what such a run counts as (failed_as)"
    )
