"""The ways that make large calibrations cheap, against the plain ones: gradients, hat matrices, scores, optima."""

from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral import Calibration, DeviceModel
from thermospice.behavioral.calibration import BenchScores, Parameters, fit_forecast, term_of
from thermospice.circuits import Crossbar, RCMesh, Scaling
from thermospice.measurements import read_measurement

from .bench import READOUT, Bench


@pytest.fixture(scope="module")
def three(board):
    """Two transients and a spectrum."""
    rng = np.random.default_rng(0)
    chip = board.sample(Crossbar(3), rng)
    data = Bench().measure(chip, board, rng, programs=2, samples=40, spectra=1)
    return [term_of(read_measurement(m)) for m in data]


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("topology", [Crossbar(3), RCMesh(3)], ids=lambda t: t.name)
def test_the_gradient_alone_is_that_of_the_derivatives(board, topology, equal):
    # `equal`: rates that coincide, where a divided difference is a derivative.
    rng = np.random.default_rng(1)
    data = Bench().measure(board.nominal(topology), board, rng, programs=1, samples=40, spectra=0)
    run = term_of(read_measurement(data[0]))
    if equal:
        run = replace(run, program=type(run.program)(np.eye(3), run.program.b))
    parameters = Parameters.of(board, topology, "macro", ["trigger-delay", "readout-gain", "readout-offset"], [run])
    z = np.zeros(parameters.size) if equal else rng.standard_normal(parameters.size)
    whole, alone = run.evaluate(parameters, z), run.slope(parameters, z)
    assert alone.cost == pytest.approx(whole.cost, rel=1e-12)
    assert alone.rms == pytest.approx(whole.rms, rel=1e-12)
    # Sums of as many terms as there are values and modes, each rounded.
    scale = np.sqrt(whole.cost * np.diag(whole.information).max())
    np.testing.assert_allclose(alone.gradient, whole.gradient, atol=1e-11 * scale)


def test_a_long_record_says_the_same_in_fewer_values(board, monkeypatch):
    # Catches a mean that counts as one reading, weights that are not those of the derivatives, and a clock that shifts.
    rng = np.random.default_rng(8)
    chip = board.sample(RCMesh(2), rng)
    short = Bench().measure(chip, board, rng, programs=1, samples=20_000, spectra=0)[0]
    # An oscilloscope's steps are equal.
    times = np.linspace(5e-9, 50e-6, short.sizes["time"])
    scaling = Scaling(short.attrs["conductance_scale"], short.attrs["drive_scale"])
    response = DeviceModel.nominal(chip).response(term_of(read_measurement(short)).program, scaling)
    v = response.mean_at(times, np.zeros(2)) + READOUT * rng.standard_normal((len(times), 2))
    data = short.assign_coords(time=("time", times, {"units": "s"}))
    data = data.assign(v=(("time", "cell"), v, {"units": "V"}))
    run = term_of(read_measurement(data))
    monkeypatch.setattr("thermospice.behavioral.calibration._waveform_terms.MANY_TIMES", len(times))
    every = term_of(read_measurement(data))
    assert len(run.times) < len(every.times) / 8

    parameters = Parameters.of(board, RCMesh(2), "macro", ["trigger-delay", "readout-gain"], [run])
    z = 0.1 * rng.standard_normal(parameters.size)
    few, whole = run.evaluate(parameters, z), every.evaluate(parameters, z)
    C = np.linalg.inv(whole.information + np.eye(parameters.size))
    # By the posterior itself: the information of every direction, and the optimum in its own error bars, of which
    # what an average is off, 1.4e-7 V of 2.5 mV, is that by the root of all 40,000 readings.
    seen = np.linalg.eigvals(C @ (few.information + np.eye(parameters.size))).real
    np.testing.assert_allclose(seen, 1.0, atol=1e-3)
    off = few.gradient - whole.gradient
    assert np.sqrt(off @ C @ off) < 0.03
    scale = np.sqrt(few.cost * np.diag(few.information).max())
    np.testing.assert_allclose(run.slope(parameters, z).gradient, few.gradient, atol=1e-11 * scale)


def test_hat_matrix_and_what_unknowns_explain_are_those_of_the_whole_matrices(board, three):
    parameters = Parameters.of(board, Crossbar(3), "macro", (), three)
    root = np.random.default_rng(2).standard_normal((parameters.size, parameters.size))
    C = root @ root.T / parameters.size
    for run in three:
        part = run.evaluate(parameters, np.zeros(parameters.size))
        hat = C @ part.information
        assert part.hat(C).once == pytest.approx(np.trace(hat), rel=1e-9)
        assert part.hat(C).twice == pytest.approx(np.trace(hat @ hat), rel=1e-9)
        plain = part.gradient @ np.linalg.solve(np.linalg.inv(C) + part.information, part.gradient)
        # The dropped shapes have an information of 1e-7, and so explain the square root of it at most.
        assert part.explained(C) == pytest.approx(plain, rel=1e-3)


def test_baselines_without_a_matrix_of_all_of_them(board, three):
    # Catches baselines of one record that take another's part, and what a fit takes of them.
    parameters = Parameters.of(board, Crossbar(3), "macro", (), three)
    z = 0.1 * np.random.default_rng(3).standard_normal(parameters.size)
    scores = BenchScores(three, parameters, (), z)
    for run in three:
        scores.asked(run, 1.0)
    found = dict(scores.results())["baseline"]
    extended = parameters.extended(three, (), ["baseline"])
    where, p = extended.bench.unknowns("baseline"), parameters.size
    z = np.append(z, np.zeros(extended.size - p))
    score = np.append(-z[:p], np.zeros(extended.size - p))
    information = np.diag(np.append(np.ones(p), np.full(extended.size - p, 1e-6)))
    for run in three:
        part = run.evaluate(extended, z)
        score, information = score + part.gradient, information + part.information
    told = information[p:, :p] @ np.linalg.inv(information[:p, :p])
    left = information[p:, p:] - told @ information[:p, p:]
    projected = (score[p:] - told @ score[:p])[:6]
    # The spectrum's three are not seen by anything.
    assert list(where) == list(range(p, p + 9))
    assert found.degrees == 6
    # Elements that the other kinds only try are in the circuit with a ten-millionth of their typical value.
    assert found.statistic == pytest.approx(projected @ np.linalg.solve(left[:6, :6], projected), rel=1e-4)


def test_a_curvature_that_stays_leads_to_the_same_optimum(board, monkeypatch):
    rng = np.random.default_rng(4)
    data = Bench().measure(board.sample(Crossbar(2), rng), board, rng, programs=5, samples=40, spectra=1)
    module = "thermospice.behavioral.calibration._fit"
    monkeypatch.setattr(f"{module}._SMALL", 1e-5)
    monkeypatch.setattr(f"{module}._ROUNDING", 1e-6)
    found = []
    for many in (10**6, 0):
        monkeypatch.setattr(f"{module}._MANY", many)
        found.append(Calibration.of(data))
    fresh, kept = found
    sd = np.sqrt(np.diag(fresh.covariance))
    assert np.abs((kept.values - fresh.values) / sd).max() < 1e-6
    np.testing.assert_allclose(np.sqrt(np.diag(kept.covariance)), sd, rtol=1e-6)


def test_effort_grows_with_the_chip_and_its_records(board):
    small, large = (fit_forecast(board, Crossbar(n), "macro", 3 * n) for n in (8, 64))
    assert small.seconds < 30
    assert small.memory < 1e9
    # By p unknowns, of which there are n^2, for each of n records: n^3 for their circuits, n^5 for their derivatives.
    assert 8**3 < large.seconds / small.seconds < 8**5
    assert large.memory > 16 * 8 * 4096**2
    assert fit_forecast(board, Crossbar(8), "macro", 24, ["baseline"]).seconds > small.seconds
