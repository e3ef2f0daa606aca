"""What a warm device remembers: outside the range of J the state decays as exp(-lambda t), whatever the curvature."""

import math

import pytest
import torch
from thermospice.behavioral import DeviceModel, Population
from thermospice.circuits import Crossbar, Design
from thermospice.training import TNGD, DeviceEffects, DeviceSPU, IdealSPU
from thermospice.training.programs import Factors

LAM = 0.3
POPULATION = Population.estimate([DeviceModel.nominal(Design.preset("board-1k-1n").nominal(Crossbar(n=2)))])
SOLVERS = [IdealSPU(), DeviceSPU(POPULATION, effects=DeviceEffects.only())]


def _program() -> tuple[Factors, torch.Tensor]:
    """Four rows in eight dimensions, and the projector onto what they do not see."""
    torch.manual_seed(0)
    J = torch.randn(4, 8, dtype=torch.float64)
    basis, _ = torch.linalg.qr(J.T)
    return Factors(J, None, LAM), torch.eye(8, dtype=torch.float64) - basis @ basis.T


@pytest.mark.parametrize("solver", SOLVERS, ids=["ideal", "device"])
@pytest.mark.parametrize("t", [0.2, 1.0, 5.0])
def test_outside_the_range_only_the_damping_pulls(solver, t):
    program, outside = _program()
    b, x0 = torch.randn(2, 8, dtype=torch.float64)
    x = solver.compute(solver.init(program), b, x0, t=t).value
    kept = math.exp(-LAM * t)
    expected = kept * (outside @ x0) + (1 - kept) / LAM * (outside @ b)
    # The solvers' own tolerance is 1e-9 of the whole state.
    torch.testing.assert_close(outside @ x, expected, rtol=0, atol=1e-8 * float(x0.norm() + b.norm()))
    # Within the range the curvature (at least its smallest value) forgets the start faster.
    inside = (torch.eye(8, dtype=torch.float64) - outside) @ (
        x - solver.compute(solver.init(program), b, torch.zeros_like(x0), t=t).value
    )
    smallest = float(torch.linalg.svdvals(program.J)[-1]) ** 2 + LAM
    assert float(inside.norm()) <= math.exp(-smallest * t) * float(x0.norm()) * (1 + 1e-8)


def test_a_delay_forgets_as_much_as_the_same_time_on_the_stale_program():
    # One parameter, squared error: F and the gradient are known, and so is the direction after a delay.
    module = torch.nn.Linear(1, 1, bias=False).double()
    inputs, targets = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    w = module.weight.item()
    t, delay, lr = 0.4, 0.7, 0.1
    optimizer = TNGD(module, torch.nn.MSELoss(), lr=lr, damping=LAM, solver=IdealSPU(t=t), delay=delay, start="warm")
    F = 2.0 + LAM
    g = 2 * w
    x = math.exp(-F * t) * g + (1 - math.exp(-F * t)) / F * g
    optimizer.step(inputs, targets)
    w -= lr * x
    assert module.weight.item() == pytest.approx(w, abs=1e-12)
    # The device relaxes on the last gradient for the delay, then on the new one.
    x = math.exp(-F * delay) * x + (1 - math.exp(-F * delay)) / F * g
    x = math.exp(-F * t) * x + (1 - math.exp(-F * t)) / F * 2 * w
    optimizer.step(inputs, targets)
    assert module.weight.item() == pytest.approx(w - lr * x, abs=1e-12)
