"""What the storage elements and the readouts of a network see of its states and sources.

In a large network the noise sources are as many as the elements, n^2 in an array, and the states a few for each cell.
One adjoint solve for each current into a storage element and each readout then takes the place of one solve for each
source (adjoint network analysis; Director and Rohrer, IEEE Trans. Circuit Theory 16, 318, 1969).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float, Int

from .._exceptions import CircuitError
from ..networks import GROUND, Capacitor, Equations, Network, Value
from ._conserved import may_conserve, without_conserved
from ._constrained import Reduced, constrained, solved, storage_matrix
from ._link_voltages import link_voltages
from ._proof import agrees

Triplets = Sequence[tuple[int, int, Value]]
"""(row, column, value); values at the same place add up."""

_FEW = 200
"""Unknowns up to which a dense solve for every source is the quickest."""

_TOGETHER = 256
"""Adjoint solves at once: dense for a moment, kept sparse."""

_MOST_TERMS = 64
_FILLED = 0.1
"""Part of a sparse matrix from which on a dense solve is the quicker one."""

_ROUNDING = 1e-12
"""A readout sees no noise through less than this part of the network's smallest resistance."""


@dataclass(frozen=True, eq=False)
class Eliminated:
    """`C s' = -G s + B u` and `y = M s + D u`, u being drive, bias and the sources with a stimulus of their own."""

    kept: list[int]
    """Numbers of the states."""
    C: Float[np.ndarray, "m m"]
    G: Float[np.ndarray, "m m"]
    B: Float[np.ndarray, "m u"]
    M: Float[np.ndarray, "n m"]
    D: Float[np.ndarray, "n u"]
    noise: Float[np.ndarray, "m m"]
    """Two-sided density of what the noise sources do to the storage elements."""
    feedthrough: Float[np.ndarray, " n"]
    """Two-sided density of what they do to the readouts directly."""


def eliminated(eq: Equations, network: Network, few: int = _FEW) -> Eliminated:
    """Solve for everything but the states.

    Args:
        eq: equations of a network with numbers.
        network: the same.
        few: unknowns up to which every source is solved for.

    Raises:
        CircuitError: a node without a path for direct current, a loop of sources and capacitors.
    """
    if eq.size > few and not may_conserve(network):
        found = _by_adjoints(eq, storage_matrix(eq, network.name))
        if found is not None:
            return found
    whole = by_sources(eq, network)
    S = np.asarray(eq.densities, dtype=float)
    noise = (whole.inflow * S) @ whole.inflow.T
    feedthrough = whole.direct**2 @ S
    return Eliminated(whole.kept, whole.C, whole.G, whole.B, whole.M, whole.D, noise, feedthrough)


def by_sources(eq: Equations, network: Network) -> Reduced:
    """The same with each noise source by itself.

    Raises:
        CircuitError: as `eliminated`.
    """
    # Before anything is solved, so that what is refused for its values is not called singular.
    storages = storage_matrix(eq, network.name)
    K = summed(eq.K, (eq.size, eq.size))
    R = summed(eq.R, (eq.size, eq.columns))
    x = solved(K, R)
    found = _regular(eq, x, storages) if x is not None else _constrained(eq, K, R, storages, network.name)
    return without_conserved(found) if may_conserve(network) else found


def _constrained(
    eq: Equations,
    K: Float[np.ndarray, "size size"],
    R: Float[np.ndarray, "size k"],
    storages: Float[np.ndarray, "m m"],
    name: str,
) -> Reduced:
    try:
        found = constrained(eq, K, R, storages, name)
    except (np.linalg.LinAlgError, ValueError) as error:
        if isinstance(error, CircuitError):
            raise
        raise CircuitError(f"network {name}: its values differ too much to solve its equations") from None
    finite = all(np.isfinite(part).all() for part in (found.C, found.G, found.B))
    if not finite or not agrees(eq, K, R, storages, found):
        raise CircuitError(f"network {name}: its values differ too much to solve its equations")
    return found


def _regular(eq: Equations, x: Float[np.ndarray, "size columns"], storages: Float[np.ndarray, "m m"]) -> Reduced:
    """The state space with every capacitor of the tree and every inductor as a state."""
    m = len(eq.states)
    flow, readout = _storage_rows(eq, x), x[list(eq.outputs)]
    given = [eq.drive, eq.drive + 1, *range(eq.stimulus, eq.columns)]
    return Reduced(
        kept=list(range(m)),
        C=_with_links(eq, flow[:, eq.link : eq.stimulus], storages),
        G=-flow[:, :m],
        B=flow[:, given],
        inflow=flow[:, eq.noise : eq.link],
        M=readout[:, :m],
        D=readout[:, given],
        direct=readout[:, eq.noise : eq.link],
    )


def _with_links(
    eq: Equations, links: Float[np.ndarray, "m links"], own: Float[np.ndarray, "m m"]
) -> Float[np.ndarray, "m m"]:
    """Storage of the states, with what the links add.

    A link's current is `C_l d/dt` of a sum of states, which moves to the left-hand side.
    """
    if not eq.links:
        return own
    return np.asarray(own - links * np.array([float(c.capacitance) for c in eq.links]) @ link_voltages(eq))


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


def _by_adjoints(eq: Equations, storages: Float[np.ndarray, "m m"]) -> Eliminated | None:
    """None where the equations are singular with every capacitor of the tree and every inductor as a state."""
    m, R = len(eq.states), sparse(eq.R, (eq.size, eq.columns))
    try:
        seen = _times_inverse(_wanted(eq), eq)
    except RuntimeError:
        return None
    if not np.isfinite(seen.data).all():
        return None
    flow, shown = seen[:m], seen[m:]
    noisy, S = R[:, eq.noise : eq.link], np.asarray(eq.densities, dtype=float)
    direct = _without_rounding(shown, eq) @ noisy
    given = [eq.drive, eq.drive + 1, *range(eq.stimulus, eq.columns)]
    return Eliminated(
        kept=list(range(m)),
        C=_with_links(eq, (flow @ R[:, eq.link : eq.stimulus]).toarray(), storages),
        G=-(flow @ R[:, :m]).toarray(),
        B=(flow @ R[:, given]).toarray(),
        M=(shown @ R[:, :m]).toarray(),
        D=(shown @ R[:, given]).toarray(),
        noise=(flow @ (noisy @ scipy.sparse.diags_array(S) @ noisy.T) @ flow.T).toarray(),
        feedthrough=(direct * direct) @ S,
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
    """`wanted K^-1`: one adjoint solve for each row."""
    factors = scipy.sparse.linalg.splu(sparse(eq.K, (eq.size, eq.size)).T.tocsc())
    found = _solved_sparsely(factors, wanted)
    return _solved_densely(factors, wanted) if found is None else found


def _solved_sparsely(
    factors: "scipy.sparse.linalg.SuperLU", wanted: "scipy.sparse.csr_array"
) -> "scipy.sparse.csr_array | None":
    """With products of sparse matrices alone; None where solutions fill up, or take more than some tens of them.

    Voltages of an array follow from its states at once, whatever its size: the factors are the identity and a
    nilpotent part of low power, whose series ends.
    """
    diagonal = scipy.sparse.diags_array(1 / factors.U.diagonal())
    ordered = scipy.sparse.csr_array(wanted.T)[np.argsort(factors.perm_r)]
    forward = _substituted(factors.L, ordered)
    found = None if forward is None else _substituted(diagonal @ factors.U, diagonal @ forward)
    return None if found is None else scipy.sparse.csr_array(found[factors.perm_c].T)


def _substituted(triangle: Any, right: Any) -> "scipy.sparse.csr_array | None":
    """`triangle^-1 right` for a triangle with ones on its diagonal, by the finite series of what is beside them."""
    beside = scipy.sparse.csr_array(triangle - scipy.sparse.eye_array(triangle.shape[0]))
    beside.eliminate_zeros()
    found = scipy.sparse.csr_array(right)
    most = _FILLED * right.shape[0] * right.shape[1]
    term = found
    for _ in range(_MOST_TERMS):
        term = -(beside @ term)
        term.eliminate_zeros()
        if term.nnz == 0:
            return found
        if term.nnz > most:
            return None
        found = found + term
    return None


def _solved_densely(
    factors: "scipy.sparse.linalg.SuperLU", wanted: "scipy.sparse.csr_array"
) -> "scipy.sparse.csr_array":
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
    rows, columns, values = _columns(triplets)
    return np.bincount(rows * shape[1] + columns, values, shape[0] * shape[1]).reshape(shape)


def sparse(triplets: Triplets, shape: tuple[int, int]) -> "scipy.sparse.csc_array":
    """The sparse matrix of triplets."""
    rows, columns, values = _columns(triplets)
    return scipy.sparse.coo_array((values, (rows, columns)), shape=shape).tocsc()


def _columns(
    triplets: Triplets,
) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    # As one stream of numbers: a double holds any row exactly, and a list for each column takes three times as long.
    flat = np.fromiter(chain.from_iterable(triplets), dtype=float, count=3 * len(triplets)).reshape(-1, 3)
    return flat[:, 0].astype(np.intp), flat[:, 1].astype(np.intp), flat[:, 2].copy()
