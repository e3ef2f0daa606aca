"""Training runs over seeds: mean curves with intervals, and where an optimiser loses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from jaxtyping import Bool, Float

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity of one optimiser against steps: mean over seeds and 95 % interval of the mean.

    For a quantity on a logarithmic axis both are those of its logarithm: the geometric mean.
    """

    name: str
    seeds: int
    step: Float[np.ndarray, " point"]
    time: Float[np.ndarray, " point"] | None
    mean: Float[np.ndarray, " point"]
    low: Float[np.ndarray, " point"]
    high: Float[np.ndarray, " point"]


@dataclass(frozen=True, slots=True)
class MeanOverSeeds:
    """Mean over seeds with its 95 % interval."""

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, slots=True)
class LoopCourse:
    """How a device's loop fared in one run, at the logged steps; NaN where a number was not told.

    damping: with what the policy added. lambda_max, growth, limit [1/tau]: the largest eigenvalue of the curvature as
    the arrays hold it, the rate of the loop's fastest mode, and that of a growth by e in one step. slack: part of the
    damping that the loop could do without. acted: whether the policy did since the row before.
    """

    name: str
    step: Float[np.ndarray, " point"]
    damping: Float[np.ndarray, " point"]
    lambda_max: Float[np.ndarray, " point"]
    growth: Float[np.ndarray, " point"]
    limit: Float[np.ndarray, " point"]
    slack: Float[np.ndarray, " point"]
    acted: Bool[np.ndarray, " point"]


def loop_courses(entries: Sequence[Entry]) -> list[LoopCourse]:
    """Course of the loop of each run whose rows tell of a loop, in the order of the rows."""
    rows: dict[str, list[Entry]] = {}
    for entry in entries:
        if "growth" in entry:
            rows.setdefault(str(entry["run"]), []).append(entry)
    return [_loop_course(group) for group in rows.values()]


def _loop_course(rows: Sequence[Entry]) -> LoopCourse:
    told = {name: np.array([float(row.get(name, np.nan)) for row in rows]) for name in _OF_A_LOOP}
    acted = np.array([float(row.get("policy_acted", 0.0)) for row in rows])
    return LoopCourse(
        name=label(rows[0]),
        step=told["step"],
        damping=told["damping"],
        lambda_max=told["lambda_max"],
        growth=told["growth"],
        limit=told["growth"] + told["loop_margin"],
        slack=told["damping_slack"],
        acted=np.diff(acted, prepend=0.0) > 0.0,
    )


_OF_A_LOOP = ("step", "damping", "lambda_max", "growth", "loop_margin", "damping_slack")


def label(entry: Entry) -> str:
    """How an optimiser with its settings is called: the run's name without task and seed."""
    name = str(entry["run"]).removesuffix(f"-s{entry.get('seed')}")
    return name.removeprefix(f"{entry.get('task')}-")


def interval(values: Iterable[float]) -> MeanOverSeeds:
    """Mean and 95 % interval by Student's t; one value has no interval."""
    array = np.array([v for v in values if np.isfinite(v)], dtype=float)
    mean = float(array.mean()) if len(array) else float("nan")
    if len(array) < 2:
        return MeanOverSeeds(mean, mean, mean, len(array))
    half = float(scipy.stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / np.sqrt(len(array)))
    return MeanOverSeeds(mean, mean - half, mean + half, len(array))


def caution(seeds: int) -> str:
    """What to keep in mind of intervals from so few seeds: a sentence, or nothing."""
    if seeds == 1:
        return " One value gives no interval: differences may be chance."
    reach = float(scipy.stats.t.ppf(0.975, max(seeds - 1, 1)))
    if seeds == 0 or reach < _WIDE:
        return ""
    return f" Of {seeds} values an interval reaches {reach:.1f} standard errors to each side: it may exceed the mean."


_WIDE = 3.0
"""Standard errors; half as many again as of many seeds, so that two to four are called few."""


def curves(entries: Sequence[Entry], quantity: str, logarithmic: bool = False) -> list[Curve]:
    """Curves of one logged quantity, by optimiser."""
    return [c for name, group in _grouped(entries).items() if (c := _curve(name, group, quantity, logarithmic))]


def outcomes(runs: Sequence[Entry], quantity: str) -> dict[str, MeanOverSeeds]:
    """Final value of one quantity, by optimiser."""
    grouped = {name: [run[quantity] for run in group if quantity in run] for name, group in _grouped(runs).items()}
    return {name: interval(values) for name, values in grouped.items() if values}


def stopped_of(runs: Sequence[Entry]) -> dict[str, int]:
    """Runs that ended before their time, by optimiser; a mean over its seeds is one over the survivors."""
    return {name: count for name, group in _grouped(runs).items() if (count := sum("stopped" in run for run in group))}


def shortest_time(entries: Sequence[Entry]) -> float | None:
    """Modelled time [s] that every run has reached: that of the fastest; None where one has none."""
    totals: dict[str, float] = {}
    for entry in entries:
        name = str(entry["run"])
        totals[name] = max(totals.get(name, 0.0), float(entry.get("modelled_time_s", 0.0)))
    return min(totals.values(), default=0.0) or None


def outcomes_at(entries: Sequence[Entry], quantity: str, time: float) -> dict[str, MeanOverSeeds]:
    """A quantity at a modelled time [s], on the straight line between what each run had logged, by optimiser."""
    rows: dict[str, list[Entry]] = {}
    for entry in entries:
        if quantity in entry and "modelled_time_s" in entry:
            rows.setdefault(str(entry["run"]), []).append(entry)
    found = []
    for group in rows.values():
        times = [float(row["modelled_time_s"]) for row in group]
        if times[0] <= time <= times[-1]:
            found.append({**group[0], quantity: float(np.interp(time, times, [float(row[quantity]) for row in group]))})
    return outcomes(found, quantity)


def analog(runs: Sequence[Entry]) -> Callable[[str], bool]:
    """Whether an optimiser solves on an analog device, by its name."""
    names = {label(run) for run in runs if str(run.get("solver", "")).endswith("-spu")}
    return lambda name: name in names


@dataclass(frozen=True, slots=True)
class Loss:
    """Where `ours` is behind `rival` in the mean; `clear` when the two intervals do not overlap."""

    quantity: str
    ours: str
    rival: str
    ours_value: MeanOverSeeds
    rival_value: MeanOverSeeds
    stopped: int = 0
    """Of our runs: they are behind whatever the others came to."""

    @property
    def clear(self) -> bool:
        return self.ours_value.low > self.rival_value.high or self.ours_value.high < self.rival_value.low


QUANTITIES = {
    "train_loss": ("training loss", False),
    "test_loss": ("test loss", False),
    "test_accuracy": ("test accuracy", True),
    "modelled_time_s": ("modelled time (s)", False),
    "modelled_energy_J": ("modelled energy (J)", False),
    "elapsed_s": ("time to simulate (s)", False),
    "policy_acted": ("steps with an unstable loop", False),
}
"""What a run ends with, how it is called, and whether more is better."""


def losses(runs: Sequence[Entry], is_ours: Callable[[str], bool]) -> list[Loss]:
    """Every quantity in which one of ours is behind the best of the others.

    Who lost a run is never the best, and one of ours that did is behind: a mean over survivors flatters.
    """
    found = []
    stopped = stopped_of(runs)
    for quantity, (_, more_is_better) in QUANTITIES.items():
        results = outcomes(runs, quantity)
        rivals = {name: value for name, value in results.items() if not is_ours(name) and name not in stopped}
        if not rivals:
            continue
        sign = -1 if more_is_better else 1
        best = min(rivals, key=lambda name: sign * rivals[name].mean)
        for name, value in results.items():
            behind = sign * value.mean > sign * rivals[best].mean
            if is_ours(name) and (behind or name in stopped):
                found.append(Loss(quantity, name, best, value, rivals[best], stopped.get(name, 0)))
    return found


def _grouped(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(label(entry), []).append(entry)
    return groups


def _logarithm(values: Float[np.ndarray, " seed"]) -> Float[np.ndarray, " seed"]:
    """NaN where there is none: such a value has no place on a logarithmic axis."""
    return np.asarray(np.log(np.where(values > 0, values, np.nan)))


def _curve(name: str, entries: Sequence[Entry], quantity: str, logarithmic: bool) -> Curve | None:
    runs: dict[str, list[Entry]] = {}
    for entry in entries:
        if quantity in entry:
            runs.setdefault(str(entry["run"]), []).append(entry)
    if not runs:
        return None
    # Seeds are compared step by step: only the steps that every seed has reached.
    steps = sorted(set.intersection(*({int(e["step"]) for e in run} for run in runs.values())))
    by_step = [{int(e["step"]): e for e in run} for run in runs.values()]
    values = np.array([[run[s][quantity] for s in steps] for run in by_step], dtype=float)
    there, back = (_logarithm, np.exp) if logarithmic else (np.asarray, np.asarray)
    estimates = [interval(there(column)) for column in values.T]
    times = [[run[s].get("modelled_time_s", np.nan) for s in steps] for run in by_step]
    time = np.mean(np.array(times, dtype=float), axis=0)
    return Curve(
        name,
        len(runs),
        np.array(steps, dtype=float),
        time if np.isfinite(time).all() and (time > 0).any() else None,
        *(back(np.array([getattr(e, key) for e in estimates])) for key in ("mean", "low", "high")),
    )
