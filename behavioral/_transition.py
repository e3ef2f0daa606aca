"""Exact Gaussian transitions of a linear SDE by doubling: no eigenvectors, no growing exponential."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float

# Taylor's remainder (2 * 0.25)^15 / 16! is 1e-18: below rounding.
_SHORT = 0.25
_TERMS = 15


@dataclass(frozen=True, eq=False)
class Transition:
    """The Gaussian map `y -> Phi y + N(0, Sigma)`, with `change = Phi - 1` and `covariance = Sigma`.

    `Phi - 1` is kept instead of `Phi`: short steps then keep all their digits through many doublings.
    """

    change: Float[np.ndarray, "n n"]
    covariance: Float[np.ndarray, "n n"]

    @property
    def decay(self) -> Float[np.ndarray, "n n"]:
        return self.change + np.eye(len(self.change))

    def then(self, later: "Transition") -> "Transition":
        """This map, followed by `later`."""
        E, Phi = later.change, later.decay
        covariance = later.covariance + Phi @ self.covariance @ Phi.T
        return Transition(self.change + E + E @ self.change, (covariance + covariance.T) / 2)

    def repeated(self, times: int) -> "Transition":
        """This map `times` times over, by binary powers: `O(n^3 log times)`."""
        if times < 0:
            raise ValueError(f"repeated: expected a count of at least 0, got {times}.")
        result, power = identity(len(self.change)), self
        while times:
            if times & 1:
                result = result.then(power)
            times >>= 1
            if times:
                power = power.then(power)
        return result


def identity(n: int) -> Transition:
    return Transition(np.zeros((n, n)), np.zeros((n, n)))


def norm_bound(F: Float[np.ndarray, "n n"]) -> float:
    """An upper bound of the 2-norm, from the 1- and infinity-norms."""
    return math.sqrt(float(np.linalg.norm(F, 1)) * float(np.linalg.norm(F, np.inf)))


def doublings(F: Float[np.ndarray, "n n"], t: float) -> int:
    """How often `t` must be halved before the Taylor step is exact to rounding."""
    size = norm_bound(F) * t
    return max(0, math.ceil(math.log2(size / _SHORT))) if size > 0.0 else 0


def short_step(F: Float[np.ndarray, "n n"], Q: Float[np.ndarray, "n n"], h: float) -> Transition:
    """Taylor series of `exp(-F h)` and of the noise integral, for `|F| h <= 0.25`."""
    E, covariance = np.zeros_like(F), np.zeros_like(F)
    power, moment = np.eye(len(F)), Q * h
    for k in range(1, _TERMS + 1):
        power = F @ power * (-h / k)
        E += power
        covariance += moment
        # S' = -(F S + S F^T): the derivatives of exp(-F s) Q exp(-F^T s) at s = 0.
        half = F @ moment * (-h / (k + 1))
        moment = half + half.T
    return Transition(E, covariance)


def balance(F: Float[np.ndarray, "n n"]) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, " n"]]:
    """`T^-1 F T` and the diagonal of T: powers of two, so that states of unlike units cost no rounding."""
    balanced, (scale, _) = scipy.linalg.matrix_balance(F, permute=False, separate=True)
    return np.ascontiguousarray(balanced), np.asarray(scale, dtype=float)


def transition(F: Float[np.ndarray, "n n"], Q: Float[np.ndarray, "n n"], t: float) -> Transition:
    """The exact step over `t` of `dy = -F y dt + N(0, Q dt)`, for any square F (also singular or unstable).

    Equivalent to Van Loan's block exponential (IEEE Trans. Autom. Control 23, 1978), but the covariance is a
    sum of positive terms, `Sigma(2h) = Sigma(h) + Phi(h) Sigma(h) Phi(h)^T`: nothing grows and nothing cancels.
    """
    balanced, scale = balance(F)
    outer = np.outer(scale, scale)
    k = doublings(balanced, t)
    step = short_step(balanced, Q / outer, t / 2.0**k)
    for _ in range(k):
        step = step.then(step)
    return Transition(step.change * scale[:, None] / scale, step.covariance * outer)


def decay_action(
    F: Float[np.ndarray, "n n"], times: Float[np.ndarray, " times"], y: Float[np.ndarray, "batch n"]
) -> Float[np.ndarray, "batch times n"]:
    """`exp(-F t) y` for all times and vectors at once.

    Every time is a binary multiple of one short step plus a rest shorter than it: the powers are squared up
    once and applied to all times that contain them, so many irregular times cost matrix products only.
    """
    balanced, scale = balance(F)
    k = doublings(balanced, float(times.max(initial=0.0)))
    h = float(times.max(initial=0.0)) / 2.0**k
    count = np.floor(times / h).astype(np.int64) if h > 0.0 else np.zeros(len(times), dtype=np.int64)
    rest = times - count * h
    start = y / scale
    result = np.repeat(start[:, None, :], len(times), axis=1)
    term = result
    for j in range(1, _TERMS + 1):
        term = (term @ balanced.T) * (-rest / j)[:, None]
        result = result + term
    E = short_step(balanced, np.zeros_like(balanced), h).change
    while np.any(count):
        odd = (count & 1).astype(bool)
        result[:, odd] += result[:, odd] @ E.T
        count >>= 1
        E = 2.0 * E + E @ E
    scaled: Float[np.ndarray, "batch times n"] = result * scale
    return scaled
