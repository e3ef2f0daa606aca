"""A circuit's whole equations at one complex frequency: sparse, with the storage elements in them.

`(A + s E) z = B u`, with z the node voltages, branch currents, capacitor voltages and inductor currents. Unlike a
state space it needs nothing solved beforehand, so that it is a second way to every response.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ..networks import GROUND, Capacitor, CurrentSource, Equations, Network, VoltageSource, equations

Source = VoltageSource | CurrentSource


@dataclass(frozen=True, eq=False)
class Pencil:
    """The equations of a network, amplifiers linearised.

    Raises:
        ValueError: equations that are singular at every frequency.
    """

    network: Network
    equations: Equations
    A: scipy.sparse.csc_matrix
    E: scipy.sparse.csc_matrix

    @classmethod
    def of(cls, network: Network) -> "Pencil":
        """The pencil of a network."""
        eq = equations(network)
        A, E = _matrices(eq)
        return cls(network, eq, A, E)

    def solved(
        self, s: complex, right: Complex[np.ndarray, "size k"], adjoint: bool = False
    ) -> Complex[np.ndarray, "size k"]:
        """`(A + s E)^-1 right`, or with the transpose.

        Raises:
            ValueError: s is a pole, or the circuit is singular.
        """
        matrix = (self.A + s * self.E).astype(complex).tocsc()
        try:
            factors = scipy.sparse.linalg.splu(matrix.T.tocsc() if adjoint else matrix)
            found = np.asarray(factors.solve(right))
        except RuntimeError:
            found = np.full(1, np.nan)
        if not np.isfinite(found).all():
            raise ValueError(
                f"network {self.network.name}: its equations are singular at s = {s:.4g} 1/s: expected a circuit"
                " without floating nodes, loops of voltage sources or a pole there"
            )
        return np.asarray(found)

    def read_by(self, s: complex) -> Complex[np.ndarray, "size n"]:
        """What a unit on the right of each equation does to each output."""
        units = np.zeros((self.A.shape[0], len(self.equations.outputs)), complex)
        units[list(self.equations.outputs), np.arange(len(self.equations.outputs))] = 1
        return self.solved(s, units, adjoint=True)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The independent sources, in their order."""
        return tuple(e for e in self.network.elements if isinstance(e, VoltageSource | CurrentSource))

    @cached_property
    def entries(self) -> Float[np.ndarray, "size k"]:
        """Right-hand sides of a unit of each independent source."""
        rows = {name: k for k, name in enumerate(self.equations.nodes)}
        found = np.zeros((self.A.shape[0], len(self.sources)))
        for k, source in enumerate(self.sources):
            if isinstance(source, VoltageSource):
                found[self.equations.branch[source.name], k] = 1
                continue
            for node, sign in ((source.a, -1), (source.b, 1)):
                if node != GROUND:
                    found[rows[node], k] += sign
        return found

    @cached_property
    def noise_entries(self) -> Float[np.ndarray, "size k"]:
        """Right-hand sides of a unit of each noise source."""
        eq = self.equations
        count = len(self.equations.densities)
        found = np.zeros((self.A.shape[0], count))
        for row, column, value in eq.R:
            if eq.noise <= column < eq.noise + count:
                found[row, column - eq.noise] += float(value)
        return found

    def transfer(self, frequencies: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "f n k"]:
        """Transfer from each independent source to each output, at frequencies [Hz]."""
        entries = self.entries
        return np.array([self.read_by(2j * np.pi * f).T @ entries for f in frequencies])

    def settled(self) -> Float[np.ndarray, " n"]:
        """Outputs with every source at its dc value [V].

        Raises:
            ValueError: there is no operating point.
        """
        eq = self.equations
        right = np.zeros((self.A.shape[0], 1), complex)
        for row, column, value in eq.R:
            if eq.drive <= column < eq.noise:
                right[row, 0] += float(value)
        return np.asarray(self.solved(0j, right)[list(eq.outputs), 0].real)


def _matrices(eq: Equations) -> tuple[scipy.sparse.csc_matrix, scipy.sparse.csc_matrix]:
    """`A` and `E`; unknowns are the algebraic ones, the states, the currents of link capacitors."""
    m = len(eq.states)
    size = eq.size
    index = {node: k for k, node in enumerate(eq.nodes)}
    A = [(i, j, float(value)) for i, j, value in eq.K]
    E: list[tuple[int, int, float]] = []
    for i, column, value in eq.R:
        if column < m:
            A.append((i, size + column, -float(value)))
        elif eq.link <= column < eq.stimulus:
            A.append((i, size + m + column - eq.link, -float(value)))
    for k, state in enumerate(eq.states):
        row = size + k
        if isinstance(state, Capacitor):
            E.append((row, row, float(state.capacitance)))
            A.append((row, eq.branch[state.name], -1.0))
        else:
            E.append((row, row, float(state.inductance)))
            A += [(row, j, -sign) for j, sign in _across(index, state)]
    number = {state.name: size + k for k, state in enumerate(eq.states)}
    for coupling in eq.couplings:
        j = number[coupling.first]
        k = number[coupling.second]
        own = {row: value for row, column, value in E if row == column}
        mutual = float(coupling.coefficient) * np.sqrt(own[j] * own[k])
        E += [(j, k, mutual), (k, j, mutual)]
    for k, link in enumerate(eq.links):
        row = size + m + k
        A.append((row, row, -1.0))
        E += [(row, j, sign * float(link.capacitance)) for j, sign in _across(index, link)]
    total = size + m + len(eq.links)
    return _sparse(A, total), _sparse(E, total)


def _across(index: dict[str, int], element: Any) -> list[tuple[int, float]]:
    ends = ((element.a, 1.0), (element.b, -1.0))
    return [(index[node], sign) for node, sign in ends if node != GROUND]


def _sparse(entries: list[tuple[int, int, float]], size: int) -> scipy.sparse.csc_matrix:
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    return scipy.sparse.csc_matrix((np.array(values, float), (rows, columns)), shape=(size, size))
