"""Bayesian regression: linear in its weights, or a Gaussian process, with bands that say how sure it is."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..._exceptions import ProblemError
from ...linear_algebra import LinearDevice
from ..systems import WINDOW, Bench, Bill, RefinedSystem, matrix, vector
from ._gaussian import GaussianProblem, Posterior


def linear_regression(X: object, y: object, noise_variance: float, prior_variance: float) -> GaussianProblem:
    """Weights `w ~ N(0, prior_variance)` of `y = X w + e`, `e ~ N(0, noise_variance)`.

    Args:
        X: (rows, weights); a column of ones is the intercept.
        y: (rows,).
        noise_variance, prior_variance: above zero.

    Raises:
        ProblemError: shapes that do not fit, or a variance that is not positive.
    """
    design = matrix("X", X)
    _positive(noise_variance=noise_variance, prior_variance=prior_variance)
    rows, n = design.shape
    if rows == 0 or n == 0:
        raise ProblemError(f"X: expected rows and columns, got shape {design.shape}")
    return GaussianProblem(
        np.zeros(n), prior_variance * np.eye(n), design, noise_variance * np.eye(rows), vector("y", y, rows)
    )


def predicted(found: Posterior, X: object) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Mean and standard deviation of `X w`, the device's own error included; noise of the observations is not.

    Raises:
        ProblemError: other columns than weights.
    """
    rows = matrix("X", X, len(found.mean))
    variance = np.einsum("ij,jk,ik->i", rows, found.covariance, rows)
    # Errors of the entries may have one cause, the chip: they are added.
    variance = np.maximum(variance, 0.0) + np.einsum("ij,jk,ik->i", np.abs(rows), found.covariance_error, np.abs(rows))
    return rows @ found.mean, np.sqrt(variance + (np.abs(rows) @ found.mean_error) ** 2)


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """What a Gaussian process with the kernel `variance exp(-|x - x'|^2 / (2 length^2))` says of new points.

    Attributes:
        mean, standard_deviation: of the function at each of them, noise of the observations not included.
        mean_error, variance_error: bounds on how far the device is from the exact values.
        bill: what it cost.
    """

    mean: Float[np.ndarray, " points"]
    standard_deviation: Float[np.ndarray, " points"]
    mean_error: Float[np.ndarray, " points"]
    variance_error: Float[np.ndarray, " points"]
    bill: Bill


def gaussian_process(
    X: object,
    y: object,
    new: object,
    device: LinearDevice,
    rng: np.random.Generator,
    length: float = 1.0,
    variance: float = 1.0,
    noise_variance: float = 0.1,
    window: float = WINDOW,
) -> GaussianProcess:
    """Regression by a Gaussian process (Rasmussen and Williams, 2006, chapter 2): `K + noise_variance` on the device.

    One drive, refined in rounds, gives the mean at all points, and one for each of them its standard deviation.

    Args:
        X, y: (rows, features) and (rows,), the observations.
        new: (points, features).
        device: with a cell for each observation at least.
        rng: source of the noise.
        length: over which the function varies, in units of the features.
        variance: of the function.
        noise_variance: of the observations.
        window: of each readout, in slowest time constants.

    Raises:
        ProblemError: shapes that do not fit, or a number that is not positive.
        ProgramError: the device cannot hold the matrix.
    """
    seen = matrix("X", X)
    values = vector("y", y, len(matrix("X", X)))
    points = matrix("new", new, seen.shape[1])
    _positive(length=length, variance=variance, noise_variance=noise_variance)
    if len(seen) == 0:
        raise ProblemError("X: expected observations, got none")
    bench = Bench(device, rng, window)
    system = RefinedSystem.load(bench, _kernel(seen, seen, length, variance) + noise_variance * np.eye(len(seen)))
    across = _kernel(points, seen, length, variance)
    weights = system.solve(values)
    answers = [system.solve(row) for row in across]
    taken = np.array([row @ answer.value for row, answer in zip(across, answers, strict=True)])
    sizes = np.linalg.norm(across, axis=1)
    errors = sizes * np.array([answer.error for answer in answers])
    left = np.maximum(variance - taken, 0.0) + errors
    return GaussianProcess(across @ weights.value, np.sqrt(left), sizes * weights.error, errors, bench.bill)


def _kernel(
    X: Float[np.ndarray, "rows features"], Z: Float[np.ndarray, "columns features"], length: float, variance: float
) -> Float[np.ndarray, "rows columns"]:
    apart = ((X[:, None] - Z) ** 2).sum(axis=2)
    return np.asarray(variance * np.exp(-apart / (2 * length**2)))


def _positive(**numbers: float) -> None:
    for name, value in numbers.items():
        if not 0 < value < np.inf:
            raise ProblemError(f"{name}: expected a positive number, got {value}")
