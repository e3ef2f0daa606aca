"""Nodal equations of large passive networks, sparse: no array grows with the square of the nodes."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

from ._elements import GROUND, Capacitor, CurrentSource, Difference, NoiseCurrent, Resistor
from ._network import Network

_FEW = 20
"""Nodes from which on the iteration pays; it needs more nodes than eigenvalues."""

_GONE = 30.0
"""Time constants after which nothing is left that a double shows beside the answer."""


@dataclass(frozen=True, eq=False)
class NodalEquations:
    """`C dv/dt = -G v + i` with the node voltages v [V]; C and G are symmetric and positive definite."""

    C: Float[np.ndarray, " m"]
    """Capacitance of each node to ground [F]."""
    G: "scipy.sparse.csc_matrix"
    """Conductances (m, m) [S]."""
    i: Float[np.ndarray, " m"]
    """Currents of the sources into the nodes [A]."""
    M: "scipy.sparse.csr_matrix"
    """Readout (n, m)."""

    @property
    def settled(self) -> Float[np.ndarray, " n"]:
        """`M G^-1 i` [V]: readouts of the settled network."""
        return np.asarray(self.M @ scipy.sparse.linalg.spsolve(self.G, self.i))

    def from_rest(self, t: float) -> Float[np.ndarray, " n"]:
        """Readouts [V] at time t [s] after the sources step on."""
        settled = scipy.sparse.linalg.spsolve(self.G, self.i)
        F = (scipy.sparse.diags(1 / self.C) @ self.G).tocsc()
        if self.slowest_and_fastest[0] * t > _GONE:
            return np.asarray(self.M @ settled)
        return np.asarray(self.M @ (settled - scipy.sparse.linalg.expm_multiply(-F * t, settled)))

    @property
    def slowest_and_fastest(self) -> tuple[float, float]:
        """Smallest and largest eigenvalue of `C^-1 G` [1/s], by Lanczos iteration on `C^-1/2 G C^-1/2`.

        Its eigenvalues are the relaxation rates: real and positive, so that a passive network is always stable.
        """
        half = scipy.sparse.diags(1 / np.sqrt(self.C))
        F = (half @ self.G @ half).tocsc()
        if len(self.C) <= _FEW:
            rates = np.linalg.eigvalsh(F.toarray())
            return float(rates[0]), float(rates[-1])
        # Without a start vector ARPACK takes a random one, and the last digit of a default time step with it.
        start = np.random.default_rng(0).standard_normal(len(self.C))
        slowest = scipy.sparse.linalg.eigsh(F, 1, sigma=0.0, v0=start, return_eigenvectors=False)
        fastest = scipy.sparse.linalg.eigsh(F, 1, which="LA", v0=start, return_eigenvectors=False)
        return float(slowest[0]), float(fastest[0])


def nodal_equations(network: Network) -> NodalEquations | None:
    """The nodal equations of resistors, capacitors to ground at every node, and current sources.

    `Difference` readouts load nothing and are allowed; None for a network with anything else.
    """
    readouts = {e.out: e for e in network.elements if isinstance(e, Difference)}
    nodes = [e.a for e in network.elements if isinstance(e, Capacitor)]
    row = {node: k for k, node in enumerate(dict.fromkeys(nodes))}
    known = {*row, GROUND}
    G: list[tuple[int, int, float]] = []
    C = np.zeros(len(row))
    i = np.zeros(len(row))
    for element in network.elements:
        match element:
            case Resistor(_, a, b, resistance) if {a, b} <= known:
                G += _stamp(row, a, b, 1 / resistance)
            case Capacitor(_, a, b, capacitance) if b == GROUND and capacitance > 0:
                C[row[a]] += capacitance
            case CurrentSource(_, a, b, dc) | NoiseCurrent(_, a, b, dc) if {a, b} <= known:
                if isinstance(element, CurrentSource):
                    _inject(i, row, a, b, dc)
            case Difference(_, plus, minus) if {plus, minus} <= known:
                pass
            case _:
                return None
    if not all(node in row or node in readouts for node in network.outputs):
        return None
    rows, columns, values = zip(*G, strict=True) if G else ((), (), ())
    shape = (len(row), len(row))
    return NodalEquations(
        C, scipy.sparse.csc_matrix((values, (rows, columns)), shape), i, _readout(network, row, readouts)
    )


def _stamp(row: dict[str, int], a: str, b: str, g: float) -> list[tuple[int, int, float]]:
    ends = [row[node] for node in (a, b) if node != GROUND]
    return [(p, q, g if p == q else -g) for p in ends for q in ends]


def _inject(i: Float[np.ndarray, " m"], row: dict[str, int], a: str, b: str, current: float) -> None:
    for node, sign in ((a, -1), (b, 1)):
        if node != GROUND:
            i[row[node]] += sign * current


def _readout(network: Network, row: dict[str, int], readouts: dict[str, Difference]) -> "scipy.sparse.csr_matrix":
    M = scipy.sparse.lil_matrix((len(network.outputs), len(row)))
    for k, node in enumerate(network.outputs):
        if node in readouts:
            M[k, row[readouts[node].plus]], M[k, row[readouts[node].minus]] = 1, -1
        else:
            M[k, row[node]] = 1
    return M.tocsr()
