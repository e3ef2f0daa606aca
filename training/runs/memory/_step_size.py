"""How large a step of an experiment is."""

from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import nn

from ...curvature import call
from ...experiments import Experiment
from ...tasks import Task

PEAK = 2.5
"""A step that stores J holds no more than so many times its size, a device's arrays in it included (bench_training)."""
LAYER_MATRICES = 6.0
"""Of r x r that a step by layers holds at once: the Gram matrix, its parts by layers, and what is factorised."""
MODEL_COPIES = 4.0
"""Parameters, gradients, and two means of them."""


@dataclass(frozen=True, slots=True)
class StepSize:
    """B samples, N parameters that are trained, numbers of `width` bytes.

    r: rows of the Jacobian, zero where none is made. stored: whether J is, as an array. matrices: whether there are
    some of r x r.
    """

    B: int
    N: int
    width: int
    r: int = 0
    stored: bool = False
    matrices: bool = False

    @classmethod
    def of(cls, experiment: Experiment, task: Task, module: nn.Module) -> "StepSize":
        B = (experiment.batch_size or len(task.train)) * (experiment.accumulate or 1)
        N = sum(p.numel() for p in module.parameters() if p.requires_grad)
        width = torch.finfo(getattr(torch, experiment.precision)).bits // 8
        if experiment.optimizer != "tngd" or experiment.curvature == "products":
            return cls(B, N, width)
        k = _outputs(task, module) if experiment.curvature != "fisher" else 1
        if k is None:
            return cls(B, N, width)
        stored = experiment.curvature != "layers" or experiment.loads_arrays
        return cls(B, N, width, B * k, stored, not experiment.iterates)

    @property
    def jacobian(self) -> float:
        """[byte] Of J as an array."""
        return float(self.r) * self.N * self.width

    @property
    def matrix(self) -> float:
        """[byte] Of one r x r."""
        return float(self.r) ** 2 * self.width

    @property
    def memory(self) -> float:
        """[byte] Of a step, besides the data and the network's own values, which are not known beforehand."""
        arrays = PEAK * self.jacobian if self.stored else 0.0
        matrices = LAYER_MATRICES * self.matrix if self.matrices else 0.0
        return arrays + matrices + MODEL_COPIES * self.N * self.width

    @property
    def operations(self) -> float:
        """Floating-point, of the matrices with r rows alone: a network's own passes cost next to nothing beside them.

        Only for steps so large that they are all that counts.
        """
        gram = 2.0 * float(self.r) ** 2 * self.N if self.stored else 0.0
        return gram + (float(self.r) ** 3 if self.matrices else 0.0)

    @property
    def least(self) -> float:
        """[byte] Without which no step can be made."""
        return (self.jacobian if self.stored else 0.0) + (self.matrix if self.matrices else 0.0)


def _outputs(task: Task, module: nn.Module) -> int | None:
    with suppress(Exception), torch.no_grad(), torch.random.fork_rng([]):
        first = task.train.take(slice(0, 1)).inputs
        return int(call(module, first).numel())
    return None
