"""All that changes while a run goes on: its network, optimiser, order of the data, and counters."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .._exceptions import ExperimentError
from ..costs import Parts, StepTimes
from ..experiments import Experiment
from ..parallel import Ranks
from ..steps import make_stepper, within_range
from ..tasks import Split, Task

Value = TypeVar("Value")


class TrainingState:
    """All that changes while a run goes on, and hence all that a checkpoint holds."""

    def __init__(self, task: Task, experiment: Experiment, seed: int, ranks: Ranks | None = None) -> None:
        batch = _shared_batch(experiment, ranks)
        device = torch.device(experiment.processor)
        dtype = getattr(torch, experiment.precision)
        torch.manual_seed(seed)
        task = task.first(experiment.train_size)
        self.task = task.to(device, dtype)
        self.module: nn.Module = task.build().to(device, dtype)
        self.ranks = ranks
        self.seed = seed
        self.order = DataOrder(len(task.train), batch, seed)
        self.micro_batches = experiment.accumulate or 1
        experiment = self._within_range(experiment, batch)
        self.stepper = make_stepper(self.module, task.loss_fn, experiment, seed, ranks)
        self.learning_rate = schedule(experiment)
        self.damping = damping_schedule(experiment)
        self.steps = given(experiment.steps)
        self.step = 0
        self.batch_losses: list[float] = []
        self.initial_loss = math.inf
        self.elapsed = 0.0
        self.time: dict[str, float] = {}
        self.digital = StepTimes(steady=not experiment.iterates)
        self.energy: dict[str, float] = {}

    def advance(self) -> float:
        """One optimiser step on the next mini-batches; returns the loss on them, before the step."""
        self.stepper.set_learning_rate(self.learning_rate(self.step))
        if self.damping is not None:
            self.stepper.set_damping(self.damping(self.step))
        if self.ranks is not None and self.ranks.rank > 0:
            # dropout of its own, the same again after a resume
            torch.manual_seed(self.ranks.rank + self.ranks.count * (self.step + 10**9 * (self.seed + 1)))
        taken = self.stepper.step([self._batch() for _ in range(self.micro_batches)])
        _add(self.time, taken.time)
        _add(self.energy, taken.energy)
        self.step += 1
        if taken.time.digital is not None:
            self.digital.add(taken.time.digital)
            self.time["digital"] = self.step * self.digital.of_a_step()
        self.batch_losses.append(taken.loss)
        return taken.loss

    def _within_range(self, experiment: Experiment, batch: int) -> Experiment:
        """With what the chip serves of the first step's program; the run's own order of the data stays."""
        self.served: dict[str, float] = {}
        if experiment.served is None:
            return experiment
        order = DataOrder(len(self.task.train), batch, self.seed)
        index = torch.cat([order.draw() for _ in range(self.micro_batches)])
        first = self.task.train.take(index.to(self.task.train.targets.device))
        found = within_range(self.module, self.task.loss_fn, first, experiment, self.seed)
        self.served = {f"served_{name}": given(getattr(found, name)) for name in ("damping", "t")}
        return found

    def _batch(self) -> Split:
        index = self.order.draw()
        if self.ranks is not None:
            index = index.chunk(self.ranks.count)[self.ranks.rank]
        return self.task.train.take(index.to(self.task.train.targets.device))

    def state_dict(self) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "stepper": self.stepper.state_dict(),
            "order": self.order.state_dict(),
            "random": _random_state(),
            "counters": {name: getattr(self, name) for name in _COUNTERS} | {"digital": list(self.digital.seconds)},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.stepper.load_state_dict(state["stepper"])
        self.order.load_state_dict(state["order"])
        for name in _COUNTERS:
            setattr(self, name, state["counters"][name])
        self.digital.seconds = list(state["counters"].get("digital", ()))  # other versions kept none
        _set_random_state(state["random"])


_COUNTERS = ("step", "batch_losses", "initial_loss", "elapsed", "time", "energy")


class DataOrder:
    """Mini-batches without replacement, reshuffled when fewer than a batch remain."""

    def __init__(self, samples: int, batch: int, seed: int) -> None:
        if batch > samples:
            raise ExperimentError(f"batch_size: {batch} is more than the {samples} training samples")
        self._samples = samples
        self._batch = batch
        self._generator = torch.Generator().manual_seed(seed)
        self._left = torch.empty(0, dtype=torch.int64)

    def draw(self) -> Tensor:
        if len(self._left) < self._batch:
            self._left = torch.randperm(self._samples, generator=self._generator)
        index, self._left = self._left[: self._batch], self._left[self._batch :]
        return index

    def state_dict(self) -> dict[str, Tensor]:
        return {"generator": self._generator.get_state(), "left": self._left.clone()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        self._generator.set_state(state["generator"])
        self._left = state["left"]


def schedule(experiment: Experiment) -> Callable[[int], float]:
    """The learning rate of each step."""
    lr = given(experiment.lr)
    steps = given(experiment.steps)
    if experiment.schedule == "constant":
        return lambda step: lr
    return lambda step: lr * (1 + math.cos(math.pi * step / steps)) / 2


def damping_schedule(experiment: Experiment) -> Callable[[int], float] | None:
    """The damping of each step, by equal factors from the first to the last; None where it stays."""
    if experiment.damping_last is None:
        return None
    first = given(experiment.damping)
    ratio = experiment.damping_last / first
    last = max(given(experiment.steps) - 1, 1)
    return lambda step: float(first * ratio ** (step / last))


def _random_state() -> dict[str, Any]:
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])


def _add(totals: dict[str, float], parts: Parts) -> None:
    for name, value in parts.as_dict().items():
        totals[name] = totals.get(name, 0.0) + value


def _shared_batch(experiment: Experiment, ranks: Ranks | None) -> int:
    batch = given(experiment.batch_size)
    if ranks is not None and batch % ranks.count:
        raise ExperimentError(f"batch_size: expected a multiple of the {ranks.count} processes, got {batch}")
    if ranks is not None and experiment.delay:
        raise ExperimentError("delay: a checkpoint holds the stale program of one process; start without torchrun")
    return batch


def given(value: Value | None) -> Value:
    if value is None:
        raise ExperimentError("experiment: a setting has no value; complete it with `with_defaults` first")
    return value
