"""Lyapunov equations of one matrix: its Schur form is found once, and each equation is then solved by substitution."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Triangular:
    """`F = Z T Z'` with T upper triangular, in blocks of two for complex pairs (Bartels and Stewart, 1972)."""

    T: Float[np.ndarray, "m m"]
    Z: Float[np.ndarray, "m m"]

    @classmethod
    def of(cls, F: Float[np.ndarray, "m m"]) -> "Triangular":
        """The Schur form of a matrix."""
        if len(F) == 0:
            return cls(np.zeros((0, 0)), np.zeros((0, 0)))
        T, Z = scipy.linalg.schur(F, output="real")
        return cls(T, Z)

    def covariance(self, Q: Float[np.ndarray, "m m"]) -> Float[np.ndarray, "m m"]:
        """P of `F P + P F' = Q`."""
        return self._solved(Q, "N", "T")

    def seen(self, c: Float[np.ndarray, " m"]) -> Float[np.ndarray, "m m"]:
        """X of `F' X + X F = c c'`: what a readout sees of the noise in each state."""
        return self._solved(np.outer(c, c), "T", "N")

    def _solved(self, right: Float[np.ndarray, "m m"], left: str, other: str) -> Float[np.ndarray, "m m"]:
        if len(right) == 0:
            return np.zeros((0, 0))
        Y, scale, info = scipy.linalg.lapack.dtrsyl(self.T, self.T, self.Z.T @ right @ self.Z, left, other)
        if info < 0:
            raise ValueError(f"dtrsyl: argument {-info}")
        P = self.Z @ (Y / scale) @ self.Z.T
        return np.asarray((P + P.T) / 2)
