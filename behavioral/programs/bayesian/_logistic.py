"""Bayesian logistic regression: the mode by Newton steps on a device, and a Gaussian there (Laplace)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit, log_expit

from ..._exceptions import ProblemError
from ...linear_algebra import LinearDevice
from ..systems import WINDOW, Bench, RefinedSystem, matrix, vector
from ._gaussian import Posterior

ITERATIONS = 100
_SHORTEST = 1e-12


@dataclass(frozen=True, eq=False)
class Logistic:
    """A Gaussian about the mode of the posterior.

    Attributes:
        posterior: of the weights; of the true posterior, which is skew, it has the mode and the curvature there.
        gradient: of the log posterior at the mode, largest entry, over the size of its terms.
        iterations: Newton steps.
        settled: whether the gradient is within the tolerance.
    """

    posterior: Posterior
    gradient: float
    iterations: int
    settled: bool

    def probability(self, X: object) -> Float[np.ndarray, " rows"]:
        """Probability of the larger label, averaged over the Gaussian.

        By the probit approximation (MacKay, Neural Comput. 4, 1992).

        Raises:
            ProblemError: other columns than weights.
        """
        rows = matrix("X", X, len(self.posterior.mean))
        variance = np.einsum("ij,jk,ik->i", rows, self.posterior.covariance, rows)
        return np.asarray(expit(rows @ self.posterior.mean / np.sqrt(1 + np.pi * np.maximum(variance, 0.0) / 8)))


def laplace(
    X: object,
    labels: object,
    device: LinearDevice,
    rng: np.random.Generator,
    prior_variance: float = 1.0,
    tolerance: float = 1e-8,
    window: float = WINDOW,
) -> Logistic:
    """Weights `w ~ N(0, prior_variance)` of `P(larger label) = 1/(1 + exp(-x'w))`.

    Every Newton step loads `X' W X + 1/prior_variance` and drives it with the gradient; at the mode the columns of
    its inverse are the covariance.

    Args:
        X: (rows, weights); a column of ones is the intercept.
        labels: (rows,), two different numbers.
        device: with a cell for each weight at least.
        rng: source of the noise.
        prior_variance: of each weight.
        tolerance: of the gradient, relative.
        window: of each readout, in slowest time constants.

    Raises:
        ProblemError: not two classes, or a number that is not positive.
        ProgramError: the device cannot hold the curvature.
    """
    rows = matrix("X", X)
    given = vector("labels", labels, len(rows))
    classes = np.unique(given)
    if len(classes) != 2:
        raise ProblemError(f"labels: expected two classes, got {len(classes)}")
    for name, value in (("prior_variance", prior_variance), ("tolerance", tolerance)):
        if not 0 < value < np.inf:
            raise ProblemError(f"{name}: expected a positive number, got {value}")
    target = (given == classes[1]).astype(float)
    bench = Bench(device, rng, window)
    w = np.zeros(rows.shape[1])
    iterations = 0
    system, gradient, size = _loaded(bench, rows, target, w, prior_variance)
    while gradient > tolerance * size and iterations < ITERATIONS:
        step = system.solve(_gradient(rows, target, w, prior_variance)).value
        w = w + _length(rows, target, w, step, prior_variance) * step
        iterations += 1
        system, gradient, size = _loaded(bench, rows, target, w, prior_variance)
    covariance, error = system.inverse()
    n = len(w)
    # Newton's step is how far the mode is, to first order.
    missed = np.abs(covariance) @ np.abs(_gradient(rows, target, w, prior_variance))
    found = Posterior(w, covariance, missed, np.full((n, n), error), bench.bill)
    return Logistic(found, gradient / size, iterations, gradient <= tolerance * size)


def _loaded(
    bench: Bench,
    X: Float[np.ndarray, "rows n"],
    target: Float[np.ndarray, " rows"],
    w: Float[np.ndarray, " n"],
    prior: float,
) -> tuple[RefinedSystem, float, float]:
    """The curvature on the device, the largest entry of the gradient, and the size of its terms."""
    p = expit(X @ w)
    A = X.T @ ((p * (1 - p))[:, None] * X) + np.eye(len(w)) / prior
    size = float((np.abs(X).T @ np.abs(target - p)).max() + np.abs(w).max() / prior)
    gradient = float(np.abs(_gradient(X, target, w, prior)).max())
    return RefinedSystem.load(bench, A), gradient, max(size, np.finfo(float).tiny)


def _gradient(
    X: Float[np.ndarray, "rows n"], target: Float[np.ndarray, " rows"], w: Float[np.ndarray, " n"], prior: float
) -> Float[np.ndarray, " n"]:
    return np.asarray(X.T @ (target - expit(X @ w)) - w / prior)


def log_posterior(
    X: Float[np.ndarray, "rows n"], target: Float[np.ndarray, " rows"], w: Float[np.ndarray, " n"], prior: float
) -> float:
    """Up to a constant; `target` is one for the larger label and zero for the other."""
    signs = 2 * target - 1
    return float(log_expit(signs * (X @ w)).sum() - w @ w / (2 * prior))


def _length(
    X: Float[np.ndarray, "rows n"],
    target: Float[np.ndarray, " rows"],
    w: Float[np.ndarray, " n"],
    step: Float[np.ndarray, " n"],
    prior: float,
) -> float:
    """One, or as many times half of it as the posterior asks for."""
    before = log_posterior(X, target, w, prior)
    length = 1.0
    while log_posterior(X, target, w + length * step, prior) < before and length > _SHORTEST:
        length /= 2
    return length
