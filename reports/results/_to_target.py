"""When runs came to a loss: steps and modelled time, over the seeds of each optimiser."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ._training_statistics import label, outcomes, stopped_of

Entry = Mapping[str, Any]

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class MedianOverSeeds:
    """The median, and an interval that holds that of all seeds with probability `coverage`, whatever their law.

    Its ends are order statistics, the lowest and the highest where those are few. A seed that never came there counts
    as later than all that did: an end, or the median, is then infinite.
    """

    median: float
    low: float
    high: float
    coverage: float
    seeds: int


@dataclass(frozen=True, slots=True)
class ToTarget:
    """Of one optimiser: how many of its seeds came to the loss, after how many steps and which modelled time [s].

    apart: the most steps between the one at which a seed was seen there and the last one before it that was looked at;
    1 where each step was, None where nobody knows.
    """

    reached: int
    steps: MedianOverSeeds
    time: MedianOverSeeds
    apart: int | None = None


def median_over_seeds(values: Sequence[float | None]) -> MedianOverSeeds:
    """Of at least one value; None is one that was never reached."""
    ordered = sorted(float("inf") if value is None else float(value) for value in values)
    n = len(ordered)
    middle = ordered[(n - 1) // 2 : n // 2 + 1]
    # The median lies below the k-th lowest of n values where fewer than k of n fall below it, each with chance 1/2.
    k = max((k for k in range(1, n // 2 + 1) if _coverage(k, n) >= _CONFIDENCE), default=1)
    return MedianOverSeeds(sum(middle) / len(middle), ordered[k - 1], ordered[n - k], _coverage(k, n), n)


def _coverage(k: int, n: int) -> float:
    return float(1 - 2 * scipy.stats.binom.cdf(k - 1, n, 0.5))


def to_target(runs: Sequence[Entry]) -> dict[float, dict[str, ToTarget]]:
    """By target and optimiser, of entries that have a `target_loss`."""
    found: dict[float, dict[str, ToTarget]] = {}
    for target in sorted({float(run["target_loss"]) for run in runs if "target_loss" in run}, reverse=True):
        there = [run for run in runs if run.get("target_loss") == target]
        found[target] = {
            name: _of([run for run in there if label(run) == name]) for name in dict.fromkeys(map(label, there))
        }
    return found


def with_common_target(runs: Sequence[Entry], curves: Sequence[Entry]) -> list[Entry]:
    """The entries with a target that every optimiser meets on average, and when each run's curve did.

    The largest of their mean final validation losses, of those that lost no run. Entries that have a target keep it.
    """
    finals = {name: value.mean for name, value in outcomes(runs, "validation_loss").items()}
    whole = [loss for name, loss in finals.items() if name not in stopped_of(runs)]
    if len(whole) < 2 or any("target_loss" in run for run in runs):
        return list(runs)
    target = max(whole)
    return [{**run, "target_loss": target, **_first(run, curves, target)} for run in runs]


def _first(run: Entry, curves: Sequence[Entry], target: float) -> Entry:
    rows = (row for row in curves if row["run"] == run["run"])
    above: dict[str, int] = {}
    for row in rows:
        if row.get("validation_loss", np.inf) <= target:
            time = {"modelled_time_to_target_s": row["modelled_time_s"]} if "modelled_time_s" in row else {}
            return {"steps_to_target": row["step"], **time, **above}
        if "validation_loss" in row:
            above = {"last_step_above_target": row["step"]}
    return {}


def _of(runs: Sequence[Entry]) -> ToTarget:
    steps = [run.get("steps_to_target") for run in runs]
    times = [run.get("modelled_time_to_target_s") for run in runs]
    return ToTarget(sum(s is not None for s in steps), median_over_seeds(steps), median_over_seeds(times), _apart(runs))


def _apart(runs: Sequence[Entry]) -> int | None:
    # a run that was there from the beginning has no step above the target
    gaps = [
        1 if run["steps_to_target"] == 0 else run["steps_to_target"] - run["last_step_above_target"]
        for run in runs
        if run.get("steps_to_target") == 0 or {"steps_to_target", "last_step_above_target"} <= run.keys()
    ]
    there = sum("steps_to_target" in run for run in runs)
    return int(max(gaps)) if gaps and len(gaps) == there else None
