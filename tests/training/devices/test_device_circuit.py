"""DeviceSPU beside the circuit of the same chip: what is programmed, how noisy it is, and where it stops being linear.

The circuit's own linear equations (nodal analysis of every element) are the other route: they share nothing with the
device but the design.
"""

import math

import numpy as np
import pytest
import torch
from thermospice.behavioral import ClippedError, DeviceModel, Population
from thermospice.circuits import Cascade, Crossbar, Design, Instance, Program, Programming, Scaling
from thermospice.circuits.topologies import load
from thermospice.training import DeviceEffects, DeviceSPU
from thermospice.training.devices.chips import SaturatedDevice
from thermospice.training.programs import Factors

BOARD = Design.preset("board-1k-1n")
BARE = DeviceEffects(drive_bits=False, readout_bits=False)


def design(amplifier: dict | None = None, **changes) -> Design:
    assert BOARD.amplifier is not None
    return BOARD.model_copy(update={**changes, "amplifier": BOARD.amplifier.model_copy(update=amplifier or {})})


def batch(r: int, n: int, size: float = 1.0, k: int = 2, damping: float = 0.3) -> Factors:
    """J ~ N(0, 1)/sqrt(n) times size, and a softmax's Hessian, the mean over r/k samples inside."""
    generator = torch.Generator().manual_seed(0)
    J = size * torch.randn(r, n, generator=generator, dtype=torch.float64) / math.sqrt(n)
    p = torch.randn(r // k, k, generator=generator, dtype=torch.float64).softmax(1)
    H = (torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) / (r // k)
    return Factors(J, H, damping)


def program(factors: Factors, b: np.ndarray) -> Program:
    share, blocks = 1 / math.sqrt(factors.batch), torch.block_diag(*factors.H).numpy()
    return Program.from_factors(share * factors.J.numpy(), blocks / share**2, factors.damping, b)


def drive(n: int) -> np.ndarray:
    return 0.2 * np.random.default_rng(1).standard_normal(n)


def both(chip: Instance, factors: Factors, level: str = "macro"):
    """The device as that chip, loaded, and the circuit's own response."""
    model = DeviceModel.nominal(chip, level)
    device = DeviceSPU(model, effects=BARE, chip="measured")
    response = model.response(program(factors, drive(factors.N)), Scaling(), allow_clipping=True)
    return device, device.init(factors), response


def density_ratio(device, state, response) -> np.ndarray:
    """Of noise far below every pole: the device's over the circuit's."""
    return 2 * BOARD.tau * device.density(state).numpy() / response.psd(np.array([1.0]))[0]


@pytest.mark.parametrize(("bits", "dac_bits"), [(4, 12), (None, 4), (4, None)])
def test_a_program_is_rounded_as_the_circuit_rounds_it(bits, dac_bits):
    # Catches arrays on the converters' grid, and a grid with half the steps: 4.1 % against 0.04 %, 0 against 6.9 %.
    chips = design(
        programming=Programming(bits=bits), converters=BOARD.converters.model_copy(update={"dac_bits": dac_bits})
    )
    factors = batch(4, 6, size=2.0)
    device, state, response = both(chips.nominal(Cascade(6, 4)), factors)
    settled = state.mean(torch.from_numpy(drive(6)), None, math.inf).numpy()
    size = np.abs(response.settled).max()
    # by gains of 4.5e5 behind sums of a few conductances; steps of a fifteenth would show as percents
    assert np.abs(settled - response.settled).max() < 1e-4 * size
    off = np.abs(settled - program(factors, drive(6)).solution).max() / size
    assert off > 5e-3 if bits else off < 1e-4
    weights = load(chips.programming, Cascade(6, 4), program(factors, drive(6))).weights
    np.testing.assert_allclose(state.chip.loop.J_out.numpy() * state.chip.stage, weights["J"], rtol=1e-12, atol=1e-15)
    assert device.population.programming.bits == bits


@pytest.mark.parametrize("level", ["ideal", "macro"])
@pytest.mark.parametrize(
    ("r", "n", "size", "injected"), [(4, 6, 1.0, 0.0), (16, 20, 1.0, 0.0), (16, 20, 3.0, 0.0), (4, 6, 1.0, 2e-16)]
)
def test_loaded_arrays_are_as_noisy_as_the_circuit_s(r, n, size, injected, level):
    # Catches the noise of empty arrays: rms too small by 1.08, 1.86 and 4.2; and injected noise in the stages, 0.93.
    chip = design(injected_noise=injected).sample(Cascade(n, r), np.random.default_rng(3))
    ratio = density_ratio(*both(chip, batch(r, n, size, damping=0.5), level))
    # finite gain: six times 1/gain, behind noise gains of some ten
    assert np.abs(ratio - 1).max() < 1e-3


@pytest.mark.parametrize(
    "quiet",
    [
        {"noise_voltage": 0.0, "noise_current": 0.0},
        {"noise_voltage": 1e-6, "noise_current": 0.0},
        {"noise_voltage": 0.0, "noise_current": 1e-9},
    ],
    ids=["thermal", "voltage", "current"],
)
def test_every_source_of_noise_has_its_place(quiet):
    chip = design(quiet).sample(Cascade(6, 4), np.random.default_rng(3))
    assert np.abs(density_ratio(*both(chip, batch(4, 6))) - 1).max() < 1e-4


def test_noise_at_rest_has_the_circuit_s_covariance():
    # Without lags the two are the same equations, but for the ideal amplifier's gain of 1e7.
    chip = BOARD.sample(Cascade(6, 4), np.random.default_rng(3))
    device, state, response = both(chip, batch(4, 6), "ideal")
    expected = response.stationary_covariance()
    assert np.linalg.norm(device.covariance(state).numpy() - expected) < 1e-5 * np.linalg.norm(expected)
    at = response.covariance_at(0.5 * BOARD.tau)
    assert np.linalg.norm(device.covariance(state, 0.5).numpy() - at) < 1e-5 * np.linalg.norm(at)


@pytest.mark.parametrize("level", ["ideal", pytest.param("macro", marks=pytest.mark.slow)])
def test_samples_have_the_covariance_that_is_told(level):
    chip = BOARD.sample(Cascade(6, 4), np.random.default_rng(3))
    device, state, _ = both(chip, batch(4, 6, size=2.0), level)
    P = device.covariance(state).numpy()
    noise = [state.noise(math.inf, device.generator).numpy() for _ in range(1500)]
    samples = math.sqrt(device.population.kappa0) * np.array(noise)
    white = np.linalg.solve(np.linalg.cholesky(P), samples.T)
    # a variance of 1500 samples scatters by sqrt(2/1500) = 3.7 %, a covariance by 1/sqrt(2) of it; the steps add 1 %
    assert np.abs(white @ white.T / 1500 - np.eye(6)).max() < 4.5 * math.sqrt(2 / 1500) + 0.01


def test_the_readout_has_its_amplifier_s_own_noise():
    # e_n^2/2 over half of 2 pi GBW; a thousandth of it without
    chip = design({"noise_voltage": 7e-7, "output_resistance": 0.01}).sample(Cascade(6, 4), np.random.default_rng(3))
    device, state, response = both(chip, batch(4, 6))
    expected, found = response.stationary_covariance(), device.covariance(state).numpy()
    # to first order in lag times rate, 2.4e-3 and some 3
    assert np.linalg.norm(found - expected) < 0.02 * np.linalg.norm(expected)
    silent = DeviceSPU(device.model, effects=BARE.without("wideband_noise"), chip="measured")
    bare = silent.covariance(silent.init(batch(4, 6))).numpy()
    white = (7e-7) ** 2 / 4 * 2 * math.pi * BOARD.amplifier.gain_bandwidth
    np.testing.assert_allclose(np.diag(found - bare), white, rtol=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"programming": Programming(switch_resistance=50.0)},
        {"programming": Programming(bits=5, full_scale=0.4)},
        {"amplifier": {"bias_current": 1e-6}},
    ],
    ids=["switches", "range", "bias"],
)
def test_it_settles_where_the_circuit_does(changes):
    factors = batch(4, 6, size=2.0)
    changes = dict(changes)
    chip = design(changes.pop("amplifier", None), **changes).sample(Cascade(6, 4), np.random.default_rng(3))
    _, state, response = both(chip, factors)
    settled = state.mean(torch.from_numpy(drive(6)), None, math.inf).numpy()
    plain = both(BOARD.sample(Cascade(6, 4), np.random.default_rng(3)), factors)[2].settled
    changed = np.abs(response.settled - plain).max()
    assert changed > 1e-3
    # products of two deviations of a per cent each
    assert np.abs(settled - response.settled).max() < 2e-2 * changed


def test_a_weak_amplifier_pulls_as_in_the_circuit():
    weak = design({"gain": 300.0, "output_resistance": 100.0}).sample(Cascade(6, 4), np.random.default_rng(3))
    device, state, response = both(weak, batch(4, 6, size=2.0))
    settled, size = state.mean(torch.from_numpy(drive(6)), None, math.inf).numpy(), np.abs(response.settled).max()
    # the gain errors of the rails, 2/300 in three sets, are left out
    assert np.abs(settled - response.settled).max() < 6 / 300 * size
    without = DeviceSPU(device.model, effects=BARE.without("gain"), chip="measured")
    bare = without.init(batch(4, 6, size=2.0)).mean(torch.from_numpy(drive(6)), None, math.inf).numpy()
    assert np.abs(bare - response.settled).max() > 2 * np.abs(settled - response.settled).max()


def test_a_warm_chip_is_as_slow_as_its_circuit():
    tempco = BOARD.tempco.model_copy(update={"resistor_tc1": 3e-3, "capacitor_tc1": 1e-3, "offset_tc": 1e-4})
    chip = design(temperature=350.0, tempco=tempco).sample(Cascade(6, 4), np.random.default_rng(3))
    device, state, response = both(chip, batch(4, 6))
    expected = response.mean_at(np.array([0.5 * BOARD.tau]))[0]
    value = state.mean(torch.from_numpy(drive(6)), None, 0.5).numpy()
    assert np.abs(value - expected).max() < 2e-3 * np.abs(response.settled).max()
    assert device.population.electronics.slowness == pytest.approx(
        (1 + 3e-3 * 49.85 + 0) * (1 + 1e-3 * 49.85), rel=1e-9
    )


def test_entries_beyond_the_range_clip_and_are_counted():
    chips = design(programming=Programming(full_scale=0.4))
    factors = batch(4, 6, size=2.0)
    device, state, _ = both(chips.nominal(Cascade(6, 4)), factors)
    clipped = load(chips.programming, Cascade(6, 4), program(factors, drive(6))).clipped
    solution = device.compute(state, torch.from_numpy(drive(6)))
    assert solution.stats["clipped_weights"] == len(clipped) > 0


def test_a_drive_is_scaled_until_no_stage_meets_its_rails():
    # Catches a device whose stages put out hundreds of volts: the cells are at half a volt each.
    factors, b = batch(4, 6, size=6.0), torch.from_numpy(drive(6))
    device, state, _ = both(BOARD.nominal(Cascade(6, 4)), factors)
    solution = device.compute(state, b)
    volts = solution.stats["scale"]
    assert volts < 0.5 * BOARD.converters.full_scale / float(b.abs().max())
    model = device.model
    model.response(program(factors, volts * b.numpy()), Scaling())  # which refuses an amplifier beyond its rails
    with pytest.raises(ClippedError):
        model.response(program(factors, 10 * volts * b.numpy()), Scaling())
    exact = program(factors, b.numpy()).solution
    assert np.abs(solution.value.numpy() - exact).max() < 0.05 * np.abs(exact).max()


def test_a_stage_that_is_at_its_rails_whatever_the_drive_is_an_error():
    # offsets through a noise gain of some thousand
    chip = design({"offset_sigma": 0.3}).sample(Cascade(6, 4), np.random.default_rng(3))
    device, state, _ = both(chip, batch(4, 6, size=6.0))
    with pytest.raises(SaturatedDevice, match="rails or its slew rate"):
        device.compute(state, torch.from_numpy(drive(6)))
    without = DeviceSPU(device.model, effects=BARE.without("limits"), chip="measured")
    without.compute(without.init(batch(4, 6, size=6.0)), torch.from_numpy(drive(6)))


def test_a_start_that_would_have_to_slew_is_scaled_down():
    slow = design({"slew": 4e5})
    factors, b = batch(4, 6), torch.from_numpy(drive(6))
    device, state, _ = both(slow.nominal(Cascade(6, 4)), factors)
    # 0.4 V in a time constant
    assert device.compute(state, b).stats["scale"] * float(b.abs().max()) <= 0.4
    fast, loaded, _ = both(BOARD.nominal(Cascade(6, 4)), factors)
    assert fast.compute(loaded, b).stats["scale"] * float(b.abs().max()) > 0.5


@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_a_measured_crossbar_is_that_crossbar(level):
    rng = np.random.default_rng(2)
    A = 1.5 * np.eye(5) + 0.3 * rng.standard_normal((5, 5))
    chip = design(injected_noise=1e-18).sample(Crossbar(5), rng)
    model, b = DeviceModel.nominal(chip, level), drive(5)
    device = DeviceSPU(model, effects=BARE, chip="measured")
    state = device.init(Program(A, b))
    response = model.response(Program(A, b), Scaling(), allow_clipping=True)
    settled = state.mean(torch.from_numpy(b), None, math.inf).numpy()
    assert np.abs(response.settled - np.linalg.solve(A, b)).max() > 1e-3
    assert np.abs(settled - response.settled).max() < 2e-5
    assert np.abs(density_ratio(device, state, response) - 1).max() < 2e-4
    expected = response.stationary_covariance()
    limit = 1e-5 if level == "ideal" else 0.05  # readout noise over all frequencies, to first order in the lag
    assert np.linalg.norm(device.covariance(state).numpy() - expected) < limit * np.linalg.norm(expected)


def test_a_population_of_ideal_chips_has_no_amplifiers():
    population = Population.estimate([DeviceModel.nominal(BOARD.nominal(Cascade(4, 2)), "ideal")])
    assert (population.offset_sigma, population.inverter_sigma) == (0.0, 0.0)
    assert math.isinf(population.electronics.rail_high)
    assert not population.electronics.noise.rails
