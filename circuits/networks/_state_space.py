"""State space of a linearised network, numerically."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse.linalg
from jaxtyping import Complex, Float

from .._exceptions import CircuitError
from ._conserved import may_conserve, settled_states, without_conserved
from ._constrained import Reduced, constrained, solved, storage_matrix
from ._elements import (
    Capacitor,
    CurrentSource,
    Network,
    Value,
    VoltageSource,
)
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
    noise_feedthrough: float
    """Largest white noise density that reaches a readout without any band limit [V^2/Hz]; 0 for a physical readout."""
    initial: Float[np.ndarray, "m n"]
    """States for given cell voltages: `s0 = initial @ v0`, and `start` besides."""
    inputs: Float[np.ndarray, "m k"] | None = None
    """What a volt or an ampere of each source with a stimulus of its own drives into the states [A]; None without any.

    The element `sources[k]` has the AC stimulus `ac[k]`; what it does at the operating point is part of `bias`.
    """
    y_inputs: Float[np.ndarray, "n k"] | None = None
    """What of it reaches the readout directly [V]."""
    sources: tuple[VoltageSource | CurrentSource, ...] = ()
    start: Float[np.ndarray, " m"] | None = None
    """States that the elements' own initial values give; None for zeros."""

    @property
    def ac(self) -> Complex[np.ndarray, " k"]:
        """AC stimuli of the sources [V or A]."""
        return np.array([source.ac or 0.0 for source in self.sources], dtype=complex)

    @property
    def stimulus(self) -> Complex[np.ndarray, " m"]:
        """AC currents into the states [A]: of the drive, and of the sources with a stimulus of their own."""
        return self.drive.astype(complex) if self.inputs is None else self.drive + self.inputs @ self.ac

    @property
    def y_stimulus(self) -> Complex[np.ndarray, " n"]:
        """AC stimulus that reaches the readout directly [V]."""
        return self.y_drive.astype(complex) if self.y_inputs is None else self.y_drive + self.y_inputs @ self.ac

    def response(self, frequencies: Float[np.ndarray, " f"]) -> Complex[np.ndarray, "f n"]:
        """Readouts [V] per AC stimulus at some frequencies [Hz]."""
        s = 2j * np.pi * np.asarray(frequencies, dtype=float)
        K = s[:, None, None] * self.C + self.G
        states = np.linalg.solve(K, np.broadcast_to(self.stimulus[:, None], (len(s), len(self.G), 1)))[..., 0]
        return np.asarray(states @ self.M.T + self.y_stimulus)

    @property
    def F(self) -> Float[np.ndarray, "m m"]:
        """Drift `C^-1 G` [1/s].

        Raises:
            CircuitError: storage elements whose values differ by more than the digits of a number.
        """
        return self._per_storage(self.G)

    def _per_storage(self, right: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
        found = solved(self.C, right)
        if found is None:
            raise CircuitError("the circuit's capacitances or inductances differ too much to solve its equations")
        return found

    @property
    def Q(self) -> Float[np.ndarray, "m m"]:
        """Diffusion `C^-1 noise C^-T` [V^2/s]."""
        return self._per_storage(self._per_storage(self.noise).T).T

    @cached_property
    def poles(self) -> Complex[np.ndarray, " m"]:
        """Eigenvalues of `-F` [1/s]."""
        return -np.linalg.eigvals(self.F).astype(complex)

    @property
    def settled_states(self) -> Float[np.ndarray, " m"]:
        """`G^-1 (drive + bias)` [V].

        Raises:
            CircuitError: a charge or a flux that nothing brings to rest, so that the circuit settles nowhere.
        """
        return settled_states(self.G, self.drive + self.bias)

    @property
    def settled(self) -> Float[np.ndarray, " n"]:
        """Readouts of the settled device [V]."""
        return np.asarray(self.M @ self.settled_states + self.y_drive + self.y_bias)

    def first(self, n: int) -> "StateSpace":
        """The same circuit with the first n of its readouts."""
        M, y_drive, y_bias, initial = self.M[:n], self.y_drive[:n], self.y_bias[:n], self.initial[:, :n]
        y_inputs = None if self.y_inputs is None else self.y_inputs[:n]
        found = replace(self, M=M, y_drive=y_drive, y_bias=y_bias, initial=initial, y_inputs=y_inputs)
        vars(found).update({name: value for name, value in vars(self).items() if name == "poles"})
        return found

    def driven(self, scale: float) -> "StateSpace":
        """The same circuit with its drive `scale` times as large."""
        found = replace(self, drive=scale * self.drive, y_drive=scale * self.y_drive)
        # Its poles are the same: most of the work where they are known already.
        vars(found).update({name: value for name, value in vars(self).items() if name == "poles"})
        return found


def state_space(network: Network) -> StateSpace:
    """The state space of a network, amplifiers linearised.

    Raises:
        CircuitError: a node without a path for direct current, a loop of sources and capacitors.
    """
    eq = equations(network)
    found = _reduced(eq, network)
    S = np.asarray(eq.densities, dtype=float)
    start = _start(eq)
    return StateSpace(
        C=found.C,
        G=found.G,
        drive=found.B[:, 0],
        bias=found.B[:, 1],
        noise=(found.inflow * S) @ found.inflow.T,
        M=found.M,
        y_drive=found.D[:, 0],
        y_bias=found.D[:, 1],
        noise_feedthrough=float(np.max((found.direct**2) @ S, initial=0.0)),
        initial=initial_states(eq, len(network.outputs))[found.kept],
        inputs=found.B[:, 2:] if eq.stimuli else None,
        y_inputs=found.D[:, 2:] if eq.stimuli else None,
        sources=eq.stimuli,
        start=None if start is None else start[found.kept],
    )


def _reduced(eq: Equations, network: Network) -> Reduced:
    # Before anything is solved, so that what is refused for its values is not called singular.
    storages = storage_matrix(eq, network.name)
    x = _solution(eq)
    found = _constrained(eq, network.name, storages) if x is None else _regular(eq, x, storages)
    return without_conserved(found) if may_conserve(network) else found


def _constrained(eq: Equations, name: str, storages: Float[np.ndarray, "m m"]) -> Reduced:
    K, R = _summed(eq.K, (eq.size, eq.size)), _summed(eq.R, (eq.size, eq.columns))
    try:
        found = constrained(eq, K, R, storages, name)
    except (np.linalg.LinAlgError, ValueError) as error:
        if isinstance(error, CircuitError):
            raise
        raise CircuitError(f"network {name}: its values differ too much to solve its equations") from None
    if not all(np.isfinite(part).all() for part in (found.C, found.G, found.B)):
        raise CircuitError(f"network {name}: its values differ too much to solve its equations")
    return found


def _regular(eq: Equations, x: Float[np.ndarray, "..."], storages: Float[np.ndarray, "m m"]) -> Reduced:
    """The state space with every capacitor of the tree and every inductor as a state."""
    m = len(eq.states)
    flow = _storage_flow(eq, x)
    readout = x[list(eq.outputs)]
    # Link capacitors: their current is C_l d/dt of a sum of states, which moves to the left-hand side.
    C_link = np.diag([float(c.capacitance) for c in eq.links])
    given = [eq.drive, eq.drive + 1, *range(eq.stimulus, eq.columns)]
    return Reduced(
        kept=list(range(m)),
        C=storages - flow[:, eq.link : eq.stimulus] @ C_link @ link_voltages(eq),
        G=-flow[:, :m],
        B=flow[:, given],
        inflow=flow[:, eq.noise : eq.link],
        M=readout[:, :m],
        D=readout[:, given],
        direct=readout[:, eq.noise : eq.link],
    )


@dataclass(frozen=True, eq=False)
class NoisePaths:
    """Where each noise source of a network goes: its density comes in as `inflow @ diag(densities) @ inflow.T`."""

    names: tuple[str, ...]
    """Of the elements that they belong to."""
    densities: Float[np.ndarray, " k"]
    """Two-sided [A^2/Hz]."""
    inflow: Float[np.ndarray, "m k"]
    """Currents into the states for a unit of each source."""
    direct: Float[np.ndarray, "n k"]
    """What reaches a readout without any band limit, for a unit of each source."""


def noise_paths(network: Network) -> NoisePaths:
    """The noise sources of a network one by one; `state_space` has their sum.

    Raises:
        CircuitError: as `state_space`.
    """
    eq = equations(network)
    found = _reduced(eq, network)
    densities = np.asarray(eq.densities, dtype=float)
    return NoisePaths(eq.contributors, densities, found.inflow, found.direct)


def _start(eq: Equations) -> Float[np.ndarray, " m"] | None:
    start = np.array([float(state.initial) for state in eq.states])
    return start if start.any() else None


_DENSE_SIZE = 600
"""Above this many unknowns the sparse factorisation is quicker."""


def _solution(eq: Equations) -> Float[np.ndarray, "..."] | None:
    """Everything as a sum of states and sources; None where the equations are singular."""
    R = _summed(eq.R, (eq.size, eq.columns))
    if eq.size <= _DENSE_SIZE:
        return solved(_summed(eq.K, (eq.size, eq.size)), R)
    rows, columns, values = zip(*eq.K, strict=True)
    K = scipy.sparse.csc_matrix((np.array(values, float), (rows, columns)), shape=(eq.size, eq.size))
    try:
        x = scipy.sparse.linalg.splu(K).solve(R)
    except RuntimeError:
        return None
    return np.asarray(x) if np.isfinite(x).all() else None


def _summed(triplets: Sequence[tuple[int, int, Value]], shape: tuple[int, int]) -> Float[np.ndarray, "..."]:
    """A dense matrix of (row, column, value), values at the same place added up."""
    rows, columns, values = zip(*triplets, strict=True) if triplets else ((), (), ())
    flat = np.array(rows, dtype=np.intp) * shape[1] + np.array(columns, dtype=np.intp)
    return np.bincount(flat, np.array(values, dtype=float), shape[0] * shape[1]).reshape(shape)


def _storage_flow(eq: Equations, x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Currents through the tree capacitors and voltages across the inductors."""
    index = {node: k for k, node in enumerate(eq.nodes)}
    flow = np.empty((len(eq.states), x.shape[1]))
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor):
            flow[k] = x[eq.branch[state.name]]
        else:
            flow[k] = _row(x, index, state.a) - _row(x, index, state.b)
    return flow


def _row(x: Float[np.ndarray, "..."], index: dict[str, int], node: str) -> Float[np.ndarray, "..."] | float:
    return x[index[node]] if node in index else 0.0


def link_voltages(eq: Equations) -> Float[np.ndarray, "..."]:
    """Each link's voltage as a sum of tree capacitor voltages, along the path in the forest."""
    tree = [state for state in eq.states if isinstance(state, Capacitor)]
    names = {node: k for k, node in enumerate(dict.fromkeys(n for c in (*tree, *eq.links) for n in (c.a, c.b)))}
    incidence = np.zeros((len(names), len(eq.states)))
    for k, c in enumerate(tree):
        incidence[names[c.a], k], incidence[names[c.b], k] = 1, -1
    target = np.zeros((len(names), len(eq.links)))
    for k, c in enumerate(eq.links):
        target[names[c.a], k], target[names[c.b], k] = 1, -1
    if not eq.links:
        return np.zeros((0, len(eq.states)))
    # The path is exact integers; least squares finds it up to rounding.
    return np.round(np.linalg.lstsq(incidence, target, rcond=None)[0]).T


def initial_states(eq: Equations, n: int) -> Float[np.ndarray, "m n"]:
    initial = np.zeros((len(eq.states), n))
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor) and state.cell is not None:
            initial[k, state.cell] = state.sign
    return initial
