"""Rails and slew in the response, against ngspice on the same chip."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Cascade, Crossbar, Program, RCMesh, Scaling
from thermospice.netlists import simulate

SKEW = Program([[1.0, 0.5], [-0.4, 0.8]], [1.0, 0.3])
MESH = Program([[1.0, -0.4], [-0.4, 0.8]], [1.0, 0.3])
# Name: topology, program, scaling, slew rate (None: the board's 155 V/us), duration, what meets its limits.
CASES = {
    "rails": (Crossbar(2), SKEW, Scaling(drive=10.0), None, 3e-6, {"a0", "a1", "i0"}),
    "slew": (Crossbar(2), SKEW, Scaling(drive=2.0), 0.5e6, 2e-6, {"a0", "i0"}),
    "follower slews": (RCMesh(2), MESH, Scaling(drive=2.0), 0.5e6, 2e-6, {"a0"}),
    "stages at their rails": (Cascade(2), MESH, Scaling(0.5, 16.0), None, 2e-6, {"a0", "au0"}),
}


def chip_of(board, topology, slew):
    change = {} if slew is None else {"slew": slew}
    design = board.model_copy(update={"amplifier": board.amplifier.model_copy(update=change)})
    return design.sample(topology, np.random.default_rng(1))


@pytest.mark.parametrize("case", CASES)
def test_waveform_is_that_of_ngspice(board, case):
    topology, program, scaling, slew, duration, limited = CASES[case]
    chip = chip_of(board, topology, slew)
    record = simulate(chip, program, "tran", duration=duration, scaling=scaling, max_step=duration / 400)
    rows = np.searchsorted(record["time"].values, np.linspace(0.02, 0.999, 30) * duration)
    times, expected = record["time"].values[rows], record["v"].values[rows]
    response = DeviceModel.nominal(chip).response(program, scaling, allow_clipping=True)
    found = response.integrate(times)[0]
    # The steps of a tenth of an amplifier's time constant leave 0.7 mV; the netlist's rails give way by the slew
    # current over 1 S, 0.4 mV. The linear answer is off by a thousand times as much.
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert np.abs(response.mean_at(times) - expected).max() > 0.05
    assert limited <= set(response.exceeded(times))


def test_error_falls_with_the_step(board):
    topology, program, scaling, slew, *_ = CASES["slew"]
    response = DeviceModel.nominal(chip_of(board, topology, slew)).response(program, scaling)
    times, base = np.array([2e-7, 5e-7]), 1 / (2 * np.pi * board.amplifier.gain_bandwidth)
    v = [response.integrate(times, step=base / k)[0] for k in (5, 10, 40)]
    errors = [np.abs(part - v[2]).max() for part in v[:2]]
    # Order two where the limits act smoothly, which the kinks of a clip may lower to a bit above one.
    assert errors[0] / errors[1] > 2.5
    assert errors[1] < 2e-3


def test_a_waveform_does_not_depend_on_the_times_that_are_asked_for(board):
    # Catches limits that are looked at between asked times alone: cell 1 remembers for milliseconds what the inverter
    # of cell 0 lost in its first microseconds of slewing.
    slow = {"slew": 2e5, "gain_bandwidth": 2e6}
    design = board.model_copy(update={"amplifier": board.amplifier.model_copy(update=slow)})
    chip, program = design.nominal(Crossbar(2)), Program([[1.0, 0.0], [-0.01, 1e-4]], [1.0, -0.01])
    response = DeviceModel.nominal(chip).response(program, Scaling(), allow_clipping=True)
    late = 5e-3
    alone = response.integrate(np.array([late]))[0, 0]
    among = response.integrate(np.array([*np.linspace(1e-7, 2e-5, 50), 1e-3, late]))[0, -1]
    np.testing.assert_allclose(alone, among, rtol=1e-9)
    spice = simulate(chip, program, "tran", scaling=Scaling(), duration=late)["v"].values[-1]
    # A tenth of the amplifiers' time constant leaves 0.1 % where the slewing decides.
    np.testing.assert_allclose(alone, spice, rtol=3e-3)
    assert abs(response.mean_at(np.array([late]))[0, 1] - spice[1]) > 0.3 * abs(spice[1])


def test_what_rests_at_a_rail_rests(board):
    # Ten milliseconds of steps of a quarter of a nanosecond would take for ever.
    response = DeviceModel.nominal(board.nominal(Crossbar(1))).response(
        Program([[1.0]], [10.0]), Scaling(), allow_clipping=True
    )
    early, late = response.integrate(np.array([5e-5, 1e-2]))[0]
    assert early == pytest.approx(late, rel=1e-9)
    assert 4.5 < late[0] <= 4.9


def test_within_its_limits_the_exact_form_is_used(board):
    response = DeviceModel.nominal(chip_of(board, Crossbar(2), None)).response(SKEW, Scaling(drive=0.5))
    times, v0 = np.array([0.0, 1e-7, 1e-6, 1e-5]), np.array([0.1, -0.2])
    # Time by time: rounding adds up over a few exact steps.
    np.testing.assert_allclose(response.integrate(times, v0)[0], response.mean_at(times, v0), atol=1e-10)
    ideal = DeviceModel.nominal(chip_of(board, Crossbar(2), None), "ideal").response(SKEW)
    np.testing.assert_allclose(ideal.integrate(times, v0)[0], ideal.mean_at(times, v0), atol=1e-14)


def test_noise_within_the_limits_has_the_exact_law(board):
    response = DeviceModel.nominal(chip_of(board, Crossbar(2), None)).response(SKEW, Scaling(drive=0.5))
    times, paths = np.array([3e-8]), 600
    v = response.integrate(times, None, np.random.default_rng(0), paths)[:, 0]
    P, mean = response.covariance_at(float(times[0])), response.mean_at(times)[0]
    assert np.abs((v.mean(axis=0) - mean) / np.sqrt(np.diag(P) / paths)).max() < 4
    # An entry of a sample covariance has variance (P_ii P_jj + P_ij^2)/paths.
    wide = np.sqrt((np.outer(np.diag(P), np.diag(P)) + P**2) / paths)
    assert np.abs((np.cov(v.T) - P) / wide).max() < 4.5


def test_paths_without_noise_are_refused(board):
    response = DeviceModel.nominal(chip_of(board, Crossbar(2), None)).response(SKEW, Scaling(drive=0.5))
    with pytest.raises(ValueError, match="expected a source of noise for 2 paths"):
        response.integrate(np.array([1e-8]), paths=2)


@pytest.mark.parametrize("times", [[2e-6, 1e-6], [-1e-6, 1e-6], [float("nan")], [1e-6, float("inf")]])
@pytest.mark.parametrize("noisy", [False, True])
def test_times_that_do_not_rise_are_refused(board, times, noisy):
    # Catches a search among unsorted times, which gives the states of others, and nan, which was waited for for ever.
    chip = board.nominal(Crossbar(1))
    response = DeviceModel.nominal(chip).response(Program([[1.0]], [0.5]))
    with pytest.raises(ValueError, match="finite times of at least 0 in rising order"):
        response.integrate(np.array(times), rng=np.random.default_rng(0) if noisy else None)
