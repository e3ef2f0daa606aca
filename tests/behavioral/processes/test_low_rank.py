"""Identity plus low rank equals the dense process, method by method."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from thermospice.behavioral import LowRankOrnsteinUhlenbeck, NotStationaryError, OrnsteinUhlenbeck

from .test_ornstein_uhlenbeck import error, spd


def pair(kind: str) -> tuple[LowRankOrnsteinUhlenbeck, OrnsteinUhlenbeck]:
    rng = np.random.default_rng(3)
    N, r = (7, 7) if kind == "full rank" else (9, 3)
    U, m = rng.standard_normal((N, r)), rng.standard_normal(N)
    if kind == "repeated column":
        U[:, 2] = U[:, 1]
    W = spd(r, 1)
    if kind == "not symmetric":
        W = W + np.triu(np.ones((r, r)), 1)
    K = spd(r, 2) if kind in ("coloured", "not symmetric") else None
    low = LowRankOrnsteinUhlenbeck(rate=0.6, U=U, W=W, mean=m, noise=0.3, K=K)
    Q = 0.3 * np.eye(N) + (0.0 if K is None else U @ K @ U.T)
    return low, OrnsteinUhlenbeck(drift=0.6 * np.eye(N) + U @ W @ U.T, mean=m, diffusion=Q)


KINDS = ["plain", "coloured", "not symmetric", "full rank", "repeated column"]
TIMES = np.array([0.0, 0.3, 2.0])


@pytest.mark.parametrize("kind", KINDS)
def test_moments_equal_the_dense_twin(kind: str) -> None:
    # Catches a basis that is not orthonormal, and a complement counted twice or not at all.
    low, dense = pair(kind)
    x0 = np.cos(np.arange(2.0 * low.n)).reshape(2, low.n)
    assert_allclose(low.mean_at(TIMES, x0), dense.mean_at(TIMES, x0), atol=1e-12)
    assert_allclose(low.mean_at(0.3, x0[0]), dense.mean_at(0.3, x0[0]), atol=1e-12)
    assert error(low.covariance_at(TIMES), dense.covariance_at(TIMES)) < 1e-12
    assert error(low.covariance_at(0.3), dense.covariance_at(0.3)) < 1e-12
    diagonal = np.diagonal(dense.covariance_at(TIMES), axis1=1, axis2=2)
    assert_allclose(low.variance_at(TIMES), diagonal, atol=1e-13)
    assert_allclose(low.variance_at(0.3), diagonal[1], atol=1e-13)
    assert error(low.stationary_covariance(), dense.stationary_covariance()) < 1e-12
    assert error(low.autocovariance(np.array([-0.4, 0.4])), dense.autocovariance(np.array([-0.4, 0.4]))) < 1e-12
    f, M = np.array([0.0, 0.2]), np.vstack([np.ones(low.n), np.arange(low.n)])
    assert error(low.psd(f), dense.psd(f)) < 1e-12
    assert error(low.psd(f, readout=M, sides=2), dense.psd(f, readout=M, sides=2)) < 1e-12
    for start in (None, x0[0]):
        one, other = low.time_average(1.3, start, wait=0.2), dense.time_average(1.3, start, wait=0.2)
        assert_allclose(one.mean, other.mean, atol=1e-12)
        assert error(one.covariance, other.covariance) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_density_equals_the_dense_twin(kind: str) -> None:
    # Catches the count of free directions in the normalisation.
    low, dense = pair(kind)
    times = np.array([0.1, 0.5, 0.6, 2.0])
    values = dense.sample(times, None, np.random.default_rng(1), paths=2)
    for options in ({}, {"x0": np.ones(low.n)}, {"given_first": True}):
        assert_allclose(low.log_prob(times, values, **options), dense.log_prob(times, values, **options), rtol=1e-10)
    assert_allclose(low.log_prob(times, values[0]), dense.log_prob(times, values[0]), rtol=1e-10)
    zero = np.array([0.0, 0.5])
    x0 = values[0, 0]
    assert_allclose(low.log_prob(zero, values[0, :2], x0=x0), dense.log_prob(zero, values[0, :2], x0=x0), rtol=1e-10)


@pytest.mark.parametrize("start", [True, False])
def test_paths_have_the_dense_law(start: bool) -> None:
    # Whitened by the dense density: quadratic forms are chi-square. Catches noise outside the span left in or out.
    low, dense = pair("coloured")
    x0 = np.linspace(-1.0, 1.0, low.n) if start else None
    times, paths = np.array([0.2, 0.9]), 20_000
    values = low.sample(times, x0, np.random.default_rng(2), paths=paths)
    for k, t in enumerate(times):
        mean = dense.mean if x0 is None else dense.mean_at(float(t), x0)
        covariance = dense.stationary_covariance() if x0 is None else dense.covariance_at(float(t))
        white = np.linalg.solve(np.linalg.cholesky(covariance), (values[:, k] - mean).T)
        off = (white @ white.T / paths - np.eye(low.n)) * np.sqrt(paths)
        assert np.max(np.abs(off)) < 5.0 * np.sqrt(2.0)
        assert np.max(np.abs(white.mean(axis=1))) * np.sqrt(paths) < 5.0
    lag = (values[:, 1] - values[:, 1].mean(axis=0)).T @ (values[:, 0] - values[:, 0].mean(axis=0)) / paths
    Phi = dense.mean_at(0.7, np.eye(low.n) + dense.mean).T - dense.mean[:, None]
    own = dense.stationary_covariance() if x0 is None else dense.covariance_at(0.2)
    assert np.max(np.abs(lag - Phi @ own)) < 6.0 * np.max(np.diag(dense.stationary_covariance())) / np.sqrt(paths)


def test_large_state() -> None:
    # 200,000 states: any (N, N) array would not fit. Null-space variance noise/(2 rate) (1 - exp(-2 rate t)).
    N, r = 200_000, 4
    U = np.random.default_rng(0).standard_normal((N, r)) / np.sqrt(N)
    low = LowRankOrnsteinUhlenbeck(rate=0.5, U=U, W=np.eye(r), mean=np.zeros(N), noise=0.1)
    x = low.sample(np.array([0.0, 1.0]), np.zeros(N), np.random.default_rng(1))[0, 1]
    expected = 0.1 / (2.0 * 0.5) * -np.expm1(-1.0)
    # Relative error sqrt(2/N) of the variance; the r directions of the span change it by r/N at most.
    assert abs(np.mean(x**2) / expected - 1.0) < 5.0 * np.sqrt(2.0 / N) + r / N
    assert_allclose(np.median(low.variance_at(1.0)), expected, rtol=1e-4)


def test_refusals() -> None:
    low = LowRankOrnsteinUhlenbeck(rate=0.0, U=np.eye(3, 1), W=np.eye(1), mean=np.zeros(3), noise=1.0)
    assert_allclose(low.covariance_at(2.0)[2, 2], 2.0, rtol=1e-14)
    with pytest.raises(NotStationaryError):
        low.stationary_covariance()
    with pytest.raises(ValueError, match="positive semidefinite"):
        LowRankOrnsteinUhlenbeck(rate=1.0, U=np.eye(3, 1), W=np.eye(1), mean=np.zeros(3), noise=-1.0)
    with pytest.raises(ValueError, match="r <= N"):
        LowRankOrnsteinUhlenbeck(rate=1.0, U=np.ones((1, 2)), W=np.eye(2), mean=np.zeros(1), noise=1.0)
