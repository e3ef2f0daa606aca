"""A start that is settled already in the slowest modes, so that the others set the time."""

from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
import scipy
from jaxtyping import Float

from .._exceptions import LinearAlgebraError

_FEW = 3
"""Lanczos finds fewer modes than there are cells, by one at least; of smaller matrices all are computed."""


@dataclass(frozen=True, eq=False)
class Deflation:
    """The slowest modes of a symmetric A, and starts in which they are settled (arXiv 2603.24183).

    Attributes:
        A: symmetric positive definite.
        rates: the k smallest eigenvalues and the next one, which sets the time of a deflated start.
        modes: eigenvectors of the first k.
        products: of A and a vector that Lanczos took: the digital cost, 2 n^2 operations each.
    """

    A: Float[np.ndarray, "n n"]
    rates: Float[np.ndarray, " k_and_one"]
    modes: Float[np.ndarray, "n k"]
    products: int

    @classmethod
    def of(cls, A: Float[np.ndarray, "n n"], k: int, rng: np.random.Generator) -> "Deflation":
        """The slowest modes, by Lanczos from a random vector.

        Raises:
            LinearAlgebraError: A is not symmetric, or k leaves no mode for the device.
        """
        n = len(A)
        if not 0 <= k < n:
            raise LinearAlgebraError(f"deflated: expected 0 to {n - 1} of {n} modes, got {k}")
        if np.abs(A - A.T).max() > 1e-12 * np.abs(A).max():
            raise LinearAlgebraError("deflated: expected a symmetric A, whose slowest modes are eigenvectors")
        if n < _FEW or k + 1 >= n - 1:
            w, V = np.linalg.eigh(A)
            return cls(A, w[: k + 1], V[:, :k], n)
        products = 0

        def product(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
            nonlocal products
            products += 1
            return np.asarray(A @ x)

        operator = scipy.sparse.linalg.LinearOperator((n, n), matvec=product, dtype=float)
        w, V = scipy.sparse.linalg.eigsh(operator, k + 1, which="SA", v0=rng.standard_normal(n), tol=1e-10)
        order = np.argsort(w)
        return cls(A, w[order], V[:, order[:k]], products)

    @property
    def slowest_left(self) -> float:
        """The rate [1/tau] at which a deflated start relaxes."""
        return float(self.rates[-1])

    def mean(self, b: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """`sum_i u_i u_i'b / a_i` over the slowest modes [V]."""
        return np.asarray(self.modes @ (self.modes.T @ b / self.rates[:-1]))

    def covariance(self, kappa: float) -> Float[np.ndarray, "n n"]:
        """`sum_i kappa/a_i u_i u_i'` [V^2]."""
        return np.asarray(kappa * (self.modes / self.rates[:-1]) @ self.modes.T)

    def spread(self, kappa: float, runs: int, rng: np.random.Generator) -> Float[np.ndarray, "runs n"]:
        """Deviations of each run's start from the mean [V], with that covariance."""
        return np.asarray(
            (np.sqrt(kappa / self.rates[:-1]) * rng.standard_normal((runs, self.modes.shape[1]))) @ self.modes.T
        )

    def foreseen_burn_in(self, left: float) -> float:
        """Time [tau] until a part `left` of the covariance is missing: `ln(E0/left) / (2 a_(k+1))`."""
        return max(log(self._missing_at_start / left), 0.0) / (2 * self.slowest_left)

    @cached_property
    def _missing_at_start(self) -> float:
        C = np.linalg.inv(self.A)
        return float(np.linalg.norm(C - self.covariance(1.0)) / np.linalg.norm(C))

    def burn_in(self, left: float) -> float:
        """The same time [tau] by the law of the device, `S' = -(A S + S A) + 2 kappa`, from the deflated start.

        In the modes of A it is a sum of decays, of which the root is found.
        """
        a = np.linalg.eigvalsh(self.A)[len(self.rates) - 1 :]
        size = float(np.linalg.norm(1 / np.linalg.eigvalsh(self.A)))

        def missing(t: float) -> float:
            return float(np.linalg.norm(np.exp(-2 * a * t) / a)) / size - left

        if missing(0.0) <= 0:
            return 0.0
        return float(scipy.optimize.brentq(missing, 0.0, 2 * self.foreseen_burn_in(left) + 1.0))
