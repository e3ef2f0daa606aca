"""A matrix on a device, as the programs see it: one drive, one reading."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Reading:
    """One answer of a device.

    Attributes:
        x: what it reads.
        drives: how many it took to fill the range.
        power: meanwhile [W].
        square: of the voltages that the cells came to from rest [V^2], and `C` their capacitance [F]; zero where they
            are not known.
    """

    x: Float[np.ndarray, " n"]
    drives: int
    power: float
    square: float = 0.0
    C: float = 0.0


@runtime_checkable
class LoadedMatrix(Protocol):
    """A device that holds a symmetric positive definite A and answers one drive after the other."""

    @property
    def seconds(self) -> float:
        """Of one drive: the device settles until 1e-6 is left, and is averaged over the window [s]."""
        ...

    @property
    def tau(self) -> float:
        """Time constant of a cell as it is loaded [s]."""
        ...

    def answer(self, b: Float[np.ndarray, " n"], rng: np.random.Generator) -> "Reading":
        """What the device reads for `A^-1 b`, and what that took.

        Args:
            b: of which the largest entry is one: the digital side chooses the volts.
            rng: source of the noise.
        """
        ...
