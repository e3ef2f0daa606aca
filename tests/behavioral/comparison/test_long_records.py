"""Long noisy records: all of their samples count, or it is said how many do, and the error bars are theirs."""

from dataclasses import dataclass

import numpy as np
import pytest
from thermospice.behavioral import Calibration
from thermospice.behavioral.calibration import Parameters, noisy_circuit
from thermospice.behavioral.calibration import _waveform_terms as _calibrate_runs
from thermospice.behavioral.calibration.derivatives import _noisy_records as _calibrate_record
from thermospice.behavioral.calibration.derivatives import equal_steps, innovations
from thermospice.circuits import Crossbar, Design, Program, RCMesh, Scaling, random_program
from thermospice.measurements import read_measurement

BOARD = Design.preset("board-1k-1n")


def record(measure, topology, times, seed=0):
    chip = BOARD.sample(topology, np.random.default_rng(seed))
    program = random_program(topology, np.random.default_rng(seed + 1))
    return measure(chip, program, "tran", times=times, noise=np.random.default_rng(seed + 2))


def one_by_one(circuit, times, v, v0, sigma, size):
    """The naive twin: predict and correct, sample after sample."""
    state = _calibrate_record._Filter(circuit, _calibrate_record.Propagation(circuit, size, None), v0, sigma, size)
    u = np.empty_like(v)
    for k, step in enumerate(equal_steps(times)):
        state.predict(step)
        u[k] = state.correct(v[k])
    return u, state


@dataclass(frozen=True)
class Run:
    """What was measured, as a fit knows it."""

    name: str
    program: Program
    scaling: Scaling


@pytest.mark.parametrize("topology", [RCMesh(1), Crossbar(3)], ids=lambda t: t.name)
@pytest.mark.parametrize("sigma", [1e-4, 1e-6])
def test_samples_together_are_samples_one_by_one(measure, monkeypatch, topology, sigma):
    # Catches a derivative that is driven by the wrong neighbour, also across the ends of blocks and of equal steps.
    monkeypatch.setattr(_calibrate_record, "_BLOCK", 16)
    times = np.cumsum(np.repeat([2e-6, 5e-6, 2e-6], [120, 90, 60]))
    data = read_measurement(record(measure, topology, times))
    parameters = Parameters.of(data.design, data.topology, data.level)
    circuit = noisy_circuit(parameters, np.full(parameters.size, 0.1), Run("a", data.program, data.scaling))
    v, v0, size = data.values["v"], data.values["v0"], parameters.size
    found = innovations(circuit, times, v, v0, sigma, None, size)
    u, state = one_by_one(circuit, times, v, v0, sigma, size)
    np.testing.assert_allclose(found.u, u, rtol=1e-9, atol=1e-9 * np.abs(u).max())
    assert found.log_scale == pytest.approx(state.log_scale, rel=1e-12)
    for mine, naive in ((found.gradient, state.gradient), (found.information, state.information)):
        np.testing.assert_allclose(mine, naive, rtol=1e-7, atol=1e-9 * np.abs(naive).max())


def test_every_sample_of_a_long_record_counts(measure, monkeypatch):
    # Catches 6000 samples of which 300 are taken: the noise is then known to 8 %, and nobody is told.
    topology, samples = RCMesh(1), 6000
    chip = BOARD.sample(topology, np.random.default_rng(3))
    times = np.arange(1, samples + 1) * 5e-7
    # Without amplifiers, whose noise goes with a bandwidth that is not known: kT/C of one cell.
    measured = measure(chip, Program([[1.0]], [0.5]), "tran", "ideal", times=times, noise=np.random.default_rng(4))
    whole = Calibration.of([measured])
    # Innovations are independent whatever their spacing: a density from N of them scatters by sqrt(2/N). What else is
    # unknown of the cell, its time constant above all, widens that by a quarter; 300 samples would give 8 %.
    error = whole.model.noise_scale.standard_error / whole.model.noise_scale.value
    assert 0.9 < error / np.sqrt(2 / samples) < 1.4
    assert abs(whole.model.noise_scale.value - 1) < 4 * np.sqrt(2 / samples)
    assert whole.thinned == ()
    monkeypatch.setattr(_calibrate_runs, "_VALUES", 300)
    few = Calibration.of([measured])
    assert few.model.noise_scale.standard_error / few.model.noise_scale.value == pytest.approx(
        np.sqrt(2 / 300), rel=0.1
    )
    assert few.thinned[0].endswith("300 of 6,000 samples are used")


@pytest.mark.parametrize("start", [1e-7, 1e-3, 0.1])
def test_steps_that_differ_by_rounding_are_equal(start):
    # Catches a record of a tenth of a second in steps of 0.1 us, of which every step would be another one.
    steps = equal_steps(start + np.arange(1000) * 1e-7)
    assert set(steps[1:]) == {1e-7}
    assert set(equal_steps(np.arange(1, 500) * 1e-7)) == {1e-7}
