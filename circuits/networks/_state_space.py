"""State space of a linearised network, numerically."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ..eliminations import path_sums, rows_of_inverse, sparse, summed
from ._elements import GROUND, Capacitor, Network, Value
from ._nodal_equations import Equations, equations


@dataclass(frozen=True, eq=False)
class StateSpace:
    """`C ds/dt = -G s + drive u + bias + dI/dt`, readout `v = M s + y_drive u + y_bias`, `Cov(dI) = noise dt`.

    States are capacitor voltages [V] (and inductor currents [A]); u is 0 before the step and 1 after it.
    """

    C: Float[np.ndarray, "m m"]
    """Storage matrix [F] (or H)."""
    G: Float[np.ndarray, "m m"]
    """Conductances [S]."""
    drive: Float[np.ndarray, " m"]
    """Currents of the program's drive [A]."""
    bias: Float[np.ndarray, " m"]
    """Currents of offsets and bias currents [A]."""
    noise: Float[np.ndarray, "m m"]
    """Two-sided density of the noise currents [A^2/Hz]."""
    M: Float[np.ndarray, "n m"]
    """Readout matrix."""
    y_drive: Float[np.ndarray, " n"]
    """Drive that reaches the readout directly [V]."""
    y_bias: Float[np.ndarray, " n"]
    """Offsets that reach the readout directly [V]."""
    feedthrough: Float[np.ndarray, " n"]
    """White noise density that reaches a readout without any band limit [V^2/Hz]; 0 for a physical readout."""
    initial: Float[np.ndarray, "m n"]
    """States for given cell voltages: `s0 = initial @ v0`."""

    @property
    def noise_feedthrough(self) -> float:
        """The largest of `feedthrough` [V^2/Hz]."""
        return float(np.max(self.feedthrough, initial=0.0))

    @property
    def F(self) -> Float[np.ndarray, "m m"]:
        """Drift `C^-1 G` [1/s]."""
        return self._law.F

    @property
    def Q(self) -> Float[np.ndarray, "m m"]:
        """Diffusion `C^-1 noise C^-T` [V^2/s]."""
        return self._law.Q

    @property
    def poles(self) -> Complex[np.ndarray, " m"]:
        """Eigenvalues of `-F` [1/s]."""
        return self._law.poles

    @cached_property
    def _law(self) -> "_Law":
        return _Law(self.C, self.G, self.noise)

    @cached_property
    def settled_states(self) -> Float[np.ndarray, " m"]:
        """`G^-1 (drive + bias)` [V]."""
        return np.linalg.solve(self.G, self.drive + self.bias)

    @property
    def settled(self) -> Float[np.ndarray, " n"]:
        """Readouts of the settled device [V]."""
        return np.asarray(self.M @ self.settled_states + self.y_drive + self.y_bias)

    def first(self, n: int) -> "StateSpace":
        """The same circuit with the first n of its readouts."""
        shown = {name: getattr(self, name)[:n] for name in ("M", "y_drive", "y_bias", "feedthrough")}
        found = replace(self, **shown, initial=self.initial[:, :n])
        return self._shared(found, "_law", "settled_states")

    def driven(self, scale: float) -> "StateSpace":
        """The same circuit with its drive `scale` times as large."""
        found = replace(self, drive=scale * self.drive, y_drive=scale * self.y_drive)
        return self._shared(found, "_law")

    def _shared(self, other: "StateSpace", *names: str) -> "StateSpace":
        """The other one, which works out once with this one what both have in common: most of the work."""
        _ = self._law
        vars(other).update({name: value for name, value in vars(self).items() if name in names})
        return other


@dataclass(frozen=True, eq=False)
class _Law:
    """How the states move, whatever drives them and whoever reads them."""

    C: Float[np.ndarray, "m m"]
    G: Float[np.ndarray, "m m"]
    noise: Float[np.ndarray, "m m"]

    @cached_property
    def F(self) -> Float[np.ndarray, "m m"]:
        return np.linalg.solve(self.C, self.G)

    @cached_property
    def Q(self) -> Float[np.ndarray, "m m"]:
        half = np.linalg.solve(self.C, self.noise)
        return np.asarray(np.linalg.solve(self.C, half.T).T)

    @cached_property
    def poles(self) -> Complex[np.ndarray, " m"]:
        return -np.linalg.eigvals(self.F).astype(complex)


def state_space(network: Network, noisy: bool = True) -> StateSpace:
    """The state space of a network, amplifiers linearised.

    Without its noise sources unless `noisy`: in an array there are more of them than of all else.

    Raises:
        ValueError: a node without a path for direct current, a loop of sources and capacitors.
    """
    eq = equations(network, noisy=noisy)
    m, seen = len(eq.states), _eliminated(eq, network.name)
    return StateSpace(
        C=_storage(eq, seen.links),
        G=-seen.flow[:, :m],
        drive=seen.flow[:, eq.drive],
        bias=seen.flow[:, eq.drive + 1],
        noise=seen.noise,
        M=seen.shown[:, :m],
        y_drive=seen.shown[:, eq.drive],
        y_bias=seen.shown[:, eq.drive + 1],
        feedthrough=seen.feedthrough,
        initial=initial_states(eq, len(network.outputs)),
    )


def _storage(eq: Equations, links: Float[np.ndarray, "m links"]) -> Float[np.ndarray, "m m"]:
    """Storage of the states, with what the links add.

    A link's current is `C_l d/dt` of a sum of states, which moves to the left-hand side.
    """
    own = np.diag([float(s.capacitance if isinstance(s, Capacitor) else s.inductance) for s in eq.states])
    if not eq.links:
        return own
    return np.asarray(own - links * np.array([float(c.capacitance) for c in eq.links]) @ link_voltages(eq))


def initial_states(eq: Equations, n: int) -> Float[np.ndarray, "m n"]:
    initial = np.zeros((len(eq.states), n))
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor) and state.cell is not None:
            initial[k, state.cell] = state.sign
    return initial


def link_voltages(eq: Equations) -> Float[np.ndarray, "links m"]:
    """Each link's voltage as a sum of tree capacitor voltages, along its path in the forest."""
    tree = ((state.a, state.b, k) for k, state in enumerate(eq.states) if isinstance(state, Capacitor))
    return path_sums(tree, [(link.a, link.b) for link in eq.links], len(eq.states))


_FEW = 200
"""Unknowns up to which a dense solve for every source is the quickest."""

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


def _eliminated(eq: Equations, name: str, few: int = _FEW) -> Seen:
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
    seen = rows_of_inverse(_wanted(eq), sparse(eq.K, (eq.size, eq.size)))
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


def _without_rounding(shown: "scipy.sparse.csr_array", eq: Equations) -> "scipy.sparse.csr_array":
    """Readouts of currents into the nodes [ohm], less what is rounding of zero."""
    nodes = len(eq.nodes)
    conductances = (abs(float(value)) for row, column, value in eq.K if row < nodes and column < nodes)
    kept = shown.copy()
    kept.data[np.abs(kept.data) * max(conductances, default=0.0) < _ROUNDING] = 0.0
    kept.eliminate_zeros()
    return kept
