"""Programs on a chip that was fitted from its records, not drawn: what is foreseen of it holds."""

import numpy as np
import pytest
from thermospice.behavioral import calibrate
from thermospice.behavioral.linear_algebra import Budget, ModelDevice
from thermospice.behavioral.programs.bayesian import GaussianProblem, posterior
from thermospice.behavioral.programs.quadratic import Settings, foresee, minimise
from thermospice.circuits import Crossbar, random_program

from .oracle import by_clarabel, random_problem

N = 4


@pytest.mark.slow
def test_a_fitted_chip_reaches_the_gap_and_the_intervals_that_its_fit_foresees(board, measure):
    # Catches a program that takes the fitted chip for the nominal one, or its fit for certain.
    rng = np.random.default_rng(0)
    chip = board.sample(Crossbar(N), rng)
    times = np.linspace(0.0, 20 * board.tau, 60)
    programs = [random_program(chip.topology, rng) for _ in range(12)]
    records = [measure(chip, p, level="macro", times=times, v0=rng.choice([-2.0, 2.0], N)) for p in programs]
    device = ModelDevice(calibrate(records), converters=True)
    settings = Settings(tolerance=1e-6)
    for seed in (30, 31, 32):
        problem = random_problem(seed, n=N)
        answer = minimise(problem, device, np.random.default_rng(0), settings)
        foreseen = foresee(problem, device, np.random.default_rng(1), settings)
        assert answer.status == "solved"
        assert answer.objective == pytest.approx(by_clarabel(problem).obj_val, rel=3e-6, abs=3e-6)
        assert foreseen.relative_gap / 2 <= answer.relative_gap <= 2 * foreseen.relative_gap


@pytest.mark.slow
def test_intervals_of_a_fitted_chip_hold_what_they_say(board, measure):
    # Programs run on the fitted model of a chip that was drawn with 1 % resistors; truth and data are drawn too.
    rng = np.random.default_rng(0)
    chip = board.sample(Crossbar(N), rng)
    times = np.linspace(0.0, 20 * board.tau, 60)
    programs = [random_program(chip.topology, rng) for _ in range(12)]
    records = [measure(chip, p, level="macro", times=times, v0=rng.choice([-2.0, 2.0], N)) for p in programs]
    fitted = ModelDevice(calibrate(records))
    inside = []
    for seed in range(30):
        draw = np.random.default_rng([seed, 1])
        B, H = draw.standard_normal((N, N)), draw.standard_normal((6, N))
        P, R = B @ B.T + np.eye(N), np.diag(draw.uniform(0.5, 2, 6))
        x = np.linalg.cholesky(P) @ draw.standard_normal(N)
        y = H @ x + np.sqrt(np.diag(R)) * draw.standard_normal(6)
        given = GaussianProblem(np.zeros(N), P, H, R, y)
        low, high = posterior(given, fitted, draw, Budget(30.0, 12)).interval(0.9)
        inside.append(np.mean((low < x) & (x < high)))
    # Thirty independent posteriors, at worst one entry each: sqrt(0.1 * 0.9/30) = 5.5 %.
    assert np.mean(inside) == pytest.approx(0.9, abs=3 * 0.055)
