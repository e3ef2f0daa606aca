"""A real batch of a training, as large as a cascade."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ...circuits import Cascade, Program

if TYPE_CHECKING:
    from torch import Tensor

    from ...training.programs import Factors

DAMPING = 0.1

# Largest voltage of a settled cell [V].
_SWING = 1.0

# Outputs of the network: the most of these that leave two samples at least.
_OUTPUTS = (4, 2, 1)

_STREAM = 24


@dataclass(frozen=True, eq=False)
class Batch:
    """A Gauss-Newton system of a small network on handwritten digits, and its gradient as the drive [V]."""

    factors: "Factors"
    drive: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, topology: Cascade, seed: int) -> "Batch":
        """A batch of a network with as many parameters as the cascade has cells, and as many outputs as it has rows."""
        import torch
        from torch import nn

        from ...training.curvature import curvature

        n = topology.n
        r = topology.r
        k = next(k for k in _OUTPUTS if r % k == 0 and n % k == 0 and r // k >= min(2, r))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = nn.Linear(n // k - 1, k, dtype=torch.float64)
        x, y = _digits(n // k - 1, r // k, k, seed)
        loss = nn.MSELoss() if k == 1 else nn.CrossEntropyLoss()
        made = curvature(module, loss, x, y[:, None].double() if k == 1 else y, DAMPING)
        gradient = made.gradient.numpy()
        solution = np.linalg.solve(made.factors.dense().numpy(), gradient)
        return cls(made.factors, gradient * (_SWING / np.abs(solution).max()))

    @cached_property
    def program(self) -> Program:
        """The program as the arrays hold it: J has its share of the batch's mean."""
        import torch

        share = 1 / math.sqrt(self.factors.batch)
        H = self.factors.H
        assert H is not None
        blocks = torch.block_diag(*H).numpy() / share**2
        return Program.from_factors(share * self.factors.J.numpy(), blocks, self.factors.damping, self.drive)


def _digits(features: int, samples: int, classes: int, seed: int) -> "tuple[Tensor, Tensor]":
    """Pixels that vary most, of some images."""
    import torch

    from ...training import load_task

    data = load_task("digits").train
    pixels = data.inputs.flatten(1).double()
    most = pixels.std(0).argsort(descending=True)[:features]
    chosen = np.random.default_rng([seed, _STREAM]).choice(len(data), samples, replace=False)
    return pixels[chosen][:, most], torch.as_tensor(data.targets)[chosen] % classes
