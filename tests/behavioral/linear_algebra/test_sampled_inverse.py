"""The RLC grid inverts a matrix by being sampled: the error falls with the samples down to the chip's mismatch."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Design, RLCGrid, random_program

BOARD = Design.preset("rlc-board-8")
TOPOLOGY = RLCGrid(8)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def _sampled_inverse(chip, program, samples, rng, paths):
    """Estimates of A^-1 from independent stationary samples, one for each path."""
    response = DeviceModel.nominal(chip, "ideal").response(program)
    # Ten times the slowest decay apart, samples share exp(-10) of their correlation.
    spacing = 10 / np.abs(response.poles.real).min()
    v = response.sample(spacing * np.arange(1, samples + 1), rng, paths, stationary=True)
    return np.einsum("pti,ptj->pij", v, v) / samples / BOARD.kappa0


def _error(estimates, exact):
    return np.linalg.norm(estimates - exact, axis=(1, 2)) / np.linalg.norm(exact)


def test_error_falls_with_the_root_of_the_samples(rng):
    # Wishart: E |C_hat - C|_F^2 = (|C|_F^2 + tr(C)^2)/N for N independent samples. The mean square over 400
    # estimates has a relative error of about 1/sqrt(400 * 8) for each of its eight modes; five times that is 0.1.
    program = random_program(TOPOLOGY, rng)
    exact = np.linalg.inv(program.A)
    chip = BOARD.nominal(TOPOLOGY)
    for samples in (10, 100, 1000):
        error = _error(_sampled_inverse(chip, program, samples, rng, 400), exact)
        predicted = (1 + np.trace(exact) ** 2 / np.linalg.norm(exact) ** 2) / samples
        assert np.mean(error**2) == pytest.approx(predicted, rel=0.25 if samples == 10 else 0.2)


def test_mismatch_is_the_floor(rng):
    # Many samples of one chip find that chip's capacitances, not the program's: what is left is the mismatch.
    program = random_program(TOPOLOGY, rng)
    exact = np.linalg.inv(program.A)
    chip = BOARD.sample(TOPOLOGY, rng)
    covariance = DeviceModel.nominal(chip, "ideal").response(program).stationary_covariance()
    floor = np.linalg.norm(covariance / BOARD.kappa0 - exact) / np.linalg.norm(exact)
    assert 1e-3 < floor < 0.1
    error = _error(_sampled_inverse(chip, program, 40_000, rng, 4), exact)
    sampling = np.sqrt((1 + np.trace(exact) ** 2 / np.linalg.norm(exact) ** 2) / 40_000)
    # The two parts are independent; four estimates scatter about their sum of squares by less than the sampling part.
    np.testing.assert_allclose(error, np.hypot(floor, sampling), atol=1.5 * sampling)
    assert (error > floor - 1.5 * sampling).all()
