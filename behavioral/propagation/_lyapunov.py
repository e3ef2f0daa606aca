"""Lyapunov equations and factors of covariances."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

from .._exceptions import NotStationaryError

# A covariance built from rounded data may be this negative (relative to unit variances) and still be one.
_NEGATIVE = 1e-8


def require_stationary(rates: np.ndarray, what: str) -> None:
    """Raise unless every rate has a real part above the rounding of the largest one."""
    if len(rates) == 0:
        return
    slowest = rates[np.argmin(rates.real)]
    if slowest.real <= len(rates) * np.finfo(float).eps * float(np.max(np.abs(rates))):
        raise NotStationaryError(
            f"{what}: the drift has the eigenvalue {slowest:.6g}, and a stationary law needs real parts above "
            "zero. (The drift enters as dx = -F (x - m) dt; check its sign, or give x0 and finite times.)"
        )


@dataclass(frozen=True, eq=False)
class Lyapunov:
    """Solves `F P + P F^T = Q` for many Q: one real Schur form `F = Z T Z^T` (Bartels and Stewart, 1972)."""

    F: Float[np.ndarray, "n n"]
    T: Float[np.ndarray, "n n"]
    Z: Float[np.ndarray, "n n"]

    @classmethod
    def of(cls, F: Float[np.ndarray, "n n"]) -> "Lyapunov":
        T, Z = scipy.linalg.schur(F, output="real")
        return cls(F, T, Z)

    @property
    def rates(self) -> np.ndarray:
        return scipy.linalg.eigvals(self.T)

    def solve(self, Q: Float[np.ndarray, "n n"], adjoint: bool = False) -> Float[np.ndarray, "n n"]:
        """P of `F P + P F^T = Q`; with `adjoint`, of `F^T P + P F = Q`."""
        P = self._once(Q, adjoint)
        F = self.F.T if adjoint else self.F
        # One step of refinement: rows of very unlike size (stiff networks) then keep their own accuracy.
        half = F @ P
        return np.asarray(P + self._once(Q - (half + half.T), adjoint))

    def _once(self, Q: Float[np.ndarray, "n n"], adjoint: bool) -> Float[np.ndarray, "n n"]:
        first, second = (b"T", b"N") if adjoint else (b"N", b"T")
        Y, scale, _ = scipy.linalg.lapack.dtrsyl(self.T, self.T, self.Z.T @ Q @ self.Z, trana=first, tranb=second)
        P = self.Z @ Y @ self.Z.T / scale
        symmetric: Float[np.ndarray, "n n"] = (P + P.T) / 2
        return symmetric


def psd_factor(S: Float[np.ndarray, "n n"], what: str = "covariance") -> Float[np.ndarray, "n n"]:
    """L with `L L^T = S`, for S positive semidefinite (singular allowed); ValueError when it is not."""
    variance = np.diag(S)
    if np.any(variance < -_NEGATIVE * np.max(np.abs(variance), initial=0.0)):
        raise ValueError(f"{what}: expected a positive semidefinite matrix, got a negative diagonal entry.")
    sd = np.sqrt(np.clip(variance, 0.0, None))
    if np.count_nonzero(S) == np.count_nonzero(variance):
        return np.diag(sd)
    # Scaled to a correlation matrix, so that a small variance is not lost beside a large one.
    unit = np.where(sd > 0.0, sd, 1.0)
    R = S / unit[:, None] / unit
    try:
        return np.asarray(np.linalg.cholesky(R) * unit[:, None])
    except np.linalg.LinAlgError:
        w, V = np.linalg.eigh(R)
    if w[0] < -_NEGATIVE * max(1.0, w[-1]):
        raise ValueError(
            f"{what}: expected a positive semidefinite matrix, got the eigenvalue {w[0]:.3g} "
            "(after scaling to unit variances)."
        )
    return np.asarray((V * np.sqrt(np.clip(w, 0.0, None))) * unit[:, None])


def is_regular(S: Float[np.ndarray, "n n"]) -> bool:
    """Whether S is positive definite with a margin: no direction is left almost without variance."""
    sd = np.sqrt(np.clip(np.diag(S), 0.0, None))
    if not np.all(sd > 0.0):
        return False
    try:
        L = np.linalg.cholesky(S / sd[:, None] / sd)
    except np.linalg.LinAlgError:
        return False
    return bool(np.min(np.diag(L)) > 1e-3)
