"""A system solved by a device to the accuracy of its digital residual."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from ._bench import Bench, LoadedSystem

ROUNDS = 40
ACCURACY = 1e-10


@dataclass(frozen=True, eq=False)
class Refined:
    """An answer, and a bound on how far it is from the right one.

    Attributes:
        value: the answer.
        residual: `b - A value`.
    """

    value: Float[np.ndarray, " n"]
    residual: Float[np.ndarray, " n"]
    system: "RefinedSystem"

    @property
    def error(self) -> float:
        """Bound on the Euclidean norm of the error: the norm of the residual over the smallest eigenvalue."""
        return float(np.linalg.norm(self.residual)) / self.system.smallest


@dataclass(frozen=True, eq=False)
class RefinedSystem:
    """A symmetric positive definite A on a device, each drive answered in rounds.

    The device answers what the last answers left, and of all answers the combination with the least error in the
    norm of A is taken, which is a small system: conjugate gradients with the device for a preconditioner that need
    not be symmetric, nor the same twice.
    """

    A: Float[np.ndarray, "n n"]
    loaded: LoadedSystem

    @cached_property
    def smallest(self) -> float:
        """The smallest eigenvalue of A."""
        return float(np.linalg.eigvalsh(self.A)[0])

    @classmethod
    def load(cls, bench: Bench, A: Float[np.ndarray, "n n"]) -> "RefinedSystem":
        """The device with the matrix.

        Raises:
            ProgramError: it cannot hold it.
        """
        return cls(A, bench.load(A))

    def solve(self, b: Float[np.ndarray, " n"], rounds: int = ROUNDS, accuracy: float = ACCURACY) -> Refined:
        """`A^-1 b` until the residual is within the accuracy, or after so many rounds."""
        x = np.zeros_like(b)
        rest = b
        directions: list[Float[np.ndarray, " n"]] = []
        for _ in range(rounds):
            if np.linalg.norm(rest) <= accuracy * np.linalg.norm(b):
                break
            direction = self.loaded.solve(rest)
            # Orthogonal in the norm of A to all before; twice, for rounding.
            for _ in range(2):
                for old in directions:
                    direction = direction - (old @ self.A @ direction) * old
            length = direction @ self.A @ direction
            if not length > 0:
                break
            direction = direction / np.sqrt(length)
            directions.append(direction)
            x = x + (direction @ rest) * direction
            rest = b - self.A @ x
        return Refined(x, rest, self)

    def inverse(self, rounds: int = ROUNDS, accuracy: float = ACCURACY) -> tuple[Float[np.ndarray, "n n"], float]:
        """`A^-1` column by column, and a bound on the error of every entry."""
        columns = [self.solve(unit, rounds, accuracy) for unit in np.eye(len(self.A))]
        C = np.stack([column.value for column in columns], axis=1)
        return (C + C.T) / 2, max(column.error for column in columns)
