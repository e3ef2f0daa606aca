"""Regressions and filters on a device, against scikit-learn, the covariance form, and a stored Monte Carlo run."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import BayesianRidge, LogisticRegression
from thermospice.behavioral import DeviceModel, ProblemError
from thermospice.behavioral.linear_algebra import IdealDevice, ModelDevice
from thermospice.behavioral.programs.bayesian import (
    StateModel,
    exact_filter,
    gaussian_process,
    kalman,
    laplace,
    linear_regression,
    posterior,
    predicted,
)
from thermospice.circuits import Crossbar, Design

from .logistic_by_hmc import data

RNG = np.random.default_rng


def chip(n, level="macro"):
    instance = Design.preset("board-1k-1n").sample(Crossbar(n), RNG(1))
    return ModelDevice(DeviceModel.nominal(instance, level), converters=True)


DEVICES = {"ideal": lambda n: IdealDevice(), "chip": chip}


def diabetes(columns=4):
    X, y = load_diabetes(return_X_y=True)
    X = X[:, :columns]
    return (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()


@pytest.mark.parametrize("kind", DEVICES)
def test_linear_regression_is_that_of_scikit_learn(kind):
    X, y = diabetes()
    # Without iterations of its hyperparameters BayesianRidge is the posterior for alpha_init and lambda_init.
    reference = BayesianRidge(max_iter=1, alpha_init=2.0, lambda_init=1.0, fit_intercept=False).fit(X, y)
    noise, prior = 1 / reference.alpha_, 1 / reference.lambda_
    found = posterior(linear_regression(X, y, noise, prior), DEVICES[kind](4), RNG(0), way="drives")
    right = np.linalg.inv(X.T @ X / noise + np.eye(4) / prior)
    np.testing.assert_allclose(found.covariance, right, atol=1e-9)
    np.testing.assert_allclose(found.mean, right @ X.T @ y / noise, atol=1e-9)
    mean, sd = predicted(found, X[:5])
    np.testing.assert_allclose(mean, X[:5] @ found.mean)
    np.testing.assert_allclose(sd, np.sqrt(np.diag(X[:5] @ right @ X[:5].T)), rtol=1e-6)


def test_bands_of_real_data_hold_what_they_say():
    X, y = diabetes(10)
    seen, others = slice(0, 300), slice(300, None)
    noise = float(np.var(y[seen] - X[seen] @ np.linalg.lstsq(X[seen], y[seen])[0], ddof=10))
    found = posterior(linear_regression(X[seen], y[seen], noise, 1.0), chip(10), RNG(0), way="drives")
    mean, sd = predicted(found, X[others])
    share = np.mean(np.abs(y[others] - mean) < 1.6449 * np.hypot(sd, np.sqrt(noise)))
    # 142 patients: sqrt(0.1 * 0.9/142) = 2.5 %.
    assert share == pytest.approx(0.9, abs=3 * 0.025)


@pytest.mark.parametrize("kind", DEVICES)
def test_a_gaussian_process_is_that_of_scikit_learn(kind):
    X, y = diabetes(3)
    X, y, new = X[:12, 2:], y[:12], np.linspace(-2, 2, 5)[:, None]
    reference = GaussianProcessRegressor(RBF(0.8, "fixed"), alpha=0.5, optimizer=None).fit(X, y)
    mean, sd = reference.predict(new, return_std=True)
    found = gaussian_process(X, y, new, DEVICES[kind](12), RNG(0), length=0.8, noise_variance=0.5)
    assert (np.abs(found.mean - mean) <= found.mean_error + 1e-12).all()
    np.testing.assert_allclose(found.mean, mean, atol=1e-7)
    np.testing.assert_allclose(found.standard_deviation, sd, atol=1e-6)


def model():
    return StateModel(
        [[1, 0.1], [0, 1]], np.diag([1e-4, 1e-3]), [[1.0, 0.0]], [[0.05]], [0.5, 0.0], np.diag([1.0, 2.0])
    )


def batch(state: StateModel, rows):
    """Mean and covariance of the last state by one large Gaussian over all steps, without any recursion."""
    n, steps = len(state.m), len(rows)
    mean, P = [state.m], np.zeros((n * steps, n * steps))
    own = state.P
    for k in range(steps):
        if k:
            mean.append(state.F @ mean[-1])
            own = state.F @ own @ state.F.T + state.Q
        block = own
        for j in range(k, steps):
            P[n * j : n * j + n, n * k : n * k + n] = block
            P[n * k : n * k + n, n * j : n * j + n] = block.T
            block = state.F @ block
    H = np.kron(np.eye(steps), state.H)
    S = H @ P @ H.T + np.kron(np.eye(steps), state.R)
    gain = P @ H.T @ np.linalg.inv(S)
    m = np.concatenate(mean)
    return (m + gain @ (np.ravel(rows) - H @ m))[-n:], (P - gain @ H @ P)[-n:, -n:]


@pytest.mark.parametrize("kind", DEVICES)
def test_a_filter_is_one_large_gaussian(kind):
    rows = 0.1 * np.cumsum(RNG(0).standard_normal((12, 1)), axis=0)
    found = kalman(model(), rows, DEVICES[kind](2), RNG(0))
    mean, covariance = batch(model(), rows)
    np.testing.assert_allclose(found.means[-1], mean, atol=1e-8)
    np.testing.assert_allclose(found.covariances[-1], covariance, atol=1e-8)
    means, covariances = exact_filter(model(), rows)
    np.testing.assert_allclose(found.means, means, atol=1e-8)
    np.testing.assert_allclose(found.covariances, covariances, atol=1e-8)
    assert (np.linalg.norm(found.means - means, axis=1) <= found.mean_errors + 1e-14).all()
    assert found.bill.loads == len(rows)


# What logistic_by_hmc.py prints: 20,000 draws of four chains, R-hat at most 1.004.
HMC_MEAN = np.array([0.7475, -1.2167, -0.871, -0.4348])
HMC_SD = np.array([0.1082, 0.1261, 0.1387, 0.1279])
HMC_CORRELATION_01 = -0.00364 / (0.1082 * 0.1261)


@pytest.mark.parametrize("kind", DEVICES)
def test_logistic_regression_has_the_mode_and_nearly_the_law_of_a_long_monte_carlo_run(kind):
    X, y = data()
    found = laplace(X, y, DEVICES[kind](4), RNG(0), prior_variance=1.0)
    assert found.settled
    mode = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=1000).fit(X, y).coef_[0]
    np.testing.assert_allclose(found.posterior.mean, mode, atol=1e-5)
    # A Gaussian about the mode of a posterior of 569 points: skewness moves the mean by a tenth of its width, and
    # the run itself is known to a twentieth.
    assert np.abs((found.posterior.mean - HMC_MEAN) / HMC_SD).max() < 0.2
    np.testing.assert_allclose(np.sqrt(np.diag(found.posterior.covariance)), HMC_SD, rtol=0.05)
    sd = np.sqrt(np.diag(found.posterior.covariance))
    # A correlation of effectively a thousand draws is known to 3 %.
    assert found.posterior.covariance[0, 1] / (sd[0] * sd[1]) == pytest.approx(HMC_CORRELATION_01, abs=0.06)
    np.testing.assert_array_equal(found.probability(X) > 0.5, X @ found.posterior.mean > 0)


def test_a_few_points_of_one_kind_have_a_mode_thanks_to_the_prior():
    # Separable points have no mode without a prior; Newton's steps must not run away with a weak one.
    found = laplace([[1.0, -2.0], [1.0, 3.0]], [0.0, 1.0], IdealDevice(), RNG(0), prior_variance=1e4)
    assert found.settled
    assert np.isfinite(found.posterior.mean).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: laplace([[1.0]], [1.0], IdealDevice(), RNG(0)), "two classes, got 1"),
        (lambda: laplace([[1.0], [2.0]], [0.0, 1.0], IdealDevice(), RNG(0), prior_variance=0.0), "prior_variance"),
        (lambda: linear_regression([[1.0]], [1.0], 0.0, 1.0), "noise_variance: expected a positive"),
        (lambda: linear_regression(np.zeros((0, 2)), [], 1.0, 1.0), "X: expected rows"),
        (lambda: gaussian_process([[1.0]], [1.0, 2.0], [[1.0]], IdealDevice(), RNG(0)), "y: expected 1 values"),
        (lambda: gaussian_process([[1.0]], [1.0], [[1.0, 2.0]], IdealDevice(), RNG(0)), "new: expected rows of 1"),
        (lambda: gaussian_process([[1.0]], [1.0], [[1.0]], IdealDevice(), RNG(0), length=0.0), "length"),
        (lambda: kalman(model(), np.zeros((0, 1)), IdealDevice(), RNG(0)), "observations: expected at least one"),
        (lambda: kalman(model(), [[1.0, 2.0]], IdealDevice(), RNG(0)), "observations: expected rows of 1"),
        (lambda: StateModel(np.ones((2, 3)), 0, 0, 0, 0, 0), "F: expected a square"),
        (lambda: StateModel(np.eye(1), [[-1.0]], [[1.0]], [[1.0]], [0.0], [[1.0]]), "Q: expected no negative"),
    ],
)
def test_what_cannot_be_inferred_is_refused(call, message):
    with pytest.raises(ProblemError, match=message):
        call()
