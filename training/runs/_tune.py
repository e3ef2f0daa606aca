"""Every optimiser's settings by the same budget, on validation data alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...files import write_atomically
from ...files.opening import available_cores
from .._exceptions import Diverged, ExperimentError
from ..curvature import call
from ..experiments import SETTINGS, Experiment, experiment, fields_of_method, with_defaults
from ..tasks import Task, load_task
from ._many_runs import announce, experiments_forecast, jobs_of, run_experiments
from ._metrics import Entry, read_rows
from ._one_run import CURVES, run_name
from ._training_state import TrainingState
from .tuning import METHODS, Reached, Tuned, TuningBudget, reached, search_points, to_yaml

Trial = tuple[str, int]  # method, number

_LOOKS = 20
"""At the validation loss of a finalist, from its first step to its last."""


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
    tell: Callable[[str], None] | None = None,
) -> list[Tuned]:
    """Tunes `methods` on the task `name` and writes `out/<name>.yaml`, which `load_experiment` reads.

    It has the format of `tasks/tuned/<name>.yaml`, which is what experiments take by default.

    A trial counts by its final validation loss, averaged over the budget's seeds. The test part is taken away before
    anything runs. Methods that cannot train the task's network are left out; the file says why. Run again on the same
    folder, it goes on where it was. `tell` is called with a sentence on what the runs will take, where that is more
    than a minute or a gigabyte. Raises `ExperimentError`, `TaskError`.
    """
    budget = budget or TuningBudget()
    whole = (task or load_task(name, data)).first(budget.train_size)
    blind = replace(whole, test=whole.validation)
    outputs = _outputs(blind)
    points = {method: [_averaged(p, outputs) for p in search_points(method, budget)] for method in methods}
    trials = {
        (method, number): _trial(name, method, number, values, budget, blind)
        for method in methods
        for number, values in enumerate(points[method])
    }
    left_out = {method: why for method in methods if (why := _refusal(trials[method, 0], blind)) is not None}
    able = [method for method in methods if method not in left_out]
    if not able:
        raise ExperimentError(f"tune: no method can train {name}: {'; '.join(dict.fromkeys(left_out.values()))}")

    if tell is not None:
        _announce(
            {trial: made for trial, made in trials.items() if trial[0] in able}, budget, out, blind, workers, tell
        )

    def run(wanted: Mapping[Trial, Experiment]) -> dict[Trial, list[float]]:
        entries = run_experiments(list(wanted.values()), out, task=blind, resume=True, workers=workers, quiet=quiet)
        return _losses(wanted, entries)

    first = run({trial: made for trial, made in trials.items() if trial[0] in able})
    best = [trial for method in able for trial in _best(method, first)[: budget.finalists]]
    finals = {trial: _final(trials[trial], budget) for trial in best}
    final = run(finals)
    tuned = [_tuned(method, points[method], first, final) for method in able]
    tuned = [replace(best, fixed=_fixed(best, trials, blind)) for best in tuned]
    tuned = _to_target(tuned, finals, out)
    write_atomically(out / f"{name}.yaml", to_yaml(name, tuned, budget, blind, left_out, data), synced=True)
    return tuned


def _announce(
    trials: Mapping[Trial, Experiment],
    budget: TuningBudget,
    out: Path,
    task: Task,
    workers: int | None,
    tell: Callable[[str], None],
) -> None:
    """Say what trials and finals take that the folder does not hold yet."""
    # Which of them come to the finals is not known, and hardly changes what a run takes.
    finals = [_final(made, budget) for (_, number), made in trials.items() if number < budget.finalists]
    jobs = [job for made in (*trials.values(), *finals) for job in jobs_of(made, out, task) if not job.entry.exists()]
    count = workers or available_cores()
    if jobs:
        announce(experiments_forecast(jobs, count, task), len(jobs), min(count, len(jobs)), tell)


def _outputs(task: Task) -> int:
    """Of a sample: the rows that it has in a Jacobian."""
    with torch.random.fork_rng([]), torch.no_grad():
        outputs = call(task.build(), task.train.take(slice(2)).inputs)
    return int(outputs[0].numel())


def _averaged(values: Mapping[str, Any], outputs: int) -> dict[str, Any]:
    """Sampled rows of as many steps as fill the arrays of all rows of one: settings of the same device."""
    if values.get("curvature_rows") != "sampled":
        return dict(values)
    if outputs == 1:
        return {**values, "curvature_rows": "all"}
    return {**values, "curvature_average": outputs}


def _trial(
    task: str, method: str, number: int, values: Mapping[str, Any], budget: TuningBudget, data: Task
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


def _final(trial: Experiment, budget: TuningBudget) -> Experiment:
    often = max((trial.steps or 1) // _LOOKS, 1)
    return trial.replace(seeds=budget.final_seeds, log_every=often, test_every=often)


def _fixed(best: Tuned, trials: Mapping[Trial, Experiment], task: Task) -> dict[str, Any]:
    """What the chosen runs had beside what was searched: a later default must not change what was found."""
    made = with_defaults(trials[best.method, best.trials.index(best.chosen)], task)
    values = {name: getattr(made, name) for name in SETTINGS[made.method] if name not in best.chosen}
    return {name: value for name, value in values.items() if value is not None}


def _refusal(trial: Experiment, task: Task) -> str | None:
    """Why a method cannot train the task's network: what its first step says; None where it can."""
    try:
        TrainingState(task, with_defaults(trial, task), trial.seeds[0]).advance()
    except ExperimentError as error:
        return str(error)
    except Diverged:
        pass
    return None


def _losses(experiments: Mapping[Trial, Experiment], entries: Sequence[Entry]) -> dict[Trial, list[float]]:
    losses = iter(float(entry.get("validation_loss", np.inf)) for entry in entries)
    return {trial: [next(losses) for _ in made.seeds] for trial, made in experiments.items()}


def _best(method: str, losses: Mapping[Trial, Sequence[float]]) -> list[Trial]:
    return sorted((trial for trial in losses if trial[0] == method), key=lambda trial: np.mean(losses[trial]))


def _tuned(
    method: str,
    points: Sequence[Mapping[str, Any]],
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


def _to_target(tuned: Sequence[Tuned], finals: Mapping[Trial, Experiment], out: Path) -> list[Tuned]:
    target = max(best.validation_loss for best in tuned)

    def when(best: Tuned) -> tuple[Reached | None, ...]:
        made = finals[best.method, best.trials.index(best.chosen)]
        return tuple(reached(read_rows(out / run_name(made, seed) / CURVES), target) for seed in made.seeds)

    return [replace(best, target_loss=target, reached=when(best)) for best in tuned]
