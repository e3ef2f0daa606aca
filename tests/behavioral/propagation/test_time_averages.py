"""Time averages in closed form: the published statistics of an analog solver, limits, and sampled twins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from thermospice.behavioral import OrnsteinUhlenbeck

from ..processes.test_ornstein_uhlenbeck import error, process, spd

KAPPA0 = 0.02


def solver(n: int = 5) -> tuple[OrnsteinUhlenbeck, np.ndarray]:
    A = spd(n, 8)
    ou = OrnsteinUhlenbeck(drift=A, mean=np.linalg.solve(A, np.ones(n)), diffusion=2.0 * KAPPA0 * np.eye(n))
    return ou, np.linalg.eigvalsh(A)


@pytest.mark.parametrize("T", [1.0, 10.0, 1000.0])
def test_mean_from_stationarity(T: float) -> None:
    # E|mean_T - A^-1 b|^2 = sum_i 2 kappa0/(a_i^2 T) [1 - (1 - exp(-a_i T))/(a_i T)].
    # Catches a factor two in the noise and a window taken as long.
    ou, a = solver()
    expected = np.sum(2.0 * KAPPA0 / (a**2 * T) * (1.0 + np.expm1(-a * T) / (a * T)))
    law = ou.time_average(T)
    assert_allclose(np.trace(law.covariance), expected, rtol=1e-12)
    assert_allclose(law.mean, ou.mean, rtol=1e-14)


@pytest.mark.parametrize("T", [1.0, 10.0, 1000.0])
def test_second_moment_from_stationarity(T: float) -> None:
    # E|C - kappa0 A^-1|_F^2 = sum_ij (1 + d_ij) kappa0^2/(a_i a_j) 2/(r T) [1 - (1 - exp(-r T))/(r T)].
    # Catches a lost exchange term (1 + d_ij).
    ou, a = solver()
    r = a[:, None] + a
    weight = (1.0 + np.eye(len(a))) * KAPPA0**2 / np.outer(a, a)
    expected = np.sum(weight * 2.0 / (r * T) * (1.0 + np.expm1(-r * T) / (r * T)))
    assert_allclose(np.sum(ou.second_moment_variance(T)), expected, rtol=1e-11)


def test_relative_error_of_one_variance() -> None:
    # Long record of one cell: sqrt(2 tau / T) relative.
    ou, T = process("one cell"), 1e6
    relative = np.sqrt(ou.second_moment_variance(T)[0, 0]) / ou.stationary_covariance()[0, 0]
    assert_allclose(relative, np.sqrt(2.0 / (0.7 * T)), rtol=1e-5)


@pytest.mark.parametrize("name", ["symmetric", "unequal noise", "ringing", "one cell"])
@pytest.mark.parametrize("T", [1e-3, 0.3, 5.0, 80.0])
def test_second_moment_modes_equal_quadrature(name: str, T: float) -> None:
    # Two independent routes, each the other's twin; catches index mix-ups in the double sum.
    from thermospice.behavioral.propagation._time_averages import _by_quadrature

    ou = process(name)
    assert_allclose(ou.second_moment_variance(T), _by_quadrature(ou, T), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["unequal noise", "defective", "ringing", "one noisy state", "stiff"])
def test_average_limits(name: str) -> None:
    # Short window: the state itself. Long window: variance S(0)/T, the spectral density at zero frequency.
    ou = process(name)
    tau = 1.0 / np.min(np.linalg.eigvals(ou.drift).real)
    fastest = np.linalg.norm(ou.drift)
    x0 = np.cos(np.arange(ou.n))
    zero = ou.time_average(0.0, x0, wait=tau)
    assert_allclose(zero.mean, ou.mean_at(tau, x0), rtol=1e-13)
    assert_allclose(zero.covariance, ou.covariance_at(tau), rtol=1e-13)
    short = ou.time_average(1e-6 / fastest, x0, wait=tau)
    assert error(short.covariance, ou.covariance_at(tau)) < 1e-5
    T = 1e5 * tau
    # Next term of the expansion is of relative order tau/T, times the non-normality.
    assert error(ou.time_average(T).covariance * T, ou.cross_spectrum(np.zeros(1))[0].real) < 1e-3


@pytest.mark.parametrize("name", ["unequal noise", "defective", "ringing"])
def test_average_is_the_double_integral(name: str) -> None:
    # Var = (1/T^2) double integral of Cov(x(s), x(t)) from a point: Gauss nodes over the triangle.
    # Catches a start correlated wrongly with the window, and the wait ignored.
    ou, T, wait = process(name), 1.7, 0.4
    nodes, weights = np.polynomial.legendre.leggauss(24)
    u, w = (nodes + 1.0) / 2.0, weights / 2.0
    total = np.zeros((3, 3))
    for s, ws in zip(u * T, w * T, strict=True):
        own = ou.covariance_at(wait + s)
        for lag, wl in zip(u * (T - s), w * (T - s), strict=True):
            Phi = ou.mean_at(lag, np.eye(3) + ou.mean).T - ou.mean[:, None]
            total += ws * wl * (Phi @ own + (Phi @ own).T)
    law = ou.time_average(T, np.ones(3), wait=wait)
    assert error(law.covariance, total / T**2) < 1e-11
    mean = np.sum(w[:, None] * ou.mean_at(wait + u * T, np.ones(3)), axis=0)
    assert_allclose(law.mean, mean, rtol=1e-11)


def test_readout_samples() -> None:
    # z-score of the sampled covariance: relative error sqrt(2/N) of a variance.
    law = process("unequal noise").time_average(2.0)
    draws = law.sample(np.random.default_rng(0), 100_000)
    z = (draws.var(axis=0) / law.sd**2 - 1.0) / np.sqrt(2.0 / len(draws))
    assert np.max(np.abs(z)) < 4.5


def test_euler_maruyama_bias() -> None:
    # Euler-Maruyama is itself a linear map: stationary mean exact, variance times 2/(2 - h a). Chaining the map
    # 2^20 times must land there; catches a wrong order in `Transition.then` and `repeated`.
    from thermospice.behavioral.propagation import Transition

    ou, a = solver()
    h = 1.0 / a[-1]
    step = Transition(-h * ou.drift, h * ou.diffusion)
    end = step.repeated(2**20)
    w = np.linalg.eigvalsh(end.covariance)
    assert_allclose(np.sort(w), np.sort(KAPPA0 / a * 2.0 / (2.0 - h * a)), rtol=1e-11)
    assert_allclose(end.decay, 0.0, atol=1e-15)
    one, two = step.repeated(3).then(step.repeated(4)), step.repeated(7)
    assert_allclose(one.covariance, two.covariance, rtol=1e-12)
