"""Gaussian posteriors from a device: closed form, ranks of the truth, and intervals of drawn chips."""

import numpy as np
import pytest
import scipy.stats
from thermospice.behavioral import DeviceModel, ProblemError
from thermospice.behavioral.linear_algebra import Budget, IdealDevice, ModelDevice
from thermospice.behavioral.programs.bayesian import GaussianProblem, evidence, posterior, ranks, sampled
from thermospice.circuits import Crossbar, Design

N = 4


def problem(seed=0, n=N, k=6):
    rng = np.random.default_rng(seed)
    B, H = rng.standard_normal((n, n)), rng.standard_normal((k, n))
    R = np.diag(rng.uniform(0.5, 2, k))
    return GaussianProblem(rng.standard_normal(n), B @ B.T + np.eye(n), H, R, 3 * rng.standard_normal(k))


def chip(n, seed):
    instance = Design.preset("board-1k-1n").sample(Crossbar(n), np.random.default_rng(seed))
    return ModelDevice(DeviceModel.nominal(instance))


def conditioned(given):
    """The posterior by conditioning the joint Gaussian of x and y, without any precision."""
    S = given.H @ given.P @ given.H.T + given.R
    gain = given.P @ given.H.T @ np.linalg.inv(S)
    return given.m + gain @ (given.y - given.H @ given.m), given.P - gain @ given.H @ given.P


def test_mean_and_covariance_are_those_of_the_joint_law():
    given = problem()
    mean, covariance = conditioned(given)
    found = posterior(given, IdealDevice(), np.random.default_rng(0), way="drives")
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, rtol=0, atol=1e-9)
    assert found.mean_error.max() < 1e-9


def test_prior_and_likelihood_are_two_networks_whose_conductances_add():
    given = problem()
    data = given.H.T @ np.linalg.inv(given.R)
    np.testing.assert_allclose(given.prior.A + data @ given.H, given.A)
    np.testing.assert_allclose(given.prior.b + data @ given.y, given.b)


@pytest.mark.parametrize("size", [4, 6])
def test_a_chip_gives_mean_and_covariance_within_its_error_bars(size):
    given = problem()
    mean, covariance = conditioned(given)
    found = posterior(given, chip(size, 1), np.random.default_rng(0), Budget(50.0, 24))
    assert np.abs((found.mean - mean) / found.mean_error).max() < 4
    # Ten entries, t of 23 degrees of freedom beside the chip's own deviation.
    assert np.abs((found.covariance - covariance) / found.covariance_error).max() < 4
    by_drives = posterior(given, chip(size, 1), np.random.default_rng(0), way="drives")
    np.testing.assert_allclose(by_drives.mean, mean, atol=1e-8)
    np.testing.assert_allclose(by_drives.covariance, covariance, atol=1e-8)


def test_without_injected_noise_there_is_no_posterior():
    # Catches the covariance kT/C of a passive network, taken for the inverse of its conductances.
    with pytest.raises(ProblemError, match=r"kappa: .*kT/C"):
        posterior(problem(), IdealDevice(), np.random.default_rng(0), Budget(kappa=0.0))


def test_evidence_is_the_density_of_the_data():
    given = problem()
    found = posterior(given, IdealDevice(), np.random.default_rng(0))
    value, error = evidence(given, found, IdealDevice(), np.random.default_rng(1), Budget(100.0, 16))
    S = given.H @ given.P @ given.H.T + given.R
    right = scipy.stats.multivariate_normal(given.H @ given.m, S).logpdf(given.y)
    assert abs(value - right) < 4 * error
    assert error < 0.1


SAMPLES, DRAWS = 49, 1000
# Four unknowns that are independent of each other, so that their ranks are one sample of 4000.
APART = GaussianProblem(
    np.ones(4), np.diag([1.0, 2.0, 0.5, 1.0]), np.eye(4), np.diag([1.0, 0.5, 2.0, 3.0]), np.zeros(4)
)


def p_value(found):
    """Of the hypothesis that ranks are uniform: of the ranks, and of how far they are from the middle."""
    spread = (found + np.random.default_rng(5).random(found.shape)) / (SAMPLES + 1)
    return min(scipy.stats.kstest(np.ravel(x), "uniform").pvalue for x in (spread, np.abs(2 * spread - 1)))


def test_ranks_of_the_truth_are_uniform():
    assert p_value(ranks(APART, IdealDevice(), DRAWS, SAMPLES, np.random.default_rng(2))) > 0.01


@pytest.mark.slow
def test_ranks_of_unknowns_that_depend_on_each_other_are_uniform_too():
    found = ranks(problem(n=2, k=3), IdealDevice(), 300, SAMPLES, np.random.default_rng(2))
    assert min(p_value(column) for column in found.T) > 0.01


def test_ranks_show_a_covariance_that_is_wrong_by_ten_percent():
    # The tests above would be worth nothing if they passed this: injected noise of 1.1 times the strength.
    class Loud:
        answer = "mean"

        def load(self, program, kappa=None, rounding=None):
            return IdealDevice().load(program, 1.1 * kappa)

    assert p_value(ranks(APART, Loud(), DRAWS, SAMPLES, np.random.default_rng(2))) < 0.01


def test_samples_have_the_posterior_as_their_law():
    given = problem()
    mean, covariance = conditioned(given)
    drawn = sampled(given, IdealDevice(), 4000, np.random.default_rng(0))
    z = (drawn - mean) @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    # Squares of 4000 times 4 standard normals: their mean is one within sqrt(2/16000) = 1.1 %.
    assert np.mean(z**2) == pytest.approx(1.0, abs=4 * 0.011)
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(4000)


def test_an_interval_knows_of_the_chip_as_well():
    given = problem()
    found = posterior(given, chip(N, 1), np.random.default_rng(0), Budget(50.0, 8))
    low, high = found.interval(0.95)
    width = (high - low) / (2 * 1.959964)
    variance = np.diag(found.covariance) + np.diag(found.covariance_error) + found.mean_error**2
    np.testing.assert_allclose(width**2, variance, rtol=1e-6)
    assert (found.mean_error > 1e-3 * np.abs(found.mean)).all()


@pytest.mark.slow
def test_credible_intervals_of_drawn_chips_hold_what_they_say():
    # The truth is drawn from the prior, data from the truth, and a chip with 1 % resistors finds the posterior.
    inside = []
    for seed in range(40):
        rng = np.random.default_rng([seed, 1])
        given = problem(seed, n=2, k=3)
        x = given.m + np.linalg.cholesky(given.P) @ rng.standard_normal(2)
        y = given.H @ x + np.sqrt(np.diag(given.R)) * rng.standard_normal(3)
        given = GaussianProblem(given.m, given.P, given.H, given.R, y)
        low, high = posterior(given, chip(2, seed), rng, Budget(30.0, 12)).interval(0.9)
        inside.append((low < x) & (x < high))
    # 80 values in pairs: sqrt(0.1 * 0.9/40) = 4.7 % at worst.
    assert np.mean(inside) == pytest.approx(0.9, abs=3 * 0.047)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"P": np.diag([1.0, 0.0])}, "P: expected a positive definite"),
        ({"P": [[1.0, 0.5], [0.0, 1.0]]}, "P: expected a symmetric"),
        ({"R": [[-1.0]]}, "R: expected a positive definite"),
        ({"H": [[1.0, 2.0, 3.0]]}, "H: expected rows of 2"),
        ({"y": [1.0, 2.0]}, "y: expected 1 values"),
        ({"m": [np.nan, 0.0]}, "m: expected finite"),
    ],
)
def test_what_is_no_gaussian_problem_is_refused(change, message):
    plain = {"m": [0.0, 0.0], "P": np.eye(2), "H": [[1.0, 1.0]], "R": [[1.0]], "y": [1.0]}
    with pytest.raises(ProblemError, match=message):
        GaussianProblem(**{**plain, **change})


@pytest.mark.slow
def test_eight_unknowns_in_ngspice_agree_with_the_model():
    from thermospice.netlists import SpiceDevice

    given = problem(3, n=8, k=10)
    mean, covariance = conditioned(given)
    device = SpiceDevice(Design.preset("board-1k-1n").nominal(Crossbar(8)), "ideal")
    found = posterior(given, device, np.random.default_rng(0), Budget(2.0, 8))
    # Forty-four numbers, t of 7 degrees of freedom: beyond 7 once in 5000.
    assert np.abs((found.mean - mean) / np.hypot(found.mean_error, 1e-3 * np.abs(mean).max())).max() < 7
    assert np.abs((found.covariance - covariance) / found.covariance_error).max() < 7
