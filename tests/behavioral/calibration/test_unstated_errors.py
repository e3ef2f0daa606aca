"""Spectra of a simulator, whose errors are not stated, judged beside what the other unknowns leave of them."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from thermospice.behavioral.calibration import Parameters, Part, fit, judge
from thermospice.circuits import Crossbar, Program, Scaling, random_program

CELLS, VALUES = 12, 400
LIMIT = 5.0**2
"""Mean square of residuals, in a simulator's own error, that contradicts."""


@dataclass(frozen=True)
class Spectrum:
    """A term whose values are linear in the unknowns: the posterior is known in closed form."""

    program: Program
    jacobian: np.ndarray
    measured: np.ndarray
    scaling: Scaling
    name: str = "spectrum"
    kind: str = "noise"
    stated: bool = False
    signal: float = 1.0
    relative_sigma: float = 1e-3
    values: int = VALUES

    def clipped(self, chip, parameters):
        return ()

    def evaluate(self, parameters, z):
        p = self.jacobian.shape[1]
        unseen = np.zeros((self.values, parameters.size - p))
        return Part.of(self.measured - self.jacobian @ z[:p], np.hstack([self.jacobian, unseen]))

    def slope(self, parameters, z):
        return self.evaluate(parameters, z).slope


@pytest.fixture(scope="module")
def known(board):
    """Unknowns, a spectrum that says of each as much as its tolerance does, and another direction of it."""
    rng = np.random.default_rng(0)
    parameters = Parameters.of(board, Crossbar(CELLS), "macro")
    p = parameters.size
    Q = np.linalg.qr(rng.standard_normal((VALUES, p + 1)))[0]
    J = Q[:, :p]
    run = Spectrum(random_program(Crossbar(CELLS), rng), J, J @ rng.standard_normal(p), Scaling(1.0, 1.0))
    return parameters, run, Q[:, p]


def judged(parameters, run):
    found = fit([run], parameters)
    checks = judge([run], found, parameters, (), {run.name: 0}).checks
    return found, next(check for check in checks if check.row == "all noise")


def test_an_exact_spectrum_is_not_contradicted_by_what_its_unknowns_leave(known):
    # Catches residuals judged as if each unknown were known: half of each deviation is left, and a quarter of a unit of
    # its square, so that 207 of them are twice the limit. Two thousand of 64 cells were.
    parameters, run, _ = known
    found, check = judged(parameters, run)
    square = float(run.values * found.normal.rms[0] ** 2)
    # Sum of p unit squares by four, which scatters by sqrt(2 p)/4: eight such spreads above the limit.
    p = parameters.size
    assert square == pytest.approx(p / 4, abs=4 * np.sqrt(2 * p) / 4)
    assert square > LIMIT
    assert check.passed
    assert check.statistic < 1


def test_what_no_unknown_explains_contradicts_beside_it(known):
    # Catches an allowance without an end: six times the limit is more than the unknowns' spread hides.
    parameters, run, other = known
    wrong = replace(run, measured=run.measured + np.sqrt(6 * LIMIT) * other)
    _, check = judged(parameters, wrong)
    assert not check.passed
    # 150 in square, but for the spread of three standard deviations, and four of the rest's scatter.
    spread = np.sqrt(parameters.size / 8)
    assert check.statistic == pytest.approx(6 * LIMIT - 3 * spread, abs=4 * spread)
