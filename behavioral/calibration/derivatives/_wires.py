"""An array's resistors in the equations of the circuit about it."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from ....circuits.networks import Equations
from ._array import DualArray


def _none() -> Float[np.ndarray, " 0"]:
    return np.zeros(0)


def _nowhere() -> Int[np.ndarray, " 0"]:
    return np.zeros(0, dtype=int)


@dataclass(frozen=True, eq=False)
class Wires:
    """Conductances between equations `first` and `second`, the terms of their changes, and their noise."""

    first: Int[np.ndarray, " k"] = field(default_factory=_nowhere)
    second: Int[np.ndarray, " k"] = field(default_factory=_nowhere)
    conductance: Float[np.ndarray, " k"] = field(default_factory=_none)
    parameter: Int[np.ndarray, " c"] = field(default_factory=_nowhere)
    plus: Int[np.ndarray, " c"] = field(default_factory=_nowhere)
    """Equations of the terms that change, as in `Changes`."""
    minus: Int[np.ndarray, " c"] = field(default_factory=_nowhere)
    change: Float[np.ndarray, " c"] = field(default_factory=_none)
    densities: Float[np.ndarray, " j"] = field(default_factory=_none)
    owner: Int[np.ndarray, " s"] = field(default_factory=_nowhere)
    source: Int[np.ndarray, " s"] = field(default_factory=_nowhere)
    slope: Float[np.ndarray, " s"] = field(default_factory=_none)

    @classmethod
    def of(cls, eq: Equations, array: DualArray | None, noisy: bool) -> "Wires":
        """Of an array whose nodes are all in the circuit; without its noise unless `noisy`."""
        if array is None:
            return cls()
        row = {node: k for k, node in enumerate(eq.nodes)}
        first = np.array([row[node] for node in array.a], dtype=int)
        second = np.array([row[node] for node in array.b], dtype=int)
        mine = np.flatnonzero(array.parameter >= 0)
        changes = (array.parameter[mine], first[mine], second[mine], array.slope[mine])
        if not noisy:
            return cls(first, second, array.conductance, *changes)
        return cls(first, second, array.conductance, *changes, array.densities, *array.density_slopes)

    @property
    def sources(self) -> int:
        """How many sources of noise."""
        return len(self.densities)

    def stamp(self, K: Float[np.ndarray, "size size"]) -> None:
        """Add the conductances to the equations' matrix."""
        for i, j, sign in (
            (self.first, self.first, 1.0),
            (self.second, self.second, 1.0),
            (self.first, self.second, -1.0),
            (self.second, self.first, -1.0),
        ):
            np.add.at(K, (i, j), sign * self.conductance)

    def inject(self, R: Float[np.ndarray, "size j"]) -> None:
        """Put the noise currents into their columns: each leaves its first node and enters the second."""
        j = np.arange(self.sources)
        R[self.first[j], j] -= 1.0
        R[self.second[j], j] += 1.0

    def rows(self, x: Float[np.ndarray, "size u"]) -> Float[np.ndarray, "c u"]:
        """What flows into `plus` and out of `minus` when each parameter grows, for each of u."""
        return np.asarray(self.change[:, None] * (x[self.minus] - x[self.plus]))
