"""What trainings will take: time by steps that are really taken, memory by their sizes."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import torch

from ...files.forecasts import Forecast
from .._exceptions import ExperimentError
from ..curvature import call
from ..experiments import Experiment, with_defaults
from ..tasks import Split, Task
from ._job import cached_task
from ._one_run import alone, evaluate
from ._training_state import TrainingState, given
from .memory import StepSize, free_memory_of

FEWEST_STEPS = 3
"""Of a run for which more than one step is taken beforehand."""
FEWEST_STEPS_IN_SPICE = 20
"""Of a run with a chip in the simulator: a step of fewer is a good part of the whole, too dear to be thrown away."""
QUICK = 2.0
"""A first step [s] longer than that stands for all of them; of others the second does, which loads nothing more."""
MOST_KINDS = 16
"""So many kinds of runs are begun; the others are taken for the longest of these."""
_COST = (
    "task", "data", "train_size", "batch_size", "accumulate", "optimizer", "solver", "curvature", "curvature_rows",
    "curvature_average", "levenberg_marquardt", "autocast", "iterations", "precision", "processor", "steps", "epochs",
    "log_every", "device", "design", "delay", "deflated", "correction",
)  # fmt: skip
"""Fields that decide what a run costs."""
MANY_ROWS = 2_000
"""Of a Jacobian, each a backward pass; fewer are done before anybody wonders."""
PER_SECOND = 3e10
"""Floating-point operations of one thread: a large product reaches two or three times as many, a factorisation less."""
PATIENT = 10.0
"""A step [s] that takes longer by its operations is not tried."""
SAMPLES = 256
"""How many of the data tell what a look at all of them takes."""


def run_forecast(experiment: Experiment, task: Task | None = None) -> Forecast | None:
    """Of a run with its first seed: by two steps and a look at the data, which leave nothing behind, or by operations.

    None where it cannot be begun: it says itself what is wrong.
    """
    task = task or cached_task(experiment.task, experiment.data)
    complete = with_defaults(experiment, task)
    steps = given(complete.steps)
    with suppress(Exception), alone(complete):
        state = TrainingState(task, complete, complete.seeds[0] if complete.seeds else 0)
        size = StepSize.of(complete, state.task, state.module)
        if (long := _long_step(state, size)) > PATIENT or size.memory > free_memory_of(complete.processor):
            return Forecast(steps * long, size.memory)
        if complete.solver == "spice-spu" and steps < FEWEST_STEPS_IN_SPICE:
            return Forecast(0.0, size.memory)
        step = _seconds(state.advance)
        if step < QUICK and steps >= FEWEST_STEPS:
            step = _seconds(state.advance)
        looks = steps // given(complete.log_every) + 1
        return Forecast(looks * _seconds_of_a_look(state) + steps * step, size.memory)
    return None


def run_forecasts(experiments: Sequence[Experiment], task: Task | None = None) -> list[Forecast]:
    """Of a run of each; those that cost the same are begun once. None at all where none can be begun."""
    kinds = [json.dumps(made.model_dump(mode="json", include=set(_COST)), sort_keys=True) for made in experiments]
    begun = list(dict(zip(kinds, experiments, strict=True)).items())[:MOST_KINDS]
    made = {kind: run_forecast(one, task) for kind, one in begun}
    known = {kind: found for kind, found in made.items() if found is not None}
    if not known:
        return []
    longest = max(known.values(), key=lambda found: (found.seconds, found.memory))
    return [known.get(kind, longest) for kind in kinds]


def check_workers(expected: Forecast, workers: int, free: float) -> None:
    """Raises `ExperimentError` with the number where so many together take more than is free [byte].

    One by itself says what is large in it.
    """
    if workers > 1 and (lack := expected.lack_of_memory(free, f"workers: {workers} take")):
        raise ExperimentError(f"{lack}; take fewer workers, or lower batch_size")


def _long_step(state: TrainingState, size: StepSize) -> float:
    """[s] Of a step so large that its matrices and the rows of its Jacobian are all that counts."""
    passes = size.r * _seconds_of_a_row(state) if size.stored and size.r > MANY_ROWS else 0.0
    return size.operations / PER_SECOND + passes


def _seconds_of_a_row(state: TrainingState) -> float:
    """Of one sample's output, backwards; torch's generators are left as they were."""
    first = state.task.train.take(slice(0, 1)).inputs
    trained = [p for p in state.module.parameters() if p.requires_grad]
    with torch.random.fork_rng([]):
        output = call(state.module, first).sum()
        return _seconds(lambda: torch.autograd.grad(output, trained, allow_unused=True))


def _seconds_of_a_look(state: TrainingState) -> float:
    """At the training data and, as often as not, at the others."""
    few = state.task.train.take(slice(0, SAMPLES))
    every = sum(len(split) for split in _splits(state.task))
    return _seconds(lambda: evaluate(state.module, state.task, few)) * every / len(few)


def _splits(task: Task) -> tuple[Split, Split, Split]:
    return task.train, task.validation, task.test


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
