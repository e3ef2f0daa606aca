"""What the storage elements and the readouts of a network see of its states and sources.

In a large network the noise sources are as many as the elements, n^2 in an array, and the states a few for each cell.
One adjoint solve for each current into a storage element and each readout then takes the place of one solve for each
source (adjoint network analysis; Director and Rohrer, IEEE Trans. Circuit Theory 16, 318, 1969).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

from ._elements import GROUND, Capacitor, Value
from ._nodal_equations import Equations

Triplets = Sequence[tuple[int, int, Value]]
"""(row, column, value); values at the same place add up."""

_FEW = 200
"""Unknowns up to which a dense solve for every source is the quickest."""

_TOGETHER = 256
"""Adjoint solves at once: dense for a moment, kept sparse."""

_ROUNDING = 1e-12
"""A readout sees no noise through less than this part of the network's smallest resistance."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Currents through the tree's capacitors and voltages across the inductors (m), and readouts (n).

    Columns of `flow` and `shown` are the states, the drive, the bias; those of `links` the currents of links.
    """

    flow: Float[np.ndarray, "m columns"]
    shown: Float[np.ndarray, "n columns"]
    noise: Float[np.ndarray, "m m"]
    """Two-sided density of what the noise sources do to the storage elements."""
    feedthrough: Float[np.ndarray, " n"]
    """Two-sided density of what they do to the readouts directly."""
    links: Float[np.ndarray, "m links"]


def eliminated(eq: Equations, name: str, few: int = _FEW) -> Seen:
    """Solve for everything but the states.

    Args:
        eq: equations of a network with numbers.
        name: of the network.
        few: unknowns up to which every source is solved for.

    Raises:
        ValueError: a node without a path for direct current, a loop of sources and capacitors.
    """
    try:
        found = _by_sources(eq) if eq.size <= few else _by_adjoints(eq)
    except (np.linalg.LinAlgError, RuntimeError):
        found = None
    if found is None or not (np.isfinite(found.flow).all() and np.isfinite(found.shown).all()):
        raise ValueError(f"network {name}: expected every node to have a path for direct current; it is singular")
    return found


def _by_sources(eq: Equations) -> Seen:
    K, R = summed(eq.K, (eq.size, eq.size)), summed(eq.R, (eq.size, eq.link + len(eq.links)))
    x = np.linalg.solve(K, R)
    flow, shown = _storage_rows(eq, x), x[list(eq.outputs)]
    S = np.asarray(eq.densities, dtype=float)
    L, direct = flow[:, eq.noise : eq.link], shown[:, eq.noise : eq.link]
    return Seen(flow[:, : eq.noise], shown[:, : eq.noise], (L * S) @ L.T, direct**2 @ S, flow[:, eq.link :])


def _storage_rows(eq: Equations, x: Float[np.ndarray, "size columns"]) -> Float[np.ndarray, "m columns"]:
    index = {node: k for k, node in enumerate(eq.nodes)}
    flow = np.empty((len(eq.states), x.shape[1]))
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor):
            flow[k] = x[eq.branch[state.name]]
        else:
            a, b = (0.0 if node == GROUND else x[index[node]] for node in (state.a, state.b))
            flow[k] = a - b
    return flow


def _by_adjoints(eq: Equations) -> Seen:
    m, R = len(eq.states), sparse(eq.R, (eq.size, eq.link + len(eq.links)))
    seen = _times_inverse(_wanted(eq), eq)
    flow, shown = seen[:m], seen[m:]
    noisy, S = R[:, eq.noise : eq.link], np.asarray(eq.densities, dtype=float)
    direct = _without_rounding(shown, eq) @ noisy
    return Seen(
        (flow @ R[:, : eq.noise]).toarray(),
        (shown @ R[:, : eq.noise]).toarray(),
        (flow @ (noisy @ scipy.sparse.diags_array(S) @ noisy.T) @ flow.T).toarray(),
        (direct * direct) @ S,
        (flow @ R[:, eq.link :]).toarray(),
    )


def _wanted(eq: Equations) -> "scipy.sparse.csr_array":
    """The rows of unknowns that are asked for."""
    index = {node: k for k, node in enumerate(eq.nodes)}
    triplets: list[tuple[int, int, Value]] = []
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor):
            triplets.append((k, eq.branch[state.name], 1.0))
        else:
            triplets += [(k, index[node], sign) for node, sign in ((state.a, 1.0), (state.b, -1.0)) if node in index]
    m = len(eq.states)
    triplets += [(m + k, row, 1.0) for k, row in enumerate(eq.outputs)]
    return sparse(triplets, (m + len(eq.outputs), eq.size)).tocsr()


def _times_inverse(wanted: "scipy.sparse.csr_array", eq: Equations) -> "scipy.sparse.csr_array":
    factors = scipy.sparse.linalg.splu(sparse(eq.K, (eq.size, eq.size)).T.tocsc())
    parts = [
        scipy.sparse.csr_array(factors.solve(wanted[k : k + _TOGETHER].toarray().T).T)
        for k in range(0, wanted.shape[0], _TOGETHER)
    ]
    return scipy.sparse.vstack(parts).tocsr()


def _without_rounding(shown: "scipy.sparse.csr_array", eq: Equations) -> "scipy.sparse.csr_array":
    """Readouts of currents into the nodes [ohm], less what is rounding of zero."""
    nodes = len(eq.nodes)
    conductances = (abs(float(value)) for row, column, value in eq.K if row < nodes and column < nodes)
    kept = shown.copy()
    kept.data[np.abs(kept.data) * max(conductances, default=0.0) < _ROUNDING] = 0.0
    kept.eliminate_zeros()
    return kept


def summed(triplets: Triplets, shape: tuple[int, int]) -> Float[np.ndarray, "rows columns"]:
    """The dense matrix of triplets."""
    rows, columns, values = zip(*triplets, strict=True) if triplets else ((), (), ())
    flat = np.array(rows, dtype=np.intp) * shape[1] + np.array(columns, dtype=np.intp)
    return np.bincount(flat, np.array(values, dtype=float), shape[0] * shape[1]).reshape(shape)


def sparse(triplets: Triplets, shape: tuple[int, int]) -> "scipy.sparse.csc_array":
    """The sparse matrix of triplets."""
    rows, columns, values = zip(*triplets, strict=True) if triplets else ((), (), ())
    placed = (np.array(values, dtype=float), (np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)))
    return scipy.sparse.coo_array(placed, shape=shape).tocsc()
