"""Exact Gaussian transitions of a linear SDE by doubling: no eigenvectors, no growing exponential."""

import math
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

# Taylor's remainder (2 * 0.25)^15 / 16! is 1e-18: below rounding.
_SHORT = 0.25
_TERMS = 15


def transposed(A: Float[np.ndarray, "*batch n m"]) -> Float[np.ndarray, "*batch m n"]:
    return np.swapaxes(A, -1, -2)


@dataclass(frozen=True, eq=False)
class Transition:
    """The Gaussian map `y -> Phi y + N(0, Sigma)`, with `change = Phi - 1` and `covariance = Sigma`.

    `Phi - 1` is kept instead of `Phi`: short steps then keep all their digits through many doublings.
    """

    change: Float[np.ndarray, "*batch n n"]
    covariance: Float[np.ndarray, "*batch n n"]

    @property
    def decay(self) -> Float[np.ndarray, "*batch n n"]:
        return self.change + np.eye(self.change.shape[-1])

    def then(self, later: "Transition") -> "Transition":
        """This map, followed by `later`."""
        E = later.change
        Phi = later.decay
        covariance = later.covariance + Phi @ self.covariance @ transposed(Phi)
        return Transition(self.change + E + E @ self.change, (covariance + transposed(covariance)) / 2)

    def repeated(self, times: int) -> "Transition":
        """This map `times` times over, by binary powers: `O(n^3 log times)`."""
        if times < 0:
            raise ValueError(f"repeated: expected a count of at least 0, got {times}.")
        result = Transition(np.zeros_like(self.change), np.zeros_like(self.covariance))
        power = self
        while times:
            if times & 1:
                result = result.then(power)
            times >>= 1
            if times:
                power = power.then(power)
        return result


def doublings(F: Float[np.ndarray, "*chips n n"], t: float) -> int:
    """How often `t` must be halved before the Taylor step is exact to rounding."""
    # An upper bound of the 2-norm.
    columns, rows = (np.abs(F).sum(axis=axis).max(axis=-1) for axis in (-2, -1))
    size = t * math.sqrt(float(np.max(columns * rows)))
    return max(0, math.ceil(math.log2(size / _SHORT))) if size > 0.0 else 0


def taylor_terms(
    F: Float[np.ndarray, "*chips n n"], Q: Float[np.ndarray, "*chips n n"], h: Float[np.ndarray, " times"]
) -> tuple[list[Float[np.ndarray, "batch n n"]], list[Float[np.ndarray, "batch n n"]]]:
    """The terms of `exp(-F h) - 1` and of the noise integral, for `|F| h <= 0.25`."""
    step = h[:, None, None]
    powers = [-step * F]
    moments = [step * Q]
    for k in range(2, _TERMS + 1):
        powers.append((F @ powers[-1]) * (-step / k))
        # S' = -(F S + S F^T): the derivatives of exp(-F s) Q exp(-F^T s) at s = 0.
        half = (F @ moments[-1]) * (-step / k)
        moments.append(half + transposed(half))
    return powers, moments


def balance(F: Float[np.ndarray, "*chips n n"]) -> tuple[Float[np.ndarray, "*chips n n"], Float[np.ndarray, " n"]]:
    """`T^-1 F T` and the diagonal of T: powers of two, so that states of unlike units cost no rounding."""
    # Chips of one stack differ by their mismatch only: the first one's units serve all.
    _, (scale, _) = scipy.linalg.matrix_balance(F.reshape(-1, *F.shape[-2:])[0], permute=False, separate=True)
    return np.ascontiguousarray(F * scale / scale[:, None]), np.asarray(scale, dtype=float)


def transitions(
    F: Float[np.ndarray, "*chips n n"], Q: Float[np.ndarray, "*chips n n"], times: Float[np.ndarray, " times"]
) -> Transition:
    """The exact steps over `times` of `dy = -F y dt + N(0, Q dt)`, for any square F (also singular or unstable).

    One F and many times, or stacks F and Q (chips, n, n) and one time.

    Equivalent to Van Loan's block exponential (IEEE Trans. Autom. Control 23, 1978), but the covariance is a
    sum of positive terms, `Sigma(2h) = Sigma(h) + Phi(h) Sigma(h) Phi(h)^T`: nothing grows and nothing cancels.
    """
    balanced, scale = balance(F)
    outer = np.outer(scale, scale)
    k = doublings(balanced, float(times.max(initial=0.0)))
    powers, moments = taylor_terms(balanced, Q / outer, times / 2.0**k)
    # Small terms first, so that they are not rounded away.
    step = Transition(sum(powers[::-1], np.zeros(())), sum(moments[::-1], np.zeros(())))
    for _ in range(k):
        step = step.then(step)
    return Transition(step.change * (scale[:, None] / scale), step.covariance * outer)


def transition(F: Float[np.ndarray, "n n"], Q: Float[np.ndarray, "n n"], t: float) -> Transition:
    """`transitions` for one time."""
    step = transitions(F, Q, np.array([t]))
    return Transition(step.change[0], step.covariance[0])


def pull_back(
    F: Float[np.ndarray, "n n"],
    Q: Float[np.ndarray, "n n"],
    times: Float[np.ndarray, " times"],
    decay_bar: Float[np.ndarray, "times n n"],
    covariance_bar: Float[np.ndarray, "times n n"],
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n"]]:
    """Gradients with respect to F and Q, from those with respect to the decays and (symmetric) covariances.

    Reverse mode through `transitions`, summed over the times.
    """
    balanced, scale = balance(F)
    outer = np.outer(scale, scale)
    ratio = scale[:, None] / scale
    k = doublings(balanced, float(times.max(initial=0.0)))
    h = times / 2.0**k
    powers, moments = taylor_terms(balanced, Q / outer, h)
    steps = [Transition(sum(powers[::-1], np.zeros(())), sum(moments[::-1], np.zeros(())))]
    for _ in range(k):
        steps.append(steps[-1].then(steps[-1]))
    E_bar = decay_bar * ratio
    S_bar = covariance_bar * outer
    for step in reversed(steps[:-1]):
        E = step.change
        Phi = step.decay
        E_bar = 2.0 * (E_bar + S_bar @ Phi @ step.covariance) + E_bar @ transposed(E) + transposed(E) @ E_bar
        S_bar = S_bar + transposed(Phi) @ S_bar @ Phi
    F_bar, Q_bar = _pull_back_taylor(balanced, h, powers, moments, E_bar, S_bar)
    return F_bar / ratio, Q_bar / outer


def _pull_back_taylor(
    F: np.ndarray,
    h: np.ndarray,
    powers: list[np.ndarray],
    moments: list[np.ndarray],
    E_bar: np.ndarray,
    S_bar: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    step = h[:, None, None]
    F_bar = np.zeros_like(E_bar)
    P_bar, M_bar = E_bar, S_bar
    for k in range(_TERMS, 1, -1):
        c = -step / k
        F_bar += c * (P_bar @ transposed(powers[k - 2]) + 2.0 * M_bar @ moments[k - 2])
        P_bar = E_bar + c * (F.T @ P_bar)
        half = F.T @ M_bar
        M_bar = S_bar + c * (half + transposed(half))
    F_bar += -step * P_bar
    return np.sum(F_bar, axis=0), np.sum(step * M_bar, axis=0)


def decay_action(
    F: Float[np.ndarray, "*chips n n"], times: Float[np.ndarray, " times"], y: Float[np.ndarray, "batch n"]
) -> Float[np.ndarray, "batch times n"]:
    """`exp(-F t) y` for all times and vectors at once; a stack F (chips, n, n) takes one vector for each chip.

    Every time is a binary multiple of one short step plus a rest shorter than it: the powers are squared up
    once and applied to all times that contain them, so many irregular times cost matrix products only.
    """
    balanced, scale = balance(F)
    longest = float(times.max(initial=0.0))
    k = doublings(balanced, longest)
    h = longest / 2.0**k
    count = np.floor(times / h).astype(np.int64) if h > 0.0 else np.zeros(len(times), dtype=np.int64)
    rest = times - count * h
    result = np.repeat((y / scale)[:, None, :], len(times), axis=1)
    term = result
    for j in range(1, _TERMS + 1):
        term = (term @ transposed(balanced)) * (-rest / j)[:, None]
        result = result + term
    E = transitions(balanced, np.zeros_like(balanced), np.array([h])).change
    E = E if F.ndim == 3 else E[0]
    while np.any(count):
        odd = (count & 1).astype(bool)
        result[:, odd] += result[:, odd] @ transposed(E)
        count >>= 1
        E = 2.0 * E + E @ E
    return np.asarray(result * scale)
