"""A differential equation learned from its residual: the task on which curvature pays most."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ._task import Split, Task

WAVES = 4  # half waves of the solution on one unit of length
POINTS = 128  # where the residual is trained
HELD_OUT = 256  # points in each of the validation and the test part
WIDTH = 32


class Residual(nn.Module):
    """The residual of `u'' = f` at points x, of a network that vanishes at both ends.

    `u(x) = (1 - x^2) n(x)` on -1 <= x <= 1, and n is a dense network of two hidden layers. Its derivatives are carried
    through the layers beside its values, so that a forward pass has all that the residual needs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(1, WIDTH)
        self.second = nn.Linear(WIDTH, WIDTH)
        self.last = nn.Linear(WIDTH, 1)

    def forward(self, x: Float[Tensor, "samples 1"]) -> Float[Tensor, "samples 1"]:
        """`u''(x)` in units of the root mean square of f."""
        n, slope, bend = self.derivatives(x)
        return ((1 - x * x) * bend - 4 * x * slope - 2 * n) / _RMS_FORCE

    def solution(self, x: Float[Tensor, "samples 1"]) -> Float[Tensor, "samples 1"]:
        """`u(x)`, what the equation is solved for."""
        return (1 - x * x) * self.derivatives(x)[0]

    def derivatives(self, x: Float[Tensor, "samples 1"]) -> tuple[Tensor, Tensor, Tensor]:
        """`n(x)` and its first and second derivative, each (samples, 1)."""
        value, slope, bend = x, torch.ones_like(x), torch.zeros_like(x)
        for layer in (self.first, self.second):
            value, slope, bend = _through(layer, value, slope, bend)
            # tanh' = 1 - tanh^2, tanh'' = -2 tanh tanh'
            value = torch.tanh(value)
            steepness = 1 - value * value
            bend = steepness * (bend - 2 * value * slope * slope)
            slope = steepness * slope
        return _through(self.last, value, slope, bend)


def pinn() -> Task:
    """Poisson's equation in one dimension: 128 points for training, 256 each for validation and test.

    `u'' = f` on -1 <= x <= 1 with `u(-1) = u(1) = 0`, whose solution is `sin(4 pi x)`. The loss is the mean squared
    residual over that of `u = 0`, so that it starts near one; batches hold all points. 1153 parameters, 128 rows:
    few rows and a loss that first order hardly moves.
    After M. Raissi, P. Perdikaris, G. E. Karniadakis, "Physics-informed neural networks", J. Comput. Phys. 378
    (2019) 686.
    """
    return Task(
        name="pinn",
        build=Residual,
        loss_fn=nn.MSELoss(),
        train=_points(torch.linspace(-1, 1, POINTS + 2, dtype=torch.float64)[1:-1]),
        validation=_points(_drawn(1)),
        test=_points(_drawn(2)),
        steps=300,
        batch_size=POINTS,
    )


def exact_solution(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """`sin(4 pi x)`."""
    return torch.sin(WAVES * math.pi * x)


# f = u'' = -(4 pi)^2 sin(4 pi x), and the mean of sin^2 over whole waves is one half.
_RMS_FORCE = (WAVES * math.pi) ** 2 / math.sqrt(2)


def _points(x: Float[Tensor, " samples"]) -> Split:
    single = x.float()
    force = -math.sqrt(2) * exact_solution(single.double())
    return Split(single[:, None], force[:, None].float())


def _drawn(seed: int) -> Float[Tensor, " samples"]:
    unit = torch.rand(HELD_OUT, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return 2 * unit - 1


def _through(layer: nn.Linear, value: Tensor, slope: Tensor, bend: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return layer(value), slope @ layer.weight.T, bend @ layer.weight.T
