"""Noise among the few states that its pushes and the arrays make, beside the same steps with the whole matrix."""

import math

import pytest
import torch
from thermospice.training.devices.loops import LaggedLoop, Loop, noise_of_cells
from torch import Tensor

N = 30
SAMPLES = 2
OUTPUTS = 3
R = SAMPLES * OUTPUTS
# Below COARSE every solve is refined; 1 % is what a device asks for.
TOLERANCE = 0.01
LADDER = [2.0, 2.0, 0.25, 0.25]


def loop_of(spread: float, with_hessian: bool) -> Loop:
    """Two arrays that differ by mismatch, and cells whose rates differ by `spread`."""
    draw = torch.Generator().manual_seed(3)

    def normals(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    J = normals(R, N) / math.sqrt(N)
    root = normals(SAMPLES, OUTPUTS, OUTPUTS)
    D = 1.0 + 0.2 * torch.rand(N, generator=draw, dtype=torch.float64)
    rates = 0.4 * (1.0 + spread * torch.linspace(-1.0, 1.0, N, dtype=torch.float64))
    H = root @ root.mT if with_hessian else None
    return Loop(D, rates * D, J * (1.0 + 0.05 * normals(R, N)), J * (1.0 + 0.05 * normals(R, N)), H, groups=1)


def lagged_of(loop: Loop) -> LaggedLoop:
    first = torch.linspace(20.0, 30.0, R, dtype=torch.float64)
    return LaggedLoop(loop, first, None if loop.H is None else 1.5 * first)


def midpoint(loop: Loop | LaggedLoop, forcings: Tensor) -> Tensor:
    """The implicit midpoint rule, each step a solve with the matrix of all states."""
    eye = torch.eye(forcings.shape[1], dtype=torch.float64)
    F = torch.stack([loop.matvec(e) for e in eye], 1)
    x = torch.zeros_like(forcings[0])
    for h, push in zip(LADDER, forcings, strict=True):
        x = torch.linalg.solve(eye + h / 2 * F, x - h / 2 * F @ x + math.sqrt(h) * push)
    return x[:N]


def difference(loop: Loop, stages: bool) -> float:
    lagged = lagged_of(loop) if stages else None
    more = 0 if lagged is None else R if lagged.second is None else 2 * R
    forcings = torch.randn(4, N + more, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    expected = midpoint(loop if lagged is None else lagged, forcings)
    noise = noise_of_cells(loop, lagged, forcings, LADDER, TOLERANCE)
    return float((noise - expected).norm() / expected.norm())


@pytest.mark.parametrize("stages", [False, True], ids=["at once", "lagging"])
@pytest.mark.parametrize("with_hessian", [False, True], ids=["no H", "H"])
def test_the_noise_is_that_of_all_states(stages, with_hessian):
    # Catches a push, a stage's noise or a capacitor that is lost on the way into the few states or out of them.
    # Cells of one rate: the two differ by rounding, however coarse the solves may be.
    assert difference(loop_of(0.0, with_hessian), stages) < 1e-12
    # Rates so near that no solve needs refinement: each is off by its tolerance at most, four times.
    assert 1e-6 < difference(loop_of(0.01, with_hessian), stages) < 4 * TOLERANCE


def test_cells_that_differ_too_much_are_solved_one_by_one():
    # Catches a mean rate that stands for all cells where refinement would be needed: without it the error is larger.
    loop = loop_of(0.5, with_hessian=False)
    assert 0.5 * max(LADDER) * float((loop.rates - loop.group_rates).abs().max()) > 10 * TOLERANCE
    assert difference(loop, stages=False) < 4 * TOLERANCE
