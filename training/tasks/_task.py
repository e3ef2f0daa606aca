"""What is trained: data in three parts, a network, a loss, and how much training it needs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from .._exceptions import TaskError
from .._types import LossFunction


@dataclass(frozen=True)
class Split:
    """Samples along the first axis; inputs are a tensor, or a tuple or mapping of the module's arguments."""

    inputs: Any
    targets: Tensor

    def __post_init__(self) -> None:
        for values in pytree.tree_leaves(self.inputs):
            if len(values) != len(self.targets):
                raise TaskError(f"data: {len(values)} inputs but {len(self.targets)} targets")
        if len(self.targets) == 0:
            raise TaskError("data: expected at least one sample in every part, got none")

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: Tensor | slice) -> "Split":
        return Split(pytree.tree_map(lambda values: values[index], self.inputs), self.targets[index])

    def to(self, device: torch.device, dtype: torch.dtype) -> "Split":
        moved = pytree.tree_map(lambda values: _moved(values, device, dtype), (self.inputs, self.targets))
        return Split(*moved)


@dataclass(frozen=True)
class Task:
    """Everything that training needs to know about a problem, and nothing about optimisers.

    `build` draws the initial weights from torch's global generator. `loss_fn(outputs, targets)` is a mean over
    samples. `accuracy` maps (outputs, targets) to the fraction that is right, None where there is no such thing.
    `layered`: what is trained are linear layers and convolutions, and a sample has few outputs (see `layered`).
    `steps` and `batch_size` are the task's defaults, as are `log_every` and `test_every`, which keep evaluations below
    the price of the steps between them. `train` is what trains by default; where there are more samples, `most` of
    them, `more(n)` gives the first n, beginning with those. The test part is for the final figures only: neither
    training nor tuning reads it.
    """

    name: str
    build: Callable[[], nn.Module]
    loss_fn: LossFunction
    train: Split
    validation: Split
    test: Split
    steps: int
    batch_size: int
    accuracy: Callable[[Tensor, Tensor], float] | None = None
    layered: bool = False
    log_every: int = 5
    test_every: int = 25
    most: int = 0
    more: Callable[[int], Split] | None = None

    def first(self, samples: int | None) -> "Task":
        """The same with the first samples of its training part; with those that train by default for None.

        Raises `TaskError` for more than it has.
        """
        most = max(self.most, len(self.train))
        if samples is None:
            return self
        if not 1 <= samples <= most:
            raise TaskError(f"{self.name}: expected 1 to {most} training samples, got {samples}")
        if samples > len(self.train) and self.more is not None:
            return replace(self, train=self.more(samples))
        return replace(self, train=self.train.take(slice(samples)))

    def to(self, device: torch.device, dtype: torch.dtype) -> "Task":
        return replace(
            self,
            train=self.train.to(device, dtype),
            validation=self.validation.to(device, dtype),
            test=self.test.to(device, dtype),
        )


def class_accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Fraction of rows of `outputs` (samples, classes) whose largest entry is the target class."""
    return (outputs.argmax(dim=1) == targets).double().mean().item()


def _moved(values: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    return values.to(device, dtype if values.is_floating_point() else values.dtype)
