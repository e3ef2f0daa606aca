"""What trainings will take, said before they begin: time by steps that are really taken, memory by their sizes."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch

from ...files.quantities import duration_text
from .._exceptions import ExperimentError
from ..curvature import call
from ..experiments import Experiment, with_defaults
from ..tasks import Split, Task
from ._job import SeedJob, cached_task
from ._one_run import alone, evaluate
from ._training_state import TrainingState, given
from .memory import StepSize, free_memory

# From here on it is said.
LONG = 60.0  # s
LARGE = 1e9  # byte

FEWEST_STEPS = 20
"""Of a run for which two steps are taken beforehand."""
QUICK = 2.0
"""A first step [s] longer than that stands for all of them; of others the second does, which loads nothing more."""
MANY_ROWS = 2_000
"""Of a Jacobian, each a backward pass; fewer are done before anybody wonders."""
PER_SECOND = 3e10
"""Floating-point operations of one thread: a large product reaches two or three times as many, a factorisation less."""
PATIENT = 10.0
"""A step [s] that takes longer by its operations is not tried."""
SAMPLES = 256
"""How many of the data tell what a look at all of them takes."""


@dataclass(frozen=True, slots=True)
class RunCost:
    """Of one run: its time [s], and the memory of one step [byte]."""

    seconds: float
    memory: float


@dataclass(frozen=True, slots=True)
class TrainingForecast:
    """`seconds`: of all runs on all workers; `memory`: of the steps of all workers together [byte]."""

    runs: int
    workers: int
    seconds: float
    memory: float

    @property
    def text(self) -> str | None:
        """A sentence on what is long or large; None where nothing is."""
        if self.seconds < LONG and self.memory < LARGE:
            return None
        runs = "1 run takes" if self.runs == 1 else f"{self.runs:,} runs take"
        takes = [f"about {duration_text(self.seconds)}"] if self.seconds > 0.0 else []
        takes += [f"{self.memory / 1e9:.2g} GB of memory"] if self.memory >= LARGE else []
        where = "" if self.workers == 1 else f" on {self.workers} processes"
        return f"{runs} {' and '.join(takes)}{where}"

    def check(self, free: float) -> None:
        """Raises `ExperimentError` with the number where the workers together take more than is free [byte]."""
        if self.memory > free and self.workers > 1:
            raise ExperimentError(
                f"workers: {self.workers} take about {self.memory / 1e9:.3g} GB of memory together, and "
                f"{free / 1e9:.3g} GB are free; take fewer workers, or lower batch_size"
            )


def run_cost(experiment: Experiment, task: Task | None = None) -> RunCost | None:
    """Of one run, by two steps and a look at the data, which leave nothing behind; by operations, where one is long.

    None where it cannot be begun: it says itself what is wrong. Without a time where it has few steps, all short.
    """
    task = task or cached_task(experiment.task, experiment.data)
    complete = with_defaults(experiment, task)
    steps = given(complete.steps)
    with suppress(Exception), alone(complete):
        state = TrainingState(task, complete, complete.seeds[0] if complete.seeds else 0)
        size = StepSize.of(complete, state.task, state.module)
        if (long := _long_step(state, size)) > PATIENT or size.memory > free_memory(complete.processor):
            return RunCost(steps * long, size.memory)
        if steps < FEWEST_STEPS:
            return RunCost(0.0, size.memory)
        looks = steps // given(complete.log_every) + 1
        return RunCost(looks * _seconds_of_a_look(state) + steps * _seconds_of_a_step(state), size.memory)
    return None


def training_forecast(jobs: Sequence[SeedJob], workers: int, task: Task | None = None) -> TrainingForecast | None:
    """Of runs on so many processes; those that differ in their seeds alone cost the same."""
    kinds = [job.experiment.model_dump_json(exclude={"seeds", "name"}) for job in jobs]
    one_of = dict(zip(kinds, jobs, strict=True))
    costs = {kind: run_cost(job.experiment, task) for kind, job in one_of.items()}
    return together([cost for kind in kinds if (cost := costs[kind]) is not None], workers)


def together(costs: Sequence[RunCost], workers: int) -> TrainingForecast | None:
    """Of runs with these costs; None for none."""
    if not costs:
        return None
    count = min(workers, len(costs))
    longest = max(cost.seconds for cost in costs)
    # no training is shorter than its longest run
    seconds = max(sum(cost.seconds for cost in costs) / count, longest)
    return TrainingForecast(len(costs), count, seconds, count * max(cost.memory for cost in costs))


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


def _seconds_of_a_step(state: TrainingState) -> float:
    first = _seconds(state.advance)
    return first if first > QUICK else _seconds(state.advance)


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
