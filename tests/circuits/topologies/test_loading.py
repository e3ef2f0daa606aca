"""Conductance grid, range, switches, environment and ageing."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DesignError,
    Drift,
    Program,
    Programming,
    RCMesh,
    RLCGrid,
    choose_scaling,
    random_program,
    state_space,
)
from thermospice.circuits.chips import FLICKER_ACCURACY, conductance_flicker
from thermospice.circuits.topologies import load

BOARD = Design.preset("board-1k-1n")


def _with(**fields):
    return Design.from_dict({**BOARD.to_dict(), **fields})


def _grid_error(bits, rng=None, seed=4):
    design = BOARD.model_copy(update={"programming": Programming(bits=bits)})
    program = random_program(Crossbar(8), np.random.default_rng(seed))
    return load(design.programming, Crossbar(8), program, rng=rng).weights["A"] - program.A, np.abs(program.A).max()


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_nearest_rounding_is_within_half_a_step(bits):
    error, full_scale = _grid_error(bits)
    step = full_scale / (2**bits - 1)
    assert 0.25 * step < np.abs(error).max() <= step / 2 * (1 + 1e-12)


def test_exact_without_bits():
    error, _ = _grid_error(None)
    assert (error == 0).all()


def test_stochastic_rounding_has_the_entry_as_its_mean():
    # An entry at fraction f of a step has standard deviation step sqrt(f (1 - f)); 64 entries, five sigma.
    rng, draws = np.random.default_rng(1), 2000
    errors = np.array([_grid_error(4, rng)[0] for _ in range(draws)])
    error, full_scale = _grid_error(4)
    step = full_scale / 15
    assert np.abs(errors).max() < step
    f = np.abs(error) / step
    standard_error = step * np.sqrt(np.maximum(f * (1 - f), 1 / draws) / draws)
    assert np.abs(errors.mean(axis=0) / standard_error).max() < 5


def test_range_clips_and_says_which():
    design = BOARD.model_copy(update={"programming": Programming(full_scale=1.0)})
    program = Program([[1.5, -2.0], [0.5, 3.0]], [1.0, 1.0])
    loaded = load(design.programming, Crossbar(2), program)
    np.testing.assert_array_equal(loaded.weights["A"], [[1.0, -1.0], [0.5, 1.0]])
    assert loaded.clipped == ("A[0, 0] = 1.5 clips to 1", "A[0, 1] = -2 clips to 1", "A[1, 1] = 3 clips to 1")
    # The chosen scaling brings every entry into the range.
    scaling = choose_scaling(design.nominal(Crossbar(2)), program)
    assert scaling.conductance == 0.25
    assert load(design.programming, Crossbar(2), program, scaling.conductance).clipped == ()


@pytest.mark.parametrize("topology", [Crossbar(4), RCMesh(4), Cascade(4)])
def test_fine_grids_converge_to_the_exact_circuit(topology):
    program = random_program(RCMesh(4), np.random.default_rng(2))

    def settled(bits):
        design = BOARD.model_copy(update={"programming": Programming(bits=bits)})
        return state_space(design.nominal(topology).network(program, "ideal")).settled

    errors = [np.linalg.norm(settled(bits) - program.solution) for bits in (6, 14)]
    # Steps 256 times finer give about 256 times less error; a factor of eight allows for chance.
    assert errors[1] < errors[0] / 32


def test_switches_add_to_each_programmed_resistor():
    design = BOARD.model_copy(update={"programming": Programming(switch_resistance=50.0)})
    space = state_space(design.nominal(Crossbar(1)).network(Program([[2.0]], [1.0]), "ideal"))
    assert space.settled[0] == pytest.approx((500 + 50) / 1000, rel=1e-12)


def test_temperature_moves_components_noise_and_offset():
    design = _with(
        temperature=350.15,
        tempco={"resistor_tc1": 1e-3, "resistor_tc2": 1e-5, "capacitor_tc1": 1e-4, "offset_tc": 1e-6},
    )
    program = Program([[1.0]], [1.0])
    instance = design.nominal(Crossbar(1))
    space = state_space(instance.network(program, "ideal"))
    R = 1e3 * (1 + 0.05 + 0.025)
    assert space.F[0, 0] == pytest.approx(1 / (R * 1e-9 * 1.005), rel=1e-12)
    assert space.noise[0, 0] == pytest.approx(2 * 2 * 1.380649e-23 * 350.15 / R, rel=1e-12)
    amplifiers = [e for e in instance.network(program).elements if hasattr(e, "model")]
    assert amplifiers[0].model.offset == pytest.approx(50e-6, rel=1e-12)


def test_temperature_moves_the_amplifiers_values():
    tempco = {"gain_tc1": -2e-3, "gain_bandwidth_tc1": -3e-3, "gain_bandwidth_tc2": 1e-5, "output_resistance_tc1": 5e-3}
    tempco |= {"noise_voltage_tc1": 3e-3, "noise_voltage_tc2": 2e-6, "noise_corner_tc1": -1e-3}
    design = _with(temperature=350.15, tempco=tempco, amplifier={**BOARD.to_dict()["amplifier"], "noise_corner": 1e4})
    nominal = design.amplifier
    factors = {"gain": 0.9, "gain_bandwidth": 0.875, "output_resistance": 1.25, "noise_voltage": 1.155}
    factors |= {"noise_corner": 0.95, "bias_current": 1.0, "slew": 1.0}
    for element in design.nominal(Crossbar(2)).network(Program([[1.0, -0.5], [0.0, 1.0]], [1.0, 0.0])).elements:
        for name, factor in factors.items() if hasattr(element, "model") else ():
            assert getattr(element.model, name) == pytest.approx(factor * getattr(nominal, name), rel=1e-12), name
    assert Design.from_dict(design.to_dict()) == design


def test_coefficients_that_do_not_reach_the_temperature_are_refused():
    design = _with(temperature=400.15, tempco={"gain_tc1": -1.5e-2})
    with pytest.raises(DesignError, match=r"tempco.gain_tc1 and gain_tc2: .*at 400.15 K, got -0.5 times"):
        design.nominal(Crossbar(1)).network(Program([[1.0]], [1.0]))


def test_corners_move_both_ways():
    design = _with(corners={"resistor": 0.14, "capacitor": 0.1, "gain_bandwidth": 0.2, "supply": 0.1})
    slow, typical, fast = (design.corner(name) for name in ("slow", "typical", "fast"))
    assert typical == design
    assert pytest.approx(1140) == slow.R0
    assert pytest.approx(860) == fast.R0
    assert slow.tau > typical.tau > fast.tau
    assert slow.amplifier.gain_bandwidth < fast.amplifier.gain_bandwidth
    assert slow.amplifier.rail_high < fast.amplifier.rail_high


def _drifting(**fields):
    return BOARD.model_copy(update={"drift": Drift(**fields)})


def test_one_chip_has_one_temperature_path():
    chip = _drifting(temperature_sigma=2.0, temperature_time=10.0).sample(Crossbar(2), np.random.default_rng(0))
    late = chip.at(500.0).design.temperature
    times = np.linspace(0, 600, 50)
    forwards = [chip.at(t).design.temperature for t in times]
    backwards = [chip.at(t).design.temperature for t in times[::-1]][::-1]
    assert forwards == backwards
    assert chip.at(500.0).design.temperature == late
    other = _drifting(temperature_sigma=2.0, temperature_time=10.0).sample(Crossbar(2), np.random.default_rng(1))
    assert other.at(500.0).design.temperature != late


def test_temperature_path_is_an_ornstein_uhlenbeck_process():
    # 400 chips: the variance has relative error sqrt(2/400), the correlation at one correlation time likewise.
    design = _drifting(temperature_sigma=3.0, temperature_time=10.0)
    chips = [design.sample(Crossbar(1), np.random.default_rng(k)) for k in range(400)]
    a, b = (np.array([c.at(t).design.temperature for c in chips]) - 300.15 for t in (20.0, 30.0))
    assert np.var(a) == pytest.approx(9, rel=4 * np.sqrt(2 / 400))
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(np.exp(-1), abs=4 / np.sqrt(400))


def test_ageing_lowers_programmed_conductances_only():
    chip = _drifting(ageing_exponent=0.1, ageing_time=2.0).sample(Crossbar(3), np.random.default_rng(0))
    aged = chip.at(200.0)
    np.testing.assert_allclose(1 + aged.errors["conductance"], (1 + chip.errors["conductance"]) * 100**-0.1, rtol=1e-12)
    np.testing.assert_array_equal(aged.errors["drive"], chip.errors["drive"])
    assert chip.at(1.0).digest == chip.digest


def test_time_must_be_a_time():
    chip = BOARD.nominal(Crossbar(1))
    for time in (-1.0, float("nan"), float("inf")):
        with pytest.raises(DesignError, match="time: expected"):
            chip.at(time)


def test_conductances_have_one_path_of_flicker_noise():
    for topology in (Crossbar(3), RCMesh(3), Cascade(3, 2)):
        chip = _drifting(flicker=1e-3).sample(topology, np.random.default_rng(0))
        forwards, backwards = ([chip.at(t) for t in times] for times in ((10.0, 1e4), (1e4, 10.0)))
        for first, again in zip(forwards, backwards[::-1], strict=True):
            assert first.digest == again.digest
        assert forwards[0].digest != forwards[1].digest
        for name, values in chip.errors.items():
            moved = np.abs(forwards[0].errors[name] - values).max()
            assert (moved > 1e-5) == (name in topology.programmed)
    conductance = _drifting(flicker=1e-3).sample(RCMesh(3), np.random.default_rng(0)).at(5.0).errors["conductance"]
    np.testing.assert_array_equal(conductance, conductance.T)
    grid = Design.preset("rlc-board-8").model_copy(update={"drift": Drift(flicker=1e-3)}).nominal(RLCGrid(2))
    assert grid.at(5.0).digest == grid.digest


def change_of_flicker(t, low, high):
    """E[(x(s + t) - x(s))^2]/flicker^2 = 2 integral (1 - cos(2 pi f t))/f df over the band, by the cosine integral."""
    ends = [scipy.special.sici(2 * np.pi * f * t)[1] for f in (low, high)]
    return 2 * (np.log(high / low) - (ends[1] - ends[0]))


@pytest.mark.parametrize(("low", "high"), [(1e-6, 1.0), (1e-3, 1.0), (0.1, 1.0)])
@pytest.mark.parametrize("t", [0.3, 100.0, 1e4])
def test_flicker_noise_of_conductances_changes_as_its_closed_form_says(low, high, t):
    # Catches lines at fixed frequencies, which beat together at times much longer than their periods (24 % at 100 s),
    # and a band that ends half a step inside its edges.
    drift, paths = Drift(flicker=1e-3, flicker_lowest=low, flicker_highest=high), 10000
    x = [conductance_flicker(drift, np.random.default_rng(1), (paths,), 50.0 + s) for s in (0.0, t)]
    # A variance is known to sqrt(2/10000) = 1.4 %, paths that are not quite Gaussian to 1.5 %.
    assert np.mean((x[1] - x[0]) ** 2) == pytest.approx(1e-6 * change_of_flicker(t, low, high), rel=4 * 0.015)
    variance = np.log(high / low)
    assert np.var(x[0]) == pytest.approx(1e-6 * variance, rel=4 * 0.015)
    covariance = variance - change_of_flicker(t, low, high) / 2
    # A covariance scatters by sqrt((variance^2 + covariance^2)/paths).
    scatter = np.hypot(variance, covariance) / np.sqrt(paths)
    assert np.mean(x[0] * x[1]) == pytest.approx(1e-6 * covariance, abs=4e-6 * scatter)


def test_one_path_of_flicker_noise_has_as_many_lines_as_its_stated_accuracy_needs():
    # Of a path's own change within t, sum over lines of w (1 - cos): its scatter by the lines' places, in closed form.
    def scatter(t, low, high, width):
        steps, width = np.linspace(np.log(low), np.log(high), round(np.log(high / low) / width) + 1, retstep=True)
        edges = 2 * np.pi * t * np.exp(steps)
        once, twice = (np.diff(scipy.special.sici(k * edges)[1]) / width for k in (1, 2))
        return np.sqrt(max(np.sum((1 + twice) / 2 - once**2), 0)) / np.sum(1 - once)

    width = FLICKER_ACCURACY**2 / 0.25
    for low in (1e-6, 1e-3, 0.1):
        worst = max(scatter(t, low, 1.0, width) for t in np.geomspace(0.01, 10 / low, 200))
        assert worst < FLICKER_ACCURACY
    # Gaussian to that accuracy: a kurtosis of 3 (1 + accuracy^2) at most; of 10000 paths it scatters by 0.05.
    drift = Drift(flicker=1e-3, flicker_lowest=0.1, flicker_highest=1.0)
    x = [conductance_flicker(drift, np.random.default_rng(2), (10000,), t) for t in (0.0, 0.7)]
    assert scipy.stats.kurtosis(x[1] - x[0]) < 3 * FLICKER_ACCURACY**2 + 4 * 0.05


def test_flicker_band_in_order():
    with pytest.raises(ValueError, match="expected flicker_lowest < flicker_highest"):
        Drift(flicker_lowest=1.0, flicker_highest=0.1)
