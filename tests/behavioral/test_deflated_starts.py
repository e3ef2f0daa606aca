"""Starts that are settled in the slowest modes: how much sooner a device is ready, and that its answers stay right."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, LinearAlgebraError, OrnsteinUhlenbeck
from thermospice.behavioral.linear_algebra import (
    Budget,
    Deflation,
    IdealDevice,
    ModelDevice,
    determinant,
    inverse,
    solve,
)
from thermospice.circuits import Crossbar, Design

D = 20
SPECTRA = {
    "geometric": np.geomspace(0.01, 1.0, D),
    "linear": np.linspace(0.05, 1.0, D),
    "one slow mode": np.append(0.01, np.linspace(0.3, 1.0, D - 1)),
}


def with_spectrum(a, seed=0):
    V = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(a), len(a))))[0]
    A = V * a @ V.T
    return (A + A.T) / 2


def measured_burn_in(A, deflation, left):
    """Time of the covariance of the process itself: `S(t) = C(t) + e^-At S0 e^-A't`, halved until it is found."""
    process = OrnsteinUhlenbeck(A, np.zeros(len(A)), 2 * np.eye(len(A)))
    end, start = process.stationary_covariance(), deflation.covariance(1.0)

    def missing(t):
        decay = process.mean_at(t, np.eye(len(A)))
        return np.linalg.norm(process.covariance_at(t) + decay.T @ start @ decay - end) / np.linalg.norm(end)

    low, high = 0.0, 20 / np.linalg.eigvalsh(A)[0]
    while high - low > 1e-4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if missing(middle) > left else (low, middle)
    return high


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("k", [1, 3, 5, 8, 10])
def test_burn_in_is_shortened_as_foreseen(spectrum, k):
    A, left = with_spectrum(SPECTRA[spectrum]), 1e-6
    rng = np.random.default_rng(1)
    plain, deflated = Deflation.of(A, 0, rng), Deflation.of(A, k, rng)
    foreseen = plain.foreseen_burn_in(left) / deflated.foreseen_burn_in(left)
    times = [measured_burn_in(A, start, left) for start in (plain, deflated)]
    assert times[0] / times[1] == pytest.approx(foreseen, rel=0.1)
    assert deflated.burn_in(left) == pytest.approx(times[1], rel=1e-3)
    assert times[1] < times[0]


def test_lanczos_finds_the_slowest_modes_and_counts_its_products():
    a = SPECTRA["geometric"]
    deflation = Deflation.of(with_spectrum(a), 3, np.random.default_rng(0))
    np.testing.assert_allclose(deflation.rates, a[:4], rtol=1e-6)
    # Twenty products span the whole space; restarts add some.
    assert D <= deflation.products < 50 * D


PROBLEM = with_spectrum(np.array([0.02, 0.5, 0.8, 1.0]))
B = np.array([0.3, -0.2, 0.1, 0.4])


def chip():
    return ModelDevice(DeviceModel.nominal(Design.preset("board-1k-1n").sample(Crossbar(4), np.random.default_rng(2))))


@pytest.mark.parametrize(
    ("problem", "make"),
    [
        *((problem, IdealDevice) for problem in ("solve", "solve with noise", "inverse", "determinant")),
        *((problem, chip) for problem in ("solve", "solve with noise", "inverse")),
        pytest.param("determinant", chip, marks=pytest.mark.slow),
    ],
)
def test_answers_from_a_deflated_start_lie_within_their_error_bars_and_come_sooner(make, problem):
    # Catches a start in other units than the drive's: it would be far from settled when it is read.
    kappa = 1e-4 if "noise" in problem else None
    ask, right = {
        "solve": (lambda d, g, b: solve(d, PROBLEM, B, g, b), np.linalg.solve(PROBLEM, B)),
        "inverse": (lambda d, g, b: inverse(d, PROBLEM, g, b), np.linalg.inv(PROBLEM)),
        "determinant": (lambda d, g, b: determinant(d, PROBLEM, g, b), np.linalg.det(PROBLEM)),
    }[problem.split()[0]]
    deflated = ask(make(), np.random.default_rng(0), Budget(20.0, 12, kappa=kappa, deflated=1))
    plain = ask(make(), np.random.default_rng(0), Budget(20.0, 12, kappa=kappa))
    bar = deflated.standard_error + 1e-9 * np.abs(right).max()
    # Sixteen entries at most, t of 11 degrees of freedom.
    assert np.abs((deflated.value - right) / bar).max() < 5
    assert deflated.time < plain.time
    assert deflated.products > 0 == plain.products


def test_the_time_saved_is_that_of_the_deflated_mode():
    answers = [solve(IdealDevice(), PROBLEM, B, np.random.default_rng(0), Budget(1.0, 2, deflated=k)) for k in (0, 1)]
    waits = [answer.time / 2 - 1e-6 / 0.02 for answer in answers]
    assert waits[0] / waits[1] == pytest.approx(0.5 / 0.02, rel=1e-6)


@pytest.mark.parametrize(
    ("A", "deflated", "message"),
    [
        (PROBLEM, 4, "expected 0 to 3 of 4 modes, got 4"),
        (PROBLEM, -1, "at least 0 modes"),
        (np.array([[1.0, 0.2], [0.0, 1.0]]), 1, "expected a symmetric A"),
    ],
)
def test_starts_that_cannot_be_are_refused(A, deflated, message):
    with pytest.raises(LinearAlgebraError, match=message):
        solve(IdealDevice(), A, np.ones(len(A)), np.random.default_rng(0), Budget(deflated=deflated))
