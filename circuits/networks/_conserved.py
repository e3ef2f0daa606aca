"""Charges and fluxes that nothing leads away: nodes between capacitors alone, loops of inductors."""

import numpy as np
from jaxtyping import Float

from .._exceptions import CircuitError
from ._constrained import ROUNDING, Matrix, Reduced, singular_vectors, solved
from ._elements import GROUND, Capacitor, CurrentSource, Inductor, Network, NoiseCurrent, terminals


def settled_states(G: Matrix, given: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """`G^-1 given`.

    Raises:
        CircuitError: a charge or a flux that nothing brings to rest, so that the circuit settles nowhere.
    """
    found = solved(G, given)
    if found is None:
        raise CircuitError("the circuit has no operating point: nothing leads some charge or flux away")
    return found


def without_conserved(space: Reduced) -> Reduced:
    """The same with one state less for each charge or flux that is conserved, which starts and stays at zero.

    A node between two capacitors has such a charge: `w C s` with `w G = 0`, which neither sources nor noise change.
    """
    while len(space.G) and (vectors := singular_vectors(space.G)) is not None:
        w = vectors[0]
        given = np.hstack([space.B, space.inflow])
        if np.any(np.abs(w @ given) > ROUNDING * np.abs(w).max() * np.abs(given).max(0)):
            break
        amounts = w @ space.C
        gone, row = int(np.argmax(np.abs(amounts))), int(np.argmax(np.abs(w)))
        rest = np.delete(np.arange(len(w)), gone)
        rows = np.delete(np.arange(len(w)), row)
        N = np.zeros((len(w), len(rest)))
        N[rest, np.arange(len(rest))] = 1.0
        N[gone] = -amounts[rest] / amounts[gone]
        space = Reduced(
            kept=[space.kept[k] for k in rest],
            C=(space.C @ N)[rows],
            G=(space.G @ N)[rows],
            B=space.B[rows],
            inflow=space.inflow[rows],
            M=space.M @ N,
            D=space.D,
            direct=space.direct,
        )
    return space


def may_conserve(network: Network) -> bool:
    """Whether some nodes are held by capacitors alone, or inductors close a loop: there a charge or flux may stay."""
    conducting = _Groups()
    inductive = _Groups()
    closed = False
    for element in network.elements:
        nodes = terminals(element)
        if isinstance(element, Inductor):
            closed |= not inductive.join(element.a, element.b)
        if not isinstance(element, Capacitor | CurrentSource | NoiseCurrent):
            for node in nodes[1:]:
                conducting.join(nodes[0], node)
    return closed or any(conducting.root(node) != conducting.root(GROUND) for node in network.nodes)


class _Groups:
    """Nodes that are connected."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, node: str) -> str:
        while (up := self._parent.setdefault(node, node)) != node:
            self._parent[node] = node = self._parent[up]
        return node

    def join(self, a: str, b: str) -> bool:
        """False where they were connected before."""
        first, second = self.root(a), self.root(b)
        self._parent[first] = second
        return first != second
