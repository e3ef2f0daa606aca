"""The Newton system of an interior point on a device: a Schur complement for the equalities, refined digitally."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ....circuits import ProgramError
from ..systems import Bench, LoadedSystem, RefinedSystem

_ROUGHLY = 1e-3
"""Residual of a column of `H^-1 A'`: more rounds are better spent on the direction itself."""


@dataclass(frozen=True, slots=True)
class Direction:
    """A solution of `H dx - A' dy = f, A dx = g`, and what it leaves of both.

    Attributes:
        rest: of the first row.
        residual: norm of both rests over that of the right-hand sides, each in its own units.
    """

    dx: Float[np.ndarray, " n"]
    dy: Float[np.ndarray, " m"]
    rest: Float[np.ndarray, " n"]
    residual: float


@dataclass(frozen=True, eq=False)
class NewtonSystem:
    """`H dx - A' dy = f, A dx = g` with H, and then `A H^-1 A'`, loaded into the device.

    The device reads `X = H^-1 A'` row by row of A, and `X' H X` is the second matrix, which is positive definite
    whatever the device does to X. Each right-hand side is answered roughly, its residual is computed digitally and
    answered again on the same loaded matrices, and of all answers the combination with the least residual is taken
    (flexible GMRES; Saad, SIAM J. Sci. Comput. 14, 1993). What a chip's mismatch, rounding and noise do to a direction
    is then as small as the rounds make it.
    """

    H: Float[np.ndarray, "n n"]
    A: Float[np.ndarray, "m n"]
    of_H: LoadedSystem
    columns: Float[np.ndarray, "n m"]
    of_schur: LoadedSystem | Float[np.ndarray, "m m"]
    weights: Float[np.ndarray, " n_and_m"]

    @classmethod
    def load(
        cls, bench: Bench, H: Float[np.ndarray, "n n"], A: Float[np.ndarray, "m n"], rounds: int
    ) -> "NewtonSystem":
        """Both matrices on the device.

        Raises:
            ProgramError: it cannot hold one of them.
        """
        of_H = bench.load(H)
        system = RefinedSystem(H, of_H)
        weight_H = 1 / np.sqrt(np.diag(H))
        answers = [system.solve(row, rounds, _ROUGHLY).value for row in A]
        columns = np.stack(answers, axis=1) if answers else np.zeros((len(H), 0))
        schur = columns.T @ H @ columns
        if not (np.diag(schur) > 0).all():
            raise ProgramError("A: the device reads nothing of a row of the equalities")
        weights = np.concatenate([weight_H, 1 / np.sqrt(np.diag(schur))])
        # One number is divided by; no device is loaded for it.
        return cls(H, A, of_H, columns, bench.load(schur) if len(A) > 1 else schur, weights)

    def solve(self, f: Float[np.ndarray, " n"], g: Float[np.ndarray, " m"], rounds: int, tolerance: float) -> Direction:
        """A direction after some rounds on the device, or as soon as the residual is within the tolerance."""
        n = len(f)
        right = np.concatenate([f, g]) * self.weights
        size = float(np.linalg.norm(right))
        if size == 0:
            return Direction(np.zeros(n), np.zeros(len(g)), np.zeros(n), 0.0)
        found: list[Float[np.ndarray, " n_and_m"]] = []
        seen: list[Float[np.ndarray, " n_and_m"]] = []
        rest = right
        total = np.zeros(n + len(g))
        for _ in range(rounds):
            step = self._rough(rest / self.weights)
            image = self._image(step) * self.weights
            length = float(np.linalg.norm(image))
            if not (np.isfinite(length) and length > 0):
                break
            found.append(step / length)
            seen.append(image / length)
            share = np.linalg.lstsq(np.stack(seen, axis=1), right, rcond=None)[0]
            total = np.stack(found, axis=1) @ share
            rest = right - self._image(total) * self.weights
            if np.linalg.norm(rest) <= tolerance * size:
                break
        return Direction(total[:n], total[n:], (rest / self.weights)[:n], float(np.linalg.norm(rest)) / size)

    def _rough(self, right: Float[np.ndarray, " n_and_m"]) -> Float[np.ndarray, " n_and_m"]:
        n = len(self.H)
        first = self.of_H.solve(right[:n])
        rest = right[n:] - self.A @ first
        dy = self.of_schur.solve(rest) if isinstance(self.of_schur, LoadedSystem) else rest / np.diag(self.of_schur)
        return np.concatenate([first + self.columns @ dy, dy])

    def _image(self, step: Float[np.ndarray, " n_and_m"]) -> Float[np.ndarray, " n_and_m"]:
        n = len(self.H)
        return np.concatenate([self.H @ step[:n] - self.A.T @ step[n:], self.A @ step[:n]])
