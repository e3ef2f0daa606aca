"""Every optimiser's settings by the same budget, on validation data alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ...files import write_atomically
from .._exceptions import ExperimentError
from ..experiments import RANGES, TUNED_AS, Experiment, experiment, fields_of_method
from ..tasks import Task, load_task
from ._many_runs import run_experiments
from ._metrics import Entry

METHODS = tuple(RANGES)
Trial = tuple[str, int]  # method, number


@dataclass(frozen=True)
class TuningBudget:
    """The same for every method: `trials` points of a scrambled Halton sequence, each with `seeds`.

    The best `finalists` of them run again with `final_seeds`, and are judged by all of their runs. `steps` and
    `batch_size` None: the task's own. The seeds are none of those that results are reported for.
    """

    trials: int = 20
    seeds: tuple[int, ...] = (100, 101)
    finalists: int = 4
    final_seeds: tuple[int, ...] = (102, 103, 104)
    steps: int | None = None
    batch_size: int | None = None
    schedule: str = "cosine"
    search_seed: int = 0


@dataclass(frozen=True)
class Tuned:
    """A method's best finalist, and the losses of all trials' runs.

    `losses[i]` holds the final validation losses of the settings `trials[i]`, more of them for finalists; a run that
    diverged counts as infinite.
    """

    method: str
    chosen: Mapping[str, float]
    validation_loss: float
    trials: tuple[Mapping[str, float], ...]
    losses: tuple[tuple[float, ...], ...]


def tune(
    name: str,
    out: Path,
    *,
    methods: Sequence[str] = METHODS,
    budget: TuningBudget | None = None,
    task: Task | None = None,
    data: Path | None = None,
    workers: int | None = None,
    quiet: bool = False,
) -> list[Tuned]:
    """Tunes `methods` on the task `name` and writes `out/<name>.yaml`, the format of `tasks/<name>.yaml`.

    A trial counts by its final validation loss, averaged over the budget's seeds. The test part is taken away before
    anything runs. Run again on the same folder, it goes on where it was. Raises `ExperimentError`, `TaskError`.
    """
    budget = budget or TuningBudget()
    whole = task or load_task(name, data)
    blind = replace(whole, test=whole.validation)
    points = {method: search_points(method, budget) for method in methods}
    trials = {
        (method, number): _trial(name, method, number, values, budget, blind)
        for method in methods
        for number, values in enumerate(points[method])
    }

    def run(wanted: Mapping[Trial, Experiment]) -> dict[Trial, list[float]]:
        entries = run_experiments(list(wanted.values()), out, task=blind, resume=True, workers=workers, quiet=quiet)
        return _losses(wanted, entries)

    first = run(trials)
    best = [trial for method in methods for trial in _best(method, first)[: budget.finalists]]
    final = run({trial: trials[trial].replace(seeds=budget.final_seeds) for trial in best})
    tuned = [_tuned(method, points[method], first, final) for method in methods]
    write_atomically(out / f"{name}.yaml", to_yaml(name, tuned, budget, blind), synced=True)
    return tuned


def search_points(method: str, budget: TuningBudget) -> list[dict[str, float]]:
    """The settings that the budget tries for a method; the first ones stay the same when the budget grows."""
    if method not in RANGES:
        hint = f" (shares the settings of {TUNED_AS[method]})" if method in TUNED_AS else ""
        raise ExperimentError(f"tune: expected one of {', '.join(RANGES)}, got {method!r}{hint}")
    from scipy.stats import qmc

    ranges = RANGES[method]
    sequence = qmc.Halton(len(ranges), rng=np.random.default_rng(budget.search_seed))
    return [
        {name: ranges[name].at(float(u)) for name, u in zip(ranges, point, strict=True)}
        for point in sequence.random(budget.trials)
    ]


def to_yaml(name: str, tuned: Sequence[Tuned], budget: TuningBudget, task: Task) -> str:
    """The tuning as a document that says how it was found, and which the runner reads as defaults."""
    steps = budget.steps or task.steps
    batch = budget.batch_size or task.batch_size
    content = {
        "task": name,
        "criterion": "final validation loss, mean over the seeds; a diverged run counts as infinite",
        "reproduce": f"thermospice train {name} --tune",
        "schedule": budget.schedule,
        "budget": {
            "trials": budget.trials,
            "seeds": list(budget.seeds),
            "finalists": budget.finalists,
            "final_seeds": list(budget.final_seeds),
            "steps": steps,
            "batch_size": batch,
            "search": f"scrambled Halton sequence, seed {budget.search_seed}, uniform in the logarithm",
        },
        "methods": {best.method: _described(best) for best in tuned},
    }
    head = "# Settings that each optimiser got from the same budget, on validation data alone.\n"
    return head + yaml.safe_dump(content, sort_keys=False, width=110)


def _trial(
    task: str, method: str, number: int, values: Mapping[str, float], budget: TuningBudget, data: Task
) -> Experiment:
    steps = budget.steps or data.steps
    fields: dict[str, Any] = {
        "task": task,
        "name": f"{method}-{number:02d}",
        "seeds": budget.seeds,
        "steps": steps,
        "batch_size": budget.batch_size or data.batch_size,
        "schedule": budget.schedule,
        # Only the end counts, and nobody looks at the curve.
        **dict.fromkeys(("log_every", "test_every", "checkpoint_every"), steps),
    }
    return experiment({**fields, **fields_of_method(method), **values})


def _losses(experiments: Mapping[Trial, Experiment], entries: Sequence[Entry]) -> dict[Trial, list[float]]:
    losses = iter(float(entry.get("validation_loss", np.inf)) for entry in entries)
    return {trial: [next(losses) for _ in made.seeds] for trial, made in experiments.items()}


def _best(method: str, losses: Mapping[Trial, Sequence[float]]) -> list[Trial]:
    return sorted((trial for trial in losses if trial[0] == method), key=lambda trial: np.mean(losses[trial]))


def _tuned(
    method: str,
    points: Sequence[Mapping[str, float]],
    first: Mapping[Trial, list[float]],
    final: Mapping[Trial, list[float]],
) -> Tuned:
    both = {trial: first[trial] + final[trial] for trial in final}
    winner = _best(method, both)[0]
    loss = float(np.mean(both[winner]))
    if not np.isfinite(loss):
        raise ExperimentError(f"tune: every finalist of {method} diverged; its ranges do not fit this task")
    numbered = [(method, number) for number in range(len(points))]
    losses = tuple(tuple(both.get(trial, first[trial])) for trial in numbered)
    return Tuned(method, points[winner[1]], loss, tuple(points), losses)


def _described(best: Tuned) -> dict[str, Any]:
    return {
        "chosen": dict(best.chosen),
        "validation_loss": round(best.validation_loss, 5),
        "diverged_trials": sum(not np.isfinite(losses).all() for losses in best.losses),
        "ranges": {name: [r.low, r.high] for name, r in RANGES[best.method].items()},
    }
