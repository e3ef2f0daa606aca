"""Eigenmodes of a drift: the fast form, used only where the eigenvectors are well conditioned."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float, Inexact

from ._transitions import balance

# Largest eigenvalue condition number for which modes are used: covariances then keep 12 digits.
_CONDITION = 50.0


@dataclass(frozen=True, eq=False)
class Modal:
    """`F = V diag(lam) W` with `W = V^-1`; real arrays when all rates are real."""

    lam: Inexact[np.ndarray, " n"]
    V: Inexact[np.ndarray, "n n"]
    W: Inexact[np.ndarray, "n n"]
    orthonormal: bool = False

    @classmethod
    def of(cls, F: Float[np.ndarray, "n n"]) -> "Modal | None":
        """The modes of F, or None when they are ill-conditioned (nearly defective F)."""
        if np.array_equal(F, F.T):
            lam, V = np.linalg.eigh(F)
            return cls(lam, V, V.T, orthonormal=True)
        balanced, scale = balance(F)
        lam, V = scipy.linalg.eig(balanced)
        if not np.any(lam.imag):
            lam = lam.real
            V = V.real
        try:
            W = np.linalg.inv(V)
        except np.linalg.LinAlgError:
            return None
        # Columns of V have length one, so the row lengths of W are the eigenvalue condition numbers.
        # Those of a defective matrix may be too long for their square.
        longest = np.abs(W).max(axis=1)
        if not np.all(longest <= _CONDITION) or not np.all(np.linalg.norm(W, axis=1) <= _CONDITION):
            return None
        return cls(lam, V * scale[:, None], W / scale)

    @classmethod
    def of_pencil(cls, C: Float[np.ndarray, "n n"], G: Float[np.ndarray, "n n"]) -> "Modal | None":
        """Modes of `C^-1 G` from `G V = C V diag(lam)`, `V^T C V = 1`; None unless symmetric, C positive."""
        if not (np.array_equal(C, C.T) and np.array_equal(G, G.T)):
            return None
        try:
            lam, V = scipy.linalg.eigh(G, C)
        except np.linalg.LinAlgError:
            return None
        return cls(lam, V, V.T @ C)

    def decay_action(
        self, times: Float[np.ndarray, " times"], y: Float[np.ndarray, "batch n"]
    ) -> Float[np.ndarray, "batch times n"]:
        """`exp(-F t) y` for all times and vectors."""
        modes = (y @ self.W.T)[:, None, :] * np.exp(-np.multiply.outer(times, self.lam))
        return np.asarray((modes @ self.V.T).real)

    def noise(self, Q: Float[np.ndarray, "n n"]) -> Inexact[np.ndarray, "n n"]:
        """`W Q W^H`, exactly diagonal when it is so to rounding (noise and drift commute)."""
        if self.orthonormal and np.array_equal(Q, Q[0, 0] * np.eye(len(Q))):
            return np.array(Q)
        S = self.W @ Q @ self.W.conj().T
        sd = np.sqrt(np.abs(np.diag(S)))
        rest = np.abs(S - np.diag(np.diag(S)))
        return np.diag(np.diag(S)) if np.all(rest <= 1e-13 * np.outer(sd, sd)) else S

    def covariance(self, noise: Inexact[np.ndarray, "n n"], t: float) -> Float[np.ndarray, "n n"]:
        """Covariance after `t` from a point, for the modal noise W Q W^H; `t = inf` gives the stationary one."""
        P = (self.V @ (noise * growth(self.lam[:, None] + self.lam.conj(), t)) @ self.V.conj().T).real
        return np.asarray((P + P.T) / 2)


def growth(rate: Inexact[np.ndarray, "..."], t: float | Float[np.ndarray, "..."]) -> Inexact[np.ndarray, "..."]:
    """`(1 - exp(-rate t)) / rate`, which is t where the rate is zero."""
    if np.ndim(t) == 0 and np.isinf(t):
        return np.asarray(1.0 / rate)
    safe = np.where(rate == 0.0, 1.0, rate)
    return np.where(rate == 0.0, t, -np.expm1(-rate * t) / safe)


@dataclass(frozen=True, eq=False)
class RealModes:
    """Modes in real coordinates `z = into @ y`, `y = back @ z`: first (Re, Im) of each complex pair, then real."""

    pairs: Inexact[np.ndarray, " p"]
    single: Float[np.ndarray, " r"]
    into: Float[np.ndarray, "n n"]
    back: Float[np.ndarray, "n n"]

    @classmethod
    def of(cls, modal: Modal) -> "RealModes":
        if not np.iscomplexobj(modal.lam):
            return cls(np.zeros(0, dtype=complex), modal.lam, modal.W, modal.V)
        upper = modal.lam.imag > 0.0
        real = modal.lam.imag == 0.0
        n = len(modal.lam)
        p = 2 * int(np.count_nonzero(upper))
        into = np.empty((n, n))
        back = np.empty((n, n))
        into[0:p:2], into[1:p:2] = modal.W[upper].real, modal.W[upper].imag
        into[p:] = modal.W[real].real
        # A mode and its conjugate add up to twice the real part.
        back[:, 0:p:2], back[:, 1:p:2] = 2.0 * modal.V[:, upper].real, -2.0 * modal.V[:, upper].imag
        back[:, p:] = modal.V[:, real].real
        return cls(modal.lam[upper], modal.lam[real].real, into, back)

    def scan(
        self,
        noise: Float[np.ndarray, "steps paths n"],
        start: Float[np.ndarray, "paths n"],
        spacings: Float[np.ndarray, " distinct"],
        index: np.ndarray,
    ) -> None:
        """Turns the noise of each step, in place, into the state `z_k = exp(-lam dt_k) z_{k-1} + noise_k`."""
        p = 2 * len(self.pairs)
        if p:
            first = noise[..., :p].view(complex)
            z = np.ascontiguousarray(start[:, :p]).view(complex)
            _scan(first, z, np.exp(-np.multiply.outer(spacings, self.pairs)), index)
        if len(self.single):
            _scan(noise[..., p:], start[:, p:], np.exp(-np.multiply.outer(spacings, self.single)), index)


def _scan(noise: np.ndarray, z: np.ndarray, factors: np.ndarray, index: np.ndarray) -> None:
    product = np.empty_like(z)
    rows = list(factors)
    for row, k in zip(noise, index.tolist(), strict=True):
        np.multiply(z, rows[k], out=product)
        row += product
        z = row
