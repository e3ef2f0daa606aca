"""Eigenmodes of a drift: the fast form, used only where the eigenvectors are well conditioned."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float, Inexact

from ._transition import balance

# Largest eigenvalue condition number for which modes are used: covariances then keep 12 digits.
_CONDITION = 50.0


@dataclass(frozen=True, eq=False)
class Modal:
    """`F = V diag(lam) W` with `W = V^-1`; real arrays when all rates are real."""

    lam: Inexact[np.ndarray, " n"]
    V: Inexact[np.ndarray, "n n"]
    W: Inexact[np.ndarray, "n n"]

    @classmethod
    def of(cls, F: Float[np.ndarray, "n n"]) -> "Modal | None":
        """The modes of F, or None when they are ill-conditioned (nearly defective F)."""
        if np.array_equal(F, F.T):
            lam, V = np.linalg.eigh(F)
            return cls(lam, V, V.T)
        balanced, scale = balance(F)
        lam, V = scipy.linalg.eig(balanced)
        if not np.any(lam.imag):
            lam, V = lam.real, V.real
        try:
            W = np.linalg.inv(V)
        except np.linalg.LinAlgError:
            return None
        # Columns of V have length one, so the row lengths of W are the eigenvalue condition numbers.
        if not np.all(np.linalg.norm(W, axis=1) <= _CONDITION):
            return None
        return cls(lam, V * scale[:, None], W / scale)

    @classmethod
    def of_pencil(cls, C: Float[np.ndarray, "n n"], G: Float[np.ndarray, "n n"]) -> "Modal":
        """Modes of `C^-1 G` from `G V = C V diag(lam)`, `V^T C V = 1`; C positive definite, G symmetric."""
        lam, V = scipy.linalg.eigh(G, C)
        return cls(lam, V, V.T @ C)

    def decay_action(
        self, times: Float[np.ndarray, " times"], y: Float[np.ndarray, "batch n"]
    ) -> Float[np.ndarray, "batch times n"]:
        """`exp(-F t) y` for all times and vectors."""
        modes = (y @ self.W.T)[:, None, :] * np.exp(-np.multiply.outer(times, self.lam))
        return np.asarray((modes @ self.V.T).real)

    def modal_noise(self, Q: Float[np.ndarray, "n n"]) -> Inexact[np.ndarray, "n n"]:
        return np.asarray(self.W @ Q @ self.W.conj().T)

    def covariance(self, noise: Inexact[np.ndarray, "n n"], t: float) -> Float[np.ndarray, "n n"]:
        """Covariance after `t` from a point, for the modal noise W Q W^H; `t = inf` gives the stationary one."""
        P = (self.V @ (noise * growth(self.lam[:, None] + self.lam.conj(), t)) @ self.V.conj().T).real
        return np.asarray((P + P.T) / 2)


def growth(rate: Inexact[np.ndarray, "*shape"], t: float) -> Inexact[np.ndarray, "*shape"]:
    """`(1 - exp(-rate t)) / rate`, which is t where the rate is zero."""
    if np.isinf(t):
        return 1.0 / rate
    safe = np.where(rate == 0.0, 1.0, rate)
    return np.where(rate == 0.0, t, -np.expm1(-rate * t) / safe)
