"""Identifiability: which combinations of parameters the measurements leave as open as the tolerances do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

_MANY = 1000
"""Unknowns from which on all eigenvectors would take longer than the fit."""

_ACCURACY = 1e-8
"""Of the eigenvalues: three digits of a combination are shown."""

_ITERATIONS = 30
"""Restarts of Lanczos' iteration: a few separate eigenvalues take ten, and hundreds of equal ones, of which few records
tell nothing, are never told apart."""

_SHOWN = 0.05
"""Coefficients below this part of the largest one are left out of a combination."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A direction in the space of parameters that the data say (almost) nothing about.

    `weights` are its coefficients by parameter, largest first, in units of each parameter's tolerance and of unit
    length together: moving every parameter by `weight * tolerance` changes no measurement that was made. `open` is the
    part of the tolerance that is left, between 0.9 and 1.
    """

    weights: Mapping[str, float]
    open: float

    def __str__(self) -> str:
        terms = [f"{weight:+.2f} {name}" for name, weight in self.weights.items()]
        return " ".join(terms).removeprefix("+")


def open_combinations(
    covariance: Float[np.ndarray, "p p"], names: Sequence[str], limit: float
) -> tuple[Combination, ...]:
    """Directions whose posterior standard deviation is above `limit` of the prior's.

    They span a space of which no basis is singled out: pivoting on the parameter that lies in it most gives
    combinations of few parameters each, as Gaussian elimination does.
    """
    space = _above(covariance, limit**2)
    if not space.shape[1]:
        return ()
    # Columns of the transposed basis, pivoted by what is left of them: its triangular factor has the directions.
    R, pivots = scipy.linalg.qr(space.T, mode="r", pivoting=True)
    directions = np.empty_like(R)
    directions[:, pivots] = R * np.where(np.diag(R) < 0, -1.0, 1.0)[:, None]
    variances = np.sum((directions @ covariance) * directions, axis=1)
    return tuple(
        _combination(direction, float(np.sqrt(variance)), names)
        for direction, variance in zip(directions, variances, strict=True)
    )


def _above(covariance: Float[np.ndarray, "p p"], least: float) -> Float[np.ndarray, "p k"]:
    """Orthonormal eigenvectors of eigenvalues above `least`.

    Of many unknowns few are open: Lanczos' iteration finds those, and Cholesky's factor of what is left proves that
    there are no more.
    """
    p = len(covariance)
    if p >= _MANY:
        start = np.random.default_rng(0).standard_normal(p)
        for count in (4, 16, 64):
            try:
                values, vectors = scipy.sparse.linalg.eigsh(
                    covariance, count, which="LA", v0=start, tol=_ACCURACY, maxiter=_ITERATIONS
                )
            except scipy.sparse.linalg.ArpackNoConvergence:
                break
            if values.min() > least:
                continue
            space = vectors[:, values > least]
            left = least * np.eye(p) - covariance + (space * values[values > least]) @ space.T
            if not scipy.linalg.lapack.dpotrf(left, lower=1)[1]:
                return np.asarray(space)
            break
    return np.asarray(scipy.linalg.eigh(covariance, subset_by_value=(least, np.inf))[1])


def _combination(direction: Float[np.ndarray, " p"], left: float, names: Sequence[str]) -> Combination:
    order = np.argsort(-np.abs(direction), kind="stable")
    shown = [k for k in order if abs(direction[k]) >= _SHOWN * abs(direction[order[0]])]
    return Combination({names[k]: float(direction[k]) for k in shown}, left)
