"""The resistors of a large array beside a circuit of dual numbers: values and slopes as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int

from ._dual_numbers import Number, gradient


@dataclass(frozen=True, eq=False)
class DualArray:
    """Resistors from nodes a to nodes b, each with a conductance that one parameter changes."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    parameter: Int[np.ndarray, " k"]
    """-1 where the conductance is known."""
    conductance: Float[np.ndarray, " k"]
    """[S]"""
    slope: Float[np.ndarray, " k"]
    """Of the conductance, by its parameter."""
    kT: float
    """[J]"""
    louder: Float[np.ndarray, " k"] = field(default_factory=lambda: np.ones(1))
    """Factor on the density of each one's noise; one for all unless a bench has unknowns of it."""
    owner: Int[np.ndarray, " s"] = field(default_factory=lambda: np.zeros(0, dtype=int))
    """Parameter of each slope of these factors."""
    which: Int[np.ndarray, " s"] = field(default_factory=lambda: np.zeros(0, dtype=int))
    """Whose factor it is."""
    change: Float[np.ndarray, " s"] = field(default_factory=lambda: np.zeros(0))

    def with_noise_of(self, cells: Mapping[str, int], factors: Mapping[int, Number]) -> "DualArray":
        """With the noise at each cell's nodes multiplied; between two cells by the mean of their factors."""
        if not factors:
            return self
        count = len(self.a)
        total = np.zeros(count)
        sides = np.zeros(count)
        slopes: list[tuple[int, int, float]] = []
        for nodes in (self.a, self.b):
            for k, node in enumerate(nodes):
                if (cell := cells.get(node)) is not None and cell in factors:
                    total[k] += float(factors[cell])
                    sides[k] += 1
                    slopes += [(p, k, slope) for p, slope in gradient(factors[cell]).items()]
        divisor = np.maximum(sides, 1.0)
        owner, which, change = np.array(slopes, dtype=float).reshape(-1, 3).T
        return replace(
            self,
            louder=np.where(sides > 0, total / divisor, 1.0),
            owner=owner.astype(int),
            which=which.astype(int),
            change=change / divisor[which.astype(int)],
        )

    @property
    def densities(self) -> Float[np.ndarray, " k"]:
        """Two-sided, of the noise currents [A^2/Hz]: `2 kT G`."""
        return np.asarray(2 * self.kT * self.conductance * self.louder)

    @property
    def density_slopes(
        self,
    ) -> tuple[Int[np.ndarray, " s"], Int[np.ndarray, " s"], Float[np.ndarray, " s"]]:
        """Parameter, resistor and slope of its density."""
        own = np.flatnonzero(self.parameter >= 0)
        by_own = (2 * self.kT * self.slope * self.louder)[own]
        by_factor = 2 * self.kT * self.conductance[self.which] * self.change
        return (
            np.concatenate([self.parameter[own], self.owner]),
            np.concatenate([own, self.which]),
            np.concatenate([by_own, by_factor]),
        )
