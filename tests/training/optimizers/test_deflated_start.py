"""Starts with the slowest modes settled: how much sooner a device is there."""

import math

import pytest
import scipy
import torch
from thermospice.training.curvature import curvature
from thermospice.training.optimizers import TNGD, deflated_start
from thermospice.training.programs import Factors
from thermospice.training.solvers import IdealSPU

DAMPING = 0.01
SLOW = (0.02, 0.03, 0.05, 0.08, 0.12)


def network_like(slow=SLOW, N=60, r=24, dtype=torch.float64):
    """Factors whose Gram matrix has a few slow modes below a bulk, and a gradient that lies in their row space."""
    rng = torch.Generator().manual_seed(3)
    bulk = torch.linspace(1.0, 4.0, r - len(slow), dtype=torch.float64)
    values = torch.cat([torch.tensor(slow, dtype=torch.float64), bulk]) - DAMPING
    U = torch.linalg.qr(torch.randn(r, r, generator=rng, dtype=torch.float64))[0]
    V = torch.linalg.qr(torch.randn(N, r, generator=rng, dtype=torch.float64))[0]
    program = Factors((U * values.sqrt() @ V.T).to(dtype), None, DAMPING)
    return program, (V @ torch.randn(r, generator=rng, dtype=torch.float64)).to(dtype)


def residual(program, b, x0, t):
    """Of the device itself."""
    solver = IdealSPU(t=t)
    x = solver.compute(solver.init(program), b, x0).value
    return float((b - program.matvec(x)).norm())


def time_to(left, residual_at):
    return scipy.optimize.brentq(lambda t: math.log(max(residual_at(t), 1e-300) / left), 0.0, 2000.0)


@pytest.mark.parametrize("k", [0, 1, 3, 5])
@pytest.mark.parametrize("warm", [False, True])
def test_a_device_is_there_as_much_sooner_as_is_foreseen(k, warm):
    """Catches modes that are not settled, or settled twice, and a forecast with the rate of another mode."""
    program, b = network_like()
    x0 = 0.3 * torch.randn(len(b), generator=torch.Generator().manual_seed(5), dtype=b.dtype) if warm else None
    start = deflated_start(program, b, x0, k)
    # What a warm start has outside the row space is one more slow mode, of the damping's rate.
    slow = sorted((DAMPING, *SLOW) if warm else SLOW)
    expected = slow[k] if k < len(slow) else 1.0
    assert start.slowest_left == pytest.approx(expected, rel=1e-3)
    for t in (0.5, 3.0, 1 / expected):
        assert residual(program, b, start.value, t) == pytest.approx(start.residual(t), rel=0.1)
    left = 0.01 * float(b.norm())
    measured = time_to(left, lambda t: residual(program, b, x0, t)) / time_to(
        left, lambda t: residual(program, b, start.value, t)
    )
    foreseen = time_to(left, lambda t: start.residual(t, settled=0)) / time_to(left, start.residual)
    assert measured == pytest.approx(foreseen, rel=0.1)
    if k == len(SLOW) and not warm:
        assert measured > 20


def test_single_precision_settles_the_same_modes():
    program, b = network_like(dtype=torch.float32)
    start = deflated_start(program, b, None, 3)
    assert residual(program, b, start.value, 20.0) == pytest.approx(start.residual(20.0), rel=0.1)


def test_nothing_to_settle_is_no_fault():
    program, b = network_like()
    at_rest = torch.linalg.solve(program.dense(), b)
    start = deflated_start(program, b, at_rest, 2)
    torch.testing.assert_close(start.value, at_rest, rtol=1e-9, atol=1e-12)
    nothing = deflated_start(program, torch.zeros_like(b), None, 2)
    assert nothing.products == 0
    assert nothing.slowest_left == math.inf
    assert not nothing.value.any()


def test_steps_of_a_deflated_device_come_closer_to_natural_gradient_and_count_their_products():
    def direction(deflated, t):
        torch.manual_seed(1)
        module = torch.nn.Linear(12, 3).double()
        x = torch.randn(10, 12, dtype=torch.float64) * torch.logspace(0, -1.5, 12, dtype=torch.float64)
        y = torch.randint(3, (10,))
        loss = torch.nn.functional.cross_entropy
        batch = curvature(module, loss, x, y, 1e-3)
        exact = torch.linalg.solve(batch.factors.dense(), batch.gradient)
        optimizer = TNGD(module, loss, damping=1e-3, solver=IdealSPU(t=t), start="zero", deflated=deflated)
        optimizer.step(x, y)
        return float((optimizer.readout - exact).norm() / exact.norm()), optimizer.stats

    plain, stats = direction(0, 30.0)
    assert "lanczos_products" not in stats
    near, stats = direction(6, 30.0)
    assert near < plain / 2
    assert 6 < stats["lanczos_products"] <= 70
    assert stats["slowest_left"] > 2e-3


def test_settings_that_do_not_fit_are_refused():
    module = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="deflated >= 0"):
        TNGD(module, torch.nn.functional.cross_entropy, deflated=-1)
    with pytest.raises(ValueError, match="needs delay=0"):
        TNGD(module, torch.nn.functional.cross_entropy, deflated=2, delay=0.3)
