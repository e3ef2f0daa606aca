"""DeviceSPU against dense twins: the arrays are the truth, everything built on them is recomputed naively."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import scipy.linalg
import torch
from thermospice.circuits import Program, Programming
from thermospice.training import DeviceEffects, DeviceSPU, IdealSPU, UnstableLoop
from thermospice.training.devices import CascadeFlow
from thermospice.training.devices.chips import _deviation_draws as draws
from thermospice.training.devices.loops import Loop, steps
from thermospice.training.programs import Factors

from ..doubles import Population

noisy = partial(Population, kappa0=1e-6, dac_bits=12, adc_bits=12, programming=Programming(bits=12))
TIMES = [0.0, 0.3, 5.0, 50.0, math.inf]


def dense(loop: Loop) -> np.ndarray:
    H = torch.eye(len(loop.J_in)) if loop.H is None else torch.block_diag(*loop.H)
    return ((torch.diag(loop.Lam) + loop.J_out.T @ H.to(loop.D) @ loop.J_in) / loop.D.unsqueeze(1)).numpy()


def dense_mean(F: np.ndarray, d: np.ndarray, x0: np.ndarray, t: float) -> np.ndarray:
    settled = np.linalg.solve(F, d)
    return settled if math.isinf(t) else settled + scipy.linalg.expm(-t * F) @ (x0 - settled)


def dense_covariance(F: np.ndarray, Q: np.ndarray, t: float) -> np.ndarray:
    P = scipy.linalg.solve_continuous_lyapunov(F, Q)
    E = np.zeros_like(F) if math.isinf(t) else scipy.linalg.expm(-t * F)
    return P - E @ P @ E.T


def relative(x: torch.Tensor | np.ndarray, y: torch.Tensor | np.ndarray) -> float:
    return float(np.linalg.norm(np.asarray(x) - np.asarray(y)) / np.linalg.norm(np.asarray(y)))


@pytest.mark.parametrize("t", TIMES)
def test_without_effects_it_is_the_ideal_device(factors, drive, start, t):
    device = DeviceSPU(noisy(), t=t, effects=DeviceEffects.only())
    ideal = IdealSPU(t=t)
    value = device.compute(device.init(factors), drive, start).value
    assert relative(value, ideal.compute(ideal.init(factors), drive, start).value) < 1e-9


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("kind", ["cascade", "crossbar"])
def test_a_nulled_answer_is_that_of_a_chip_without_offsets(factors, drive, start, t, kind):
    # Catches what is taken off being that of another scale of the drive, another time or another chip.
    program = factors if kind == "cascade" else Program(factors.dense().numpy(), drive.numpy())
    told = [
        device.compute(device.init(program), drive, start)
        for device in (
            DeviceSPU(Population(), t=t, nulled=True),
            DeviceSPU(Population(), t=t, effects=DeviceEffects().without("offset")),
            DeviceSPU(Population(), t=t),
        )
    ]
    # the loop is linear; solves are right to 1e-9 of the readout
    assert relative(told[0].value, told[1].value) < 1e-7
    if t > 0.0:
        assert relative(told[2].value, told[1].value) > 1e-4  # or there was nothing to take off
        assert told[0].stats["attempts"] == told[2].stats["attempts"] + 1.0


def test_a_nulled_answer_has_the_noise_of_both_runs(factors, drive):
    def variance(nulled: bool) -> float:
        device = DeviceSPU(noisy(offset_sigma=0.0, offset_mean=0.0), t=2.0, nulled=nulled)
        loaded = device.init(factors)
        return float(torch.stack([device.compute(loaded, drive).value for _ in range(60)]).var(0).mean())

    # 60 draws of 40 cells, of which not all are independent: some 600, 6 % of each variance
    assert variance(True) / variance(False) == pytest.approx(2.0, rel=0.3)


def test_single_precision_is_right_to_its_tolerance(factors, drive, start):
    single = Factors(factors.J.float(), factors.H.float(), 0.3)
    device = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance", "capacitance"))
    for t in TIMES:
        twice = [device.init(f).mean(drive.to(f.J), start.to(f.J), t) for f in (single, factors)]
        assert relative(*twice) < 1e-4


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize(
    "names",
    [("conductance",), ("capacitance",), ("conductance", "capacitance", "inverter", "gain", "program_bits")],
)
def test_the_mean_is_that_of_the_dense_twin(factors, drive, start, t, names):
    flow = DeviceSPU(noisy(), effects=DeviceEffects.only(*names)).init(factors)
    F = dense(flow.chip.loop)
    if "conductance" in names:
        assert relative(F, F.T) > 1e-3  # the case is not a symmetric one in disguise
    d = (flow.chip.drive * drive / flow.chip.loop.D).numpy()
    expected = dense_mean(F, d, start.numpy(), t)
    # the Krylov space is asked for 1e-9 of the change from x0
    assert relative(flow.mean(drive, start, t), expected) < 1e-8


def test_the_mean_is_right_where_the_loop_is_stiff(factors, drive, start):
    stiff = replace(factors, J=100.0 * factors.J, damping=100.0)
    flow = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance", "capacitance")).init(stiff)
    d = (flow.chip.drive * drive / flow.chip.loop.D).numpy()
    expected = dense_mean(dense(flow.chip.loop), d, start.numpy(), 0.02)
    # 1e-9 of a change that is ten times the result
    assert relative(flow.mean(drive, start, 0.02), expected) < 1e-7


def test_the_mean_is_right_where_a_low_gain_spreads_the_rates(factors, drive, start):
    # leaks of a few per tau beside a damping of 0.06: one group of cells for all would not do
    wide = replace(factors, J=factors.J * torch.linspace(0.1, 3.0, 40, dtype=torch.float64), damping=0.06)
    flow = DeviceSPU(noisy(gain=3.0), t=4.0, effects=DeviceEffects.only("gain")).init(wide)
    expected = dense_mean(dense(flow.chip.loop), (drive / flow.chip.loop.D).numpy(), start.numpy(), 4.0)
    assert relative(flow.mean(drive, start, 4.0), expected) < 1e-8


@pytest.mark.parametrize("t", TIMES[1:])
def test_offsets_relax_as_a_drive_of_their_own(factors, t):
    flow = DeviceSPU(noisy(), effects=DeviceEffects.only("offset", "conductance")).init(factors)
    F = dense(flow.chip.loop)
    # a capacitor keeps its voltage against a virtual ground that is off by the cell's own offset
    jump = 1e-4 + 1e-3 * draws.vector(0, "offset cells", 40, factors.J).numpy()
    expected = dense_mean(F, (flow.chip.offset / flow.chip.loop.D).numpy(), jump, t)
    assert relative(flow.offset(t), expected) < 1e-8


@pytest.mark.parametrize("t", TIMES[1:])
def test_noise_covariance_is_that_of_the_dense_twin(factors, t):
    tolerance = 1e-3
    device = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance", "capacitance"), noise_tolerance=tolerance)
    loop = device.init(factors).chip.loop
    F = dense(loop)
    rng = np.random.default_rng(0)
    root = rng.standard_normal((40, 40)) / 6 + np.eye(40)
    ladder = steps(t, 0.25, loop.speed(), tolerance)
    # the midpoint rule's own covariance, step by step as `noise_at` takes them
    P, eye = np.zeros_like(F), np.eye(40)
    for h in ladder:
        inverse = np.linalg.inv(eye + h / 2 * F)
        P = inverse @ (eye - h / 2 * F) @ P @ (eye - h / 2 * F).T @ inverse.T + h * inverse @ root @ root.T @ inverse.T
    # the tolerance holds for each rate; mixing of rates by a correlated forcing costs little more
    assert relative(P, dense_covariance(F, root @ root.T, t)) < 2 * tolerance


@pytest.mark.parametrize("stage_noise", [False, True])
def test_noise_samples_have_the_dense_covariance(factors, stage_noise):
    effects = DeviceEffects.only("conductance", "capacitance", "noise", *(["stage_noise"] if stage_noise else []))
    # capacitors so far apart that forgetting them shows beyond the statistical error
    device = DeviceSPU(noisy(capacitor_sigma=0.25), t=2.0, effects=effects)
    flow = device.init(factors)
    assert isinstance(flow, CascadeFlow)
    loop, s = flow.chip.loop, flow.chip.stage
    H = torch.block_diag(*loop.H)
    through = torch.cat(
        [torch.eye(40, dtype=H.dtype), *([loop.J_out.T @ H / s, s * loop.J_out.T] * stage_noise)], dim=1
    )
    B = math.sqrt(2.0) * through / loop.D.unsqueeze(1)
    P = dense_covariance(dense(loop), (B @ B.T).numpy(), 2.0)
    samples = np.stack([flow.noise(2.0, device.generator).numpy() for _ in range(1000)])
    w, V = np.linalg.eigh(P)
    ratio = ((samples @ V) ** 2).mean(0) / w
    # each variance of 1000 samples has relative error sqrt(2/1000) = 4.5 %; 40 of them stay within 4.5 sigma,
    # their mean within 4.5 sigma/sqrt(40) and the tolerance of 1 %
    assert np.abs(ratio - 1).max() < 4.5 * math.sqrt(2 / 1000) + 0.01
    assert abs(ratio.mean() - 1) < 4.5 * math.sqrt(2 / 1000 / 40) + 0.01


def test_the_two_arrays_of_J_have_their_own_errors_of_the_right_size(factors):
    loop = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance")).init(factors).chip.loop
    # a stage's feedback resistor changes its whole row
    feedback = 1 + 0.01 * draws.vector(0, "feedback forward", 18, factors.J).unsqueeze(1)
    assert 0.5 < float((feedback - 1).std()) / 0.01 < 1.6
    first = (loop.J_in * feedback / factors.J - 1) / 0.01
    second = (loop.J_out / factors.J - 1) / 0.01
    count = first.numel()
    for error in (first, second):
        assert abs(float(error.mean())) < 4.5 / math.sqrt(count)
        assert abs(float(error.square().mean()) - 1) < 4.5 * math.sqrt(2 / count)
    assert abs(float((first * second).mean())) < 4.5 / math.sqrt(count)


def test_a_chip_stays_the_same_from_program_to_program(factors):
    device = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance", "capacitance"))
    whole = device.init(factors).chip.loop
    other = device.init(Factors(2.0 * factors.J[:9], factors.H[:3], 0.3)).chip.loop
    assert torch.allclose(other.J_in, 2.0 * whole.J_in[:9], rtol=1e-15)
    assert torch.allclose(other.J_out, 2.0 * whole.J_out[:9], rtol=1e-15)
    assert torch.allclose(other.H, whole.H[:3], rtol=1e-15)
    assert torch.equal(other.D, whole.D)
    assert not torch.equal(replace(device, seed=1).init(factors).chip.loop.J_in, whole.J_in)


def test_single_precision_draws_the_same_chip(factors):
    device = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance"))
    single = device.init(Factors(factors.J.float(), factors.H.float(), 0.3)).chip.loop
    assert torch.allclose(single.J_in.double(), device.init(factors).chip.loop.J_in, rtol=1e-6)


def test_gain_inverters_and_bits_do_what_the_docstring_says(factors):
    population = noisy(gain=100.0, inverter_sigma=0.1, programming=Programming(bits=4))
    s = 1 / math.sqrt(6)

    loop = DeviceSPU(population, effects=DeviceEffects.only("gain")).init(factors).chip.loop
    stage_gain = 1 + (1 + s * factors.J.abs().sum(1)) / 100
    assert torch.allclose(loop.J_in, factors.J / stage_gain.unsqueeze(1), rtol=1e-14)
    hessian_gain = 1 + (1 + factors.H.abs().sum(2) / s**2) / 100
    assert torch.allclose(loop.H, factors.H / hessian_gain.unsqueeze(2), rtol=1e-14)
    assert torch.allclose(loop.Lam, 0.3 + (1 + 0.3 + s * factors.J.abs().sum(0)) / 100, rtol=1e-14)
    assert torch.allclose(loop.D, torch.full_like(loop.D, 1.01), rtol=1e-14)

    loop = DeviceSPU(population, effects=DeviceEffects.only("inverter")).init(factors).chip.loop
    changed = loop.J_in / factors.J
    assert bool((changed[factors.J > 0] == 1).all())
    column = changed[:, 0][factors.J[:, 0] < 0]
    assert float((column - column[0]).abs().max()) < 1e-14
    assert abs(float(column[0]) - 1) > 1e-4

    loop = DeviceSPU(population, effects=DeviceEffects.only("program_bits")).init(factors).chip.loop
    step = float(factors.J.abs().max()) / 15
    assert float((loop.J_in / step - (loop.J_in / step).round()).abs().max()) < 1e-12
    assert float((loop.J_in - factors.J).abs().max()) <= step / 2 * (1 + 1e-12)
    assert torch.equal(loop.J_in, loop.J_out)


def test_stochastic_rounding_is_right_on_average(factors):
    coarse = noisy(programming=Programming(bits=3))
    device = DeviceSPU(coarse, effects=DeviceEffects.only("program_bits"), rounding="stochastic")
    loads = [device.init(factors).chip.loop.J_in for _ in range(400)]
    step = float(factors.J.abs().max()) / 7
    error = (sum(loads) / 400 - factors.J).numpy() / step
    # a rounding error has a standard deviation of half a step at most
    assert np.abs(error).max() < 5 * 0.5 / math.sqrt(400)
    assert np.abs(error).mean() > 1e-4


def test_offsets_go_through_the_noise_gain(factors):
    population = noisy(offset_mean=1e-3, offset_sigma=0.0, inverter_sigma=0.0)
    chip = DeviceSPU(population, effects=DeviceEffects.only("offset")).init(factors).chip
    s, J, H = 1 / math.sqrt(6), factors.J, torch.block_diag(*factors.H)
    cells = 1e-3 * (1 + 0.3 + s * J.abs().sum(0))
    first = s * J.T @ (H / s**2 @ (1e-3 * (1 + s * J.abs().sum(1))))
    second = s * J.T @ (1e-3 * (1 + H.abs().sum(1) / s**2))
    # an inverted rail is off by twice its amplifier's offset; negative entries carry it on
    rail_first = s * J.clamp_max(0.0).sum(1) * 2e-3
    rail_second = H.clamp_max(0.0).sum(1) / s**2 * 2e-3
    cells = cells + s * J.clamp_max(0.0).sum(0) * 2e-3
    first = first + s * J.T @ (H / s**2 @ rail_first)
    second = second + s * J.T @ rail_second
    # the first stages' pass one inverting stage more
    assert torch.allclose(chip.offset, cells + first - second, rtol=1e-12)
    # ideal inverters have no offsets
    bare = DeviceSPU(replace(population, gain=math.inf), effects=DeviceEffects.only("offset")).init(factors).chip
    assert not torch.allclose(chip.offset, bare.offset, rtol=1e-2)


def test_the_readout_is_on_the_grid_of_the_converter_and_in_range(factors, drive):
    device = DeviceSPU(noisy(adc_bits=8), effects=DeviceEffects.only("readout_bits"))
    solution = device.compute(device.init(factors), drive)
    codes = solution.value * solution.stats["scale"] * 127
    assert float((codes - codes.round()).abs().max()) < 1e-9
    assert 127 / 8 < float(codes.abs().max()) <= 127
    assert solution.stats["clipped"] == 0


def test_a_solution_far_above_the_drive_is_ranged_and_counted(factors, drive):
    slow = replace(factors, damping=1e-3)
    device = DeviceSPU(noisy(), t=1e5, effects=DeviceEffects.only("readout_bits"))
    solution = device.compute(device.init(slow), drive)
    assert solution.stats["attempts"] > 1
    assert solution.stats["analog_time"] == 1e5 * solution.stats["attempts"]
    once = replace(device, max_attempts=1)
    assert once.compute(once.init(slow), drive).stats["clipped"] > 0


def test_drive_bits_round_the_drive_on_its_own_scale(factors, drive):
    device = DeviceSPU(noisy(dac_bits=6), t=0.0, effects=DeviceEffects.only("drive_bits"))
    value = device.compute(device.init(factors), drive, drive).value
    step = float(drive.abs().max()) / 31
    assert torch.allclose(value, (drive / step).round() * step, rtol=1e-12)


def test_an_unstable_loop_is_an_error_once_it_has_time_to_grow(factors, drive):
    device = DeviceSPU(noisy(conductance_sigma=0.5), effects=DeviceEffects.only("conductance"))
    state = device.init(replace(factors, J=10.0 * factors.J, damping=1e-3))
    growth = state.chip.loop.growth
    assert growth > 0
    with pytest.raises(UnstableLoop, match="grows as exp"):
        device.compute(state, drive)
    with pytest.raises(UnstableLoop, match="grows as exp"):
        device.compute(state, drive, t=1.1 / growth)
    value = device.compute(state, drive, t=0.9 / growth).value
    d = (state.chip.drive * drive / state.chip.loop.D).numpy()
    assert relative(value, dense_mean(dense(state.chip.loop), d, np.zeros(40), 0.9 / growth)) < 1e-7


@pytest.mark.parametrize("sigma", [0.001, 0.01, 0.03, 0.1, 0.3])
@pytest.mark.parametrize("damping", [1e-3, 1e-2, 0.1])
def test_what_is_certified_stable_is_stable(factors, sigma, damping):
    device = DeviceSPU(noisy(conductance_sigma=sigma), effects=DeviceEffects.only("conductance", "capacitance"))
    loop = device.init(replace(factors, damping=damping)).chip.loop
    if loop.certified():
        assert np.linalg.eigvals(dense(loop)).real.min() > 0
    # the certificate is worth having: small errors of well damped programs get it
    assert loop.certified() or sigma > 0.001 or damping < 0.01


def test_growth_is_the_dense_twins_where_rates_are_equal(factors):
    loop = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance")).init(factors).chip.loop
    equal = replace(loop, Lam=torch.full_like(loop.Lam, 0.3))
    assert equal.growth == pytest.approx(-np.linalg.eigvals(dense(equal)).real.min(), rel=1e-9)


def test_a_crossbar_program_is_solved_with_its_own_effects():
    rng = np.random.default_rng(0)

    class Program:
        A = 2.0 * np.eye(5) + 0.3 * rng.standard_normal((5, 5))
        b = rng.standard_normal(5)

    ideal = DeviceSPU(noisy(), effects=DeviceEffects.only())
    value = ideal.compute(ideal.init(Program()), Program.b).value
    assert isinstance(value, np.ndarray)
    np.testing.assert_allclose(value, np.linalg.solve(Program.A, Program.b), rtol=1e-12)
    device = DeviceSPU(noisy(), seed=3)
    state = device.init(Program())
    errors = relative(device.compute(state, Program.b).value, np.linalg.solve(Program.A, Program.b))
    assert 1e-4 < errors < 0.2


def test_the_noise_generator_continues_and_the_seed_starts_it(factors, drive):
    def twice(device: DeviceSPU) -> list[torch.Tensor]:
        return [device.compute(device.init(factors), drive).value for _ in range(2)]

    first, second = twice(DeviceSPU(noisy(), seed=5)), twice(DeviceSPU(noisy(), seed=5))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], first[1])


def test_an_unknown_effect_is_named():
    with pytest.raises(ValueError, match="hysteresis"):
        DeviceEffects.only("hysteresis")


@pytest.mark.parametrize("names", [(), ("gain",), ("conductance", "gain", "inverter", "program_bits", "offset")])
def test_a_program_to_spare_is_loaded_in_place_and_no_other(factors, drive, names):
    device = DeviceSPU(noisy(), t=5.0, effects=DeviceEffects.only(*names))
    before = factors.J.clone()
    value = device.compute(device.init(factors), drive).value
    assert torch.equal(factors.J, before)
    spare = replace(factors, J=before.clone(), scratch=True)
    assert torch.equal(device.compute(device.init(spare), drive).value, value)
    assert torch.equal(spare.J, before) == (not names)


def test_refinement_without_the_arrays_knows_its_residual(factors, drive):
    loop = DeviceSPU(noisy(), effects=DeviceEffects.only("conductance", "capacitance")).init(factors).chip.loop
    for groups in (1, 12):
        shifted = replace(loop, groups=groups).shifted(1.0, 2.0)
        x = shifted.approximate(drive)
        exact = drive - x - 2.0 * loop.matvec(x)
        assert float(exact.norm()) > 1e-3  # there is something to refine
        # the two differ by rounding alone, which `rounding` has found for itself
        assert float((shifted._left_over(x) - exact).norm() / drive.norm()) < 1e-13
        assert shifted.rounding < 1e-13
