"""Stages that take time: against the matrix exponential of all their states, closed forms, and the whole circuit."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import scipy.linalg
import torch
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Cascade, Design, Program, Scaling, state_space
from thermospice.training import DeviceEffects, DeviceSPU, UnstableLoop
from thermospice.training.devices import _relaxation as device_flow
from thermospice.training.devices.loops import LaggedLoop, Loop
from thermospice.training.devices.loops._lagging_loop import _rightmost
from thermospice.training.programs import Factors

from ..doubles import Population, make_factors

lagging = partial(Population, gain=1e4, gain_bandwidth=2e7, full_scale=5.0)
LAGS = DeviceEffects.only("bandwidth")
LAGGED_NOISE = ("bandwidth", "conductance", "capacitance", "noise", "stage_noise")
ALL_LINEAR = DeviceEffects.only("bandwidth", "conductance", "capacitance", "inverter", "gain", "offset")


def dense(loop: LaggedLoop) -> np.ndarray:
    """The matrix of `z' = -F z` for z = (x, u, w), or (x, u) without an H; blocks written out one by one."""
    base, N, r = loop.base, len(loop.base.D), len(loop.first)
    F = np.zeros((N + 2 * r, N + 2 * r))
    F[:N, :N] = np.diag(base.Lam / base.D)
    F[N : N + r, :N] = -np.diag(loop.first) @ base.J_in.numpy()
    F[N : N + r, N : N + r] = np.diag(loop.first)
    if loop.second is None:
        F[:N, N : N + r] = base.J_out.T.numpy() / base.D[:, None].numpy()
        return F[: N + r, : N + r]
    F[:N, N + r :] = base.J_out.T.numpy() / base.D[:, None].numpy()
    F[N + r :, N : N + r] = -np.diag(loop.second) @ torch.block_diag(*base.H).numpy()
    F[N + r :, N + r :] = np.diag(loop.second)
    return F


def dense_mean(loop: LaggedLoop, d: np.ndarray, x0: np.ndarray, t: float) -> np.ndarray:
    base, N = loop.base, len(loop.base.D)
    F, u0 = dense(loop), base.J_in.numpy() @ x0
    z0 = [x0, u0] if loop.second is None else [x0, u0, torch.block_diag(*base.H).numpy() @ u0]
    settled = np.linalg.solve(F, np.concatenate([d, np.zeros(len(F) - N)]))
    return (settled + scipy.linalg.expm(-t * F) @ (np.concatenate(z0) - settled))[:N]


def relative(x: torch.Tensor | np.ndarray, y: torch.Tensor | np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(x) - np.asarray(y)) / np.linalg.norm(np.asarray(y)))


@pytest.mark.parametrize("effects", [LAGS, ALL_LINEAR], ids=["alone", "with the others"])
@pytest.mark.parametrize("with_hessian", [True, False], ids=["H", "no H"])
@pytest.mark.parametrize("t", [0.05, 0.3, 5.0, 50.0])
def test_the_mean_is_that_of_the_dense_twin(drive, start, t, with_hessian, effects):
    flow = DeviceSPU(lagging(), effects=effects).init(make_factors(6, 3, 40, with_hessian=with_hessian))
    loop = flow.chip.lagged
    assert loop.lag > 0.05
    d = (flow.chip.drive * drive + flow.chip.offset) / loop.base.D
    jump = np.zeros(40) if flow.chip.jump is None else flow.chip.jump.numpy()
    expected = dense_mean(loop, d.numpy(), start.numpy() + jump, t - loop.delay)
    # the Krylov space is asked for 1e-9 of the change of all states from x0
    assert relative(flow.mean(drive, start, t), expected) < 1e-8
    from_rest = dense_mean(loop, d.numpy(), jump, t - loop.delay)
    assert relative(flow.mean(drive, None, t), from_rest) < 1e-8


def test_single_precision_is_right_to_its_tolerance(factors, drive, start):
    single = Factors(factors.J.float(), factors.H.float(), 0.3)
    device = DeviceSPU(lagging(), effects=ALL_LINEAR)
    for t in (0.3, 5.0):
        once, twice = (device.init(f).mean(drive.to(f.J), start.to(f.J), t) for f in (single, factors))
        assert relative(once.double(), twice) < 1e-4


def test_nothing_lags_at_infinite_gain_bandwidth_at_the_start_and_when_settled(factors, drive, start):
    fast = DeviceSPU(lagging(gain_bandwidth=math.inf), t=2.0, effects=ALL_LINEAR)
    off = DeviceSPU(lagging(), t=2.0, effects=ALL_LINEAR.without("bandwidth"))
    slow = DeviceSPU(lagging(), t=2.0, effects=ALL_LINEAR)
    values = [device.compute(device.init(factors), drive, start).value for device in (fast, off, slow)]
    assert torch.equal(values[0], values[1])
    assert relative(values[2], values[1]) > 1e-2
    flow = slow.init(factors)
    assert torch.equal(flow.mean(drive, start, 0.0), start)
    settled = np.linalg.solve(dense(flow.chip.lagged), np.pad((flow.chip.drive * drive) / flow.chip.loop.D, (0, 36)))
    offset = flow.offset(math.inf)
    assert relative(flow.mean(drive, start, math.inf) - offset, settled[:40]) < 1e-8


def test_poles_are_those_of_closed_loops(factors):
    population = lagging(gain=50.0)
    loop = DeviceSPU(population, effects=DeviceEffects.only("gain", "bandwidth")).init(factors).chip.lagged
    unity, s = 2 * math.pi * 20.0, 1 / math.sqrt(6)
    J, H = loop.base.J_in * (1 + (1 + s * factors.J.abs().sum(1, keepdim=True)) / 50), factors.H / s**2
    negative = J.clamp_max(0.0).abs().sum(1) / J.abs().sum(1)
    gain = 1 + s * J.abs().sum(1) + 2 * negative
    assert torch.allclose(loop.first, unity * (1 / gain + 1 / 50), rtol=1e-12)
    # rows of a softmax's Hessian add up to nothing: half of each is negative
    gain = 1 + H.abs().sum(2).reshape(-1) + 1 + 2 * negative + 1
    assert torch.allclose(loop.second, unity * (1 / gain + 1 / 50), rtol=1e-12)
    cells = 1 + 0.3 + s * factors.J.abs().sum(0)
    assert torch.allclose(loop.base.D, 1 + 1 / 50 + cells / unity, rtol=1e-12)


def one_mode(rate: float, omega: float, r: int = 3) -> LaggedLoop:
    """r cells of one mode each; the first has a decay rate of `rate` through its stages, the others a tenth."""
    rates = torch.full((r,), 0.1 * rate, dtype=torch.float64)
    rates[0] = rate
    one = torch.ones(r, dtype=torch.float64)
    base = Loop(
        one, 0.0 * one, torch.eye(r, dtype=torch.float64), torch.eye(r, dtype=torch.float64), rates.reshape(r, 1, 1)
    )
    return LaggedLoop(base, omega * one, omega * one)


@pytest.mark.parametrize("omega", [3.0, 100.0])
def test_equal_poles_ring_up_beyond_twice_their_rate(omega):
    # s (1 + s/omega)^2 + lambda is Hurwitz for 0 < lambda < 2 omega, by Routh's table
    one_mode(1.98 * omega, omega).check_stable(math.inf)
    assert one_mode(2.0 * omega, omega).growth == pytest.approx(0.0, abs=1e-9 * omega)
    fast = one_mode(2.02 * omega, omega)
    expected = max(np.roots([1 / omega**2, 2 / omega, 1.0, 2.02 * omega]).real)
    assert fast.growth == pytest.approx(expected, rel=1e-9)
    fast.check_stable(0.9 / expected)
    with pytest.raises(UnstableLoop, match="raise the gain-bandwidth"):
        fast.check_stable(1.1 / expected)


def make_wide(r: int, N: int) -> Factors:
    """Logistic regression on features with a common part: one mode far above the others, and more cells than rows."""
    generator = torch.Generator().manual_seed(0)
    J = 1.0 + 0.5 * torch.randn(r, N, generator=generator, dtype=torch.float64)
    p = torch.randn(r, generator=generator, dtype=torch.float64).sigmoid()
    return Factors(J, (p * (1 - p) / r).reshape(r, 1, 1), damping=0.05)


def test_a_mode_that_rings_is_found_without_all_eigenvalues():
    factors, effects = make_wide(60, 200), DeviceEffects.only("bandwidth", "conductance", "capacitance")
    verdicts = []
    for bandwidth in (1e6, 3e6, 1e7, 1.5e7, 3e7, 1e8, 1e9):
        loop = DeviceSPU(lagging(gain_bandwidth=bandwidth), effects=effects).init(factors).chip.lagged
        columns = [loop._rings(e) for e in torch.eye(loop._ring_size, dtype=torch.float64)]
        exact = float(torch.linalg.eigvals(torch.stack(columns, 1)).real.max())
        found = _rightmost(loop._rings, loop._ring_size, loop.first)
        verdicts.append(exact > 0.0)
        # it finds a growing mode to its tolerance of 1 % of the fastest, and none where there is none
        assert found is None or (found > 0.0) == (exact > 0.0)
        assert loop.growth == pytest.approx(exact, rel=0.02) or not exact > 0.0
    assert set(verdicts) == {True, False}


@pytest.mark.parametrize("bandwidth", [3e6, 1e7, 1.5e7, 3e7])
def test_the_edge_is_where_the_whole_circuit_has_it(bandwidth):
    factors = make_wide(3, 30)
    factors = replace(factors, J=4.0 * factors.J)
    s, H = 1 / math.sqrt(3), torch.block_diag(*factors.H).numpy()
    program = Program.from_factors(s * factors.J.numpy(), H / s**2, 0.05, np.ones(30))
    fields = Design.preset("board-1k-1n").to_dict()
    fields["amplifier"] |= {"gain_bandwidth": bandwidth, "output_resistance": 1e-3, "load_capacitance": 1e-15}
    design = Design.from_dict(fields)
    growth = state_space(design.nominal(Cascade(n=30, r=3)).network(program)).poles.real.max() * design.tau
    loop = DeviceSPU(lagging(gain_bandwidth=bandwidth), effects=LAGS).init(factors).chip.lagged
    assert (growth > 0.0) == (bandwidth < 2e7)  # the edge lies among the cases
    # the cells' poles are lumped with the stages', which weighs most where everything is slow
    assert loop.growth == pytest.approx(growth, rel=0.05) if growth > 0.0 else loop.growth < 0.0


def test_training_with_too_slow_an_amplifier_says_what_to_raise():
    device = DeviceSPU(lagging(gain_bandwidth=3e6), t=50.0, effects=LAGS)
    with pytest.raises(UnstableLoop, match="raise the gain-bandwidth"):
        device.compute(device.init(make_wide(60, 200)), torch.ones(200, dtype=torch.float64))


def test_a_negligible_lag_is_left_out_and_a_felt_one_is_not(factors, drive, start):
    flow = DeviceSPU(lagging(gain_bandwidth=1e9), effects=LAGS).init(factors)
    loop = flow.chip.lagged
    d = flow.chip.drive * drive / loop.base.D
    for t in (0.001, 0.01, 0.1, 1.0, 10.0, 100.0):
        without = replace(flow, chip=replace(flow.chip, lagged=None)).mean(drive, start, t)
        lagged = dense_mean(loop, d.numpy(), start.numpy(), t)
        change = float(np.linalg.norm(without.numpy() - lagged) / np.linalg.norm(lagged - start.numpy()))
        for tol in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
            # the bound is of first order in lag times rate, which is at most a quarter: a third more covers the rest
            assert change < 1.4 * tol or not loop.negligible(t, tol)
    assert loop.negligible(10.0, 1e-3)
    assert not loop.negligible(10.0, 1e-6)


def test_the_bound_of_a_negligible_lag_is_reached():
    loop, start = one_mode(1.0, 1e3), np.array([1.0, 0.0, 0.0])
    # a rate of 2/t feels a lag most, and the lag is two stages' 1e-3
    change = float(abs(dense_mean(loop, np.zeros(3), start, 2.0)[0] - math.exp(-2.0)))
    assert change == pytest.approx(2e-3 * 4 * math.exp(-2.0) / 2.0, rel=0.01)
    assert loop.negligible(2.0, 1.02 * change)
    assert not loop.negligible(2.0, 0.98 * change)


@pytest.mark.parametrize("bandwidth", [5e6, 2e7, 6.5e7])
@pytest.mark.parametrize("t", [0.5, 1.0, 3.0, 10.0])
def test_it_is_close_to_the_whole_circuit(bandwidth, t):
    """Every amplifier a pole of its own, rails and cells too: what is left is a small part of the effect itself.

    Not in the model: that the rails delay the negative entries alone, and the second order of lumped poles.
    """
    factors = make_factors(3, 3, 6)
    drive = torch.randn(6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    fields = Design.preset("board-1k-1n").to_dict()
    fields["amplifier"] |= {
        "gain": 1e7, "gain_bandwidth": bandwidth, "output_resistance": 1e-3, "load_capacitance": 1e-15,
        "bias_current": 0.0, "offset_sigma": 0.0,
    }  # fmt: skip
    s, H = 1 / math.sqrt(3), torch.block_diag(*factors.H).numpy()
    program = Program.from_factors(s * factors.J.numpy(), H / s**2, 0.3, drive.numpy())
    design = Design.from_dict(fields)
    response = DeviceModel.nominal(design.nominal(Cascade(n=6, r=9))).response(program, Scaling(), allow_clipping=True)
    circuit = response.mean_at(np.array([t * design.tau]))[0]
    population = lagging(gain=1e7, gain_bandwidth=bandwidth, tau=design.tau)

    def mean(*names: str) -> torch.Tensor:
        return DeviceSPU(population, effects=DeviceEffects.only(*names)).init(factors).mean(drive, None, t)

    effect, left = relative(mean("gain"), circuit), relative(mean("gain", "bandwidth"), circuit)
    assert effect > 5e-4
    assert left < 0.15 * effect


def forcing(flow, with_hessian: bool) -> np.ndarray:
    """(states, noises): what white noise in the cells and behind the stages puts into (x, u, w)."""
    loop, stage = flow.chip.lagged, flow.chip.stage
    blocks = [np.diag(1.0 / loop.base.D), np.diag(loop.first / stage)]
    if with_hessian:
        blocks.append(np.diag(loop.second * stage))
    return math.sqrt(2.0) * scipy.linalg.block_diag(*blocks)


def dense_covariance(loop: LaggedLoop, B: np.ndarray, t: float) -> np.ndarray:
    F = dense(loop)
    P = scipy.linalg.solve_continuous_lyapunov(F, B @ B.T)
    E = scipy.linalg.expm(-t * F)
    return (P - E @ P @ E.T)[: len(loop.base.D), : len(loop.base.D)]


@pytest.mark.parametrize("with_hessian", [True, False], ids=["H", "no H"])
@pytest.mark.parametrize(("bandwidth", "t", "limit"), [(5e6, 2.0, 0.05), (2e7, 10.0, 0.05), (1e8, 0.3, 0.01)])
def test_noise_has_the_covariance_of_all_states(monkeypatch, bandwidth, t, limit, with_hessian):
    """The steps that a sample takes, on the dense twin's covariance; only the first two cases ring."""
    taken: list[float] = []

    def follow(loop, lagged, forcings, ladder, tol):
        taken.extend(ladder)
        return loop.D

    monkeypatch.setattr(device_flow, "noise_of_cells", follow)
    device = DeviceSPU(Population(gain_bandwidth=bandwidth), effects=DeviceEffects.only(*LAGGED_NOISE))
    flow = device.init(make_factors(6, 3, 40, with_hessian=with_hessian))
    flow.noise(t, device.generator)
    F, B = dense(flow.chip.lagged), forcing(flow, with_hessian)
    P, eye = np.zeros_like(F), np.eye(len(F))
    for h in taken:
        inverse = np.linalg.inv(eye + h / 2 * F)
        A = inverse @ (eye - h / 2 * F)
        P = A @ P @ A.T + h * inverse @ B @ B.T @ inverse.T
    exact = dense_covariance(flow.chip.lagged, B, t - flow.chip.lagged.delay)
    # noise_tolerance, 1 %, for each mode, and five times that where it rings
    assert relative(P[:40, :40], exact) < limit


@pytest.mark.parametrize("with_hessian", [True, False], ids=["H", "no H"])
def test_each_noise_enters_where_its_amplifier_is(monkeypatch, with_hessian):
    drawn = []

    def keep(loop, lagged, forcings, ladder, tol):
        drawn.extend(forcings)
        return loop.D

    monkeypatch.setattr(device_flow, "noise_of_cells", keep)
    monkeypatch.setattr(device_flow, "steps", lambda *_: np.ones(4000))
    device = DeviceSPU(Population(gain_bandwidth=5e6), effects=DeviceEffects.only(*LAGGED_NOISE))
    flow = device.init(make_factors(6, 3, 40, with_hessian=with_hessian))
    flow.noise(2.0, device.generator)
    loop, B = flow.chip.lagged, forcing(flow, with_hessian)
    states = torch.stack([torch.cat(loop.parts(z)[: 2 + with_hessian]) for z in drawn]).numpy()
    white = states / np.diag(B)
    # entries of a covariance of 4000 samples scatter by 1/sqrt(4000), its diagonal by sqrt(2) times that
    assert np.abs(white.T @ white / 4000 - np.eye(len(B))).max() < 5.5 * math.sqrt(2 / 4000)


def test_the_noise_of_fast_stages_is_that_of_none():
    device = DeviceSPU(Population(gain_bandwidth=1e12), effects=DeviceEffects.only(*LAGGED_NOISE))
    flow = device.init(make_factors(6, 3, 40))
    assert flow.chip.lagged.unheard(2.0, 1e-3)
    at_once = replace(flow, chip=replace(flow.chip, lagged=None))
    drawn = [f.noise(2.0, torch.Generator().manual_seed(0)) for f in (flow, at_once)]
    assert relative(*drawn) < 1e-5  # the delay shortens the time by 1e-6
