"""State spaces of many chips at once: one structure, numbers with a chip axis.

The chips of a stack hold the same program, so their networks differ in values only. What the voltage-defined branches
(capacitors as states, sources, ideal amplifiers) say about the node voltages v and currents j has coefficients 0 and
+-1: `D v = e` and `Y v + B j = i` are reduced once for all chips to `v = X e + Z w`, with as many free voltages w as
there are nodes without such a branch. Only the conductances Y carry the chips, and only w is solved for chip by chip
(modified nodal analysis by null spaces; Strang, Introduction to Applied Mathematics, 1986, chapter 2).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float, Int

from ..networks import Capacitor, Equations, Network, equations
from ._state_space import StateSpace, initial_states

Entries = list[tuple[int, int, Any]]
"""(row, column, value); a value is one number, or one for each chip."""


@dataclass(frozen=True, eq=False)
class StateSpaces:
    """`StateSpace` for each chip of a stack: the same names and units, with the chips as first axis."""

    C: Float[np.ndarray, "chips m m"]
    G: Float[np.ndarray, "chips m m"]
    drive: Float[np.ndarray, "chips m"]
    bias: Float[np.ndarray, "chips m"]
    noise: Float[np.ndarray, "chips m m"]
    M: Float[np.ndarray, "chips n m"]
    y_drive: Float[np.ndarray, "chips n"]
    y_bias: Float[np.ndarray, "chips n"]
    initial: Float[np.ndarray, "m n"]

    def __getitem__(self, chip: int) -> StateSpace:
        """One chip's; a readout's noise without band limit is taken as zero."""
        names = ("C", "G", "drive", "bias", "noise", "M", "y_drive", "y_bias")
        parts = {name: getattr(self, name)[chip] for name in names}
        return StateSpace(**parts, feedthrough=np.zeros(self.M.shape[1]), initial=self.initial)

    @cached_property
    def F(self) -> Float[np.ndarray, "chips m m"]:
        """Drift `C^-1 G` [1/s]."""
        return np.linalg.solve(self.C, self.G)

    @cached_property
    def Q(self) -> Float[np.ndarray, "chips m m"]:
        """Diffusion `C^-1 noise C^-T` [V^2/s]."""
        half = np.linalg.solve(self.C, self.noise)
        Q = np.linalg.solve(self.C, np.swapaxes(half, 1, 2))
        return np.asarray((Q + np.swapaxes(Q, 1, 2)) / 2)

    @cached_property
    def settled_states(self) -> Float[np.ndarray, "chips m"]:
        """`G^-1 (drive + bias)` [V]."""
        return np.asarray(np.linalg.solve(self.G, (self.drive + self.bias)[..., None])[..., 0])

    @cached_property
    def settled(self) -> Float[np.ndarray, "chips n"]:
        """Readouts of the settled devices [V]."""
        return self.read(self.settled_states[:, None])[:, 0]

    def read(self, states: Float[np.ndarray, "chips batch m"]) -> Float[np.ndarray, "chips batch n"]:
        """Readouts [V] of states."""
        return np.asarray(states @ np.swapaxes(self.M, 1, 2) + (self.y_drive + self.y_bias)[:, None])


def stacked_state_spaces(network: Network, chips: int, noisy: bool = True) -> StateSpaces:
    """State spaces of a network whose values are numbers or arrays (chips,); without noise unless `noisy`.

    Raises:
        ValueError: a node without a path for direct current, a loop of sources and capacitors.
    """
    try:
        spaces = _Reduction.of(equations(network, noisy=noisy), chips).spaces()
    except np.linalg.LinAlgError:
        spaces = None
    if spaces is None or not np.isfinite(spaces.G).all():
        raise ValueError(
            f"network {network.name}: expected every node to have a path for direct current; it is singular"
        )
    return spaces


def drive_columns(network: Network, count: int) -> tuple[Float[np.ndarray, "count m"], Float[np.ndarray, "count n"]]:
    """`drive` and `y_drive` of one chip for each of its drives' values (count,); everything else is numbers."""
    return _Reduction.of(equations(network), 1).drives(count)


@dataclass(frozen=True, eq=False)
class _Eliminated:
    """What is left of a stack without its free voltages."""

    into_free: Float[np.ndarray, "chips free m"]
    """What a free node's current does to the states, transposed."""
    shown_free: Float[np.ndarray, "chips n free"]
    """The same for the readouts."""
    flow: Float[np.ndarray, "chips m columns"]
    read: Float[np.ndarray, "chips n columns"]


@dataclass(frozen=True, eq=False)
class _Reduction:
    """Constant matrices of one network structure. `left` turns node currents into (states, free) rows, `right` node
    voltages from (states, free, sources) columns."""

    eq: Equations
    chips: int
    left: Float[np.ndarray, "rows nodes"]
    right: Float[np.ndarray, "nodes columns"]
    sources: tuple[int, ...]

    @classmethod
    def of(cls, eq: Equations, chips: int) -> "_Reduction":
        nodes, branches = len(eq.nodes), eq.size - len(eq.nodes)
        D, B = np.zeros((branches, nodes)), np.zeros((nodes, branches))
        for row, column, value in eq.K:
            if row >= nodes:
                D[row - nodes, column] += value
            elif column >= nodes:
                B[row, column - nodes] += value
        X, Z = _inverse_and_null(D)
        P, W = _inverse_and_null(B.T)
        m, state = len(eq.states), {column: row - nodes for row, column, _ in eq.R if row >= nodes}
        left = np.zeros((m + W.shape[1], nodes))
        voltage = np.zeros((nodes, m))
        for k, element in enumerate(eq.states):
            if isinstance(element, Capacitor):
                left[k], voltage[:, k] = P[:, state[k]], X[:, state[k]]
        left[m:] = W.T
        sources = tuple(sorted({row - nodes for row, column, _ in eq.R if row >= nodes and column >= m}))
        return cls(eq, chips, left, np.hstack([voltage, Z, X[:, list(sources)]]), sources)

    @property
    def m(self) -> int:
        return len(self.eq.states)

    def spaces(self) -> StateSpaces:
        m, parts = self.m, self._eliminated()
        driven, shown = self._driven(parts, self.chips)
        return StateSpaces(
            C=self._storage(parts.into_free),
            G=-parts.flow[:, :, :m],
            drive=driven[:, :, 0],
            bias=driven[:, :, 1],
            noise=self._noise(parts.into_free),
            M=parts.read[:, :, :m],
            y_drive=shown[:, :, 0],
            y_bias=shown[:, :, 1],
            initial=initial_states(self.eq, len(self.eq.outputs)),
        )

    def drives(self, count: int) -> tuple[Float[np.ndarray, "count m"], Float[np.ndarray, "count n"]]:
        """`drive` and `y_drive` for each of the values that the drives of one chip have."""
        driven, shown = self._driven(self._eliminated(), count)
        return driven[:, :, 0], shown[:, :, 0]

    def _eliminated(self) -> "_Eliminated":
        m, f, flow = self.m, len(self.left) - self.m, self._flow()
        # The free voltages balance their rows: w = -free^-1 (the rest of the bottom rows).
        across, free = flow[:, :m, m : m + f], flow[:, m:, m : m + f]
        into_free = np.linalg.solve(np.swapaxes(free, 1, 2), np.swapaxes(across, 1, 2))
        out = list(self.eq.outputs)
        seen = np.broadcast_to(self.right[out][:, m : m + f].T, (self.chips, f, len(out)))
        shown = np.swapaxes(np.linalg.solve(np.swapaxes(free, 1, 2), seen), 1, 2)
        kept = flow[:, :m] - np.swapaxes(into_free, 1, 2) @ flow[:, m:]
        return _Eliminated(into_free, shown, kept, self.right[out] - shown @ flow[:, m:])

    def _driven(
        self, parts: "_Eliminated", count: int
    ) -> tuple[Float[np.ndarray, "count m 2"], Float[np.ndarray, "count n 2"]]:
        m, free = self.m, len(self.left) - self.m
        e, columns = self._source_voltages(count), self._columns(count)
        driven = columns[:, :m] - np.swapaxes(parts.into_free, 1, 2) @ columns[:, m:]
        shown = parts.read[:, :, m + free :] @ e - parts.shown_free @ columns[:, m:]
        return driven + parts.flow[:, :, m + free :] @ e, shown

    def _flow(self) -> Float[np.ndarray, "chips rows columns"]:
        """Currents into the capacitors and the free nodes, and voltages across the inductors."""
        nodes, m = len(self.eq.nodes), self.m
        conductances = [(row, column, value) for row, column, value in self.eq.K if row < nodes and column < nodes]
        flow = -_assemble(self.left, self.right, conductances, self.chips)
        injected = np.zeros((nodes, m))
        for row, column, value in self.eq.R:
            if row < nodes and column < m:
                injected[row, column] += value
        flow[:, :, :m] += self.left @ injected
        # An inductor injects its current where it measures its voltage.
        flow[:, :m] += -injected.T @ self.right
        return flow

    def _columns(self, count: int) -> Float[np.ndarray, "count rows 2"]:
        """Currents of the drive and of the bias."""
        nodes = len(self.eq.nodes)
        entries = [(r, c - self.m, v) for r, c, v in self.eq.R if r < nodes and self.m <= c < self.m + 2]
        return _assemble(self.left, np.eye(2), entries, count)

    def _source_voltages(self, count: int) -> Float[np.ndarray, "count sources 2"]:
        nodes, place = len(self.eq.nodes), {source: k for k, source in enumerate(self.sources)}
        e = np.zeros((count, len(self.sources), 2))
        for row, column, value in self.eq.R:
            if row >= nodes and column >= self.m:
                e[:, place[row - nodes], column - self.m] += value
        return e

    def _incidence(self, first: int, count: int) -> Float[np.ndarray, "rows count"]:
        """What unit currents of the noise sources or links do to the rows."""
        found = np.zeros((len(self.eq.nodes), count))
        for row, column, value in self.eq.R:
            if first <= column < first + count:
                found[row, column - first] += value
        return np.asarray(self.left @ found)

    def _noise(self, into_free: Float[np.ndarray, "chips free m"]) -> Float[np.ndarray, "chips m m"]:
        if not self.eq.densities:
            return np.zeros((self.chips, self.m, self.m))
        inside = self._incidence(self.eq.noise, len(self.eq.densities))
        entries = [(k, k, density) for k, density in enumerate(self.eq.densities)]
        S = _assemble(inside, inside.T, entries, self.chips)
        m, X = self.m, np.swapaxes(into_free, 1, 2)
        half = S[:, :m] - X @ S[:, m:]
        return np.asarray(half[:, :, :m] - half[:, :, m:] @ into_free)

    def _storage(self, into_free: Float[np.ndarray, "chips free m"]) -> Float[np.ndarray, "chips m m"]:
        m, C = self.m, np.zeros((self.chips, self.m, self.m))
        for k, state in enumerate(self.eq.states):
            C[:, k, k] = state.capacitance if isinstance(state, Capacitor) else state.inductance
        if self.eq.links:
            inside = self._incidence(self.eq.link, len(self.eq.links))
            found = np.zeros((len(self.eq.nodes), len(self.eq.links)))
            for row, column, value in self.eq.R:
                if column >= self.eq.link:
                    found[row, column - self.eq.link] += value
            entries = [(k, k, link.capacitance) for k, link in enumerate(self.eq.links)]
            links = _assemble(inside, found.T @ self.right[:, :m], entries, self.chips)
            C += links[:, :m] - np.swapaxes(into_free, 1, 2) @ links[:, m:]
        return C


def _inverse_and_null(
    D: Float[np.ndarray, "rows columns"],
) -> tuple[Float[np.ndarray, "columns rows"], Float[np.ndarray, "columns free"]]:
    """X and Z with `D X = 1`, `D Z = 0` by Gauss-Jordan elimination; entries stay small whole numbers."""
    rows, columns = D.shape
    work, chosen = np.hstack([D, np.eye(rows)]), np.empty(rows, dtype=int)
    for row in range(rows):
        candidates = np.flatnonzero(work[row, :columns])
        if not len(candidates):
            raise np.linalg.LinAlgError("two branches set the same voltage")
        # The column that fewest other rows use spreads least.
        column = candidates[np.argmin(np.count_nonzero(work[:, candidates], axis=0))]
        work[row] /= work[row, column]
        others = np.flatnonzero(work[:, column])
        others = others[others != row]
        work[others] -= np.outer(work[others, column], work[row])
        chosen[row] = column
    free = np.setdiff1d(np.arange(columns), chosen)
    X, Z = np.zeros((columns, rows)), np.zeros((columns, len(free)))
    X[chosen] = work[:, columns:]
    Z[chosen], Z[free, np.arange(len(free))] = -work[:, free], 1.0
    return X, Z


def _assemble(
    left: Float[np.ndarray, "rows inner"], right: Float[np.ndarray, "inner2 columns"], entries: Entries, chips: int
) -> Float[np.ndarray, "chips rows columns"]:
    """`sum_k left[:, r_k] value_k right[c_k]` for every chip, through the entries of `left` and `right` not zero."""
    shape = (len(left), right.shape[1])
    if not entries:
        return np.zeros((chips, *shape))
    r, c = (np.array([entry[k] for entry in entries]) for k in (0, 1))
    values = np.empty((len(entries), chips))
    for k, (_, _, value) in enumerate(entries):
        values[k] = value
    entry, row, column, weight = _pairs(scipy.sparse.csr_matrix(left.T), scipy.sparse.csr_matrix(right), r, c)
    size = shape[0] * shape[1]
    map_ = scipy.sparse.csr_matrix((weight, (row * shape[1] + column, entry)), shape=(size, len(entries)))
    return np.ascontiguousarray((map_ @ values).T).reshape(chips, *shape)


def _pairs(
    left: "scipy.sparse.csr_matrix",
    right: "scipy.sparse.csr_matrix",
    r: Int[np.ndarray, " k"],
    c: Int[np.ndarray, " k"],
) -> tuple[np.ndarray, ...]:
    """Entry number, row, column and weight of every product of an entry of `left[r_k]` and one of `right[c_k]`."""
    many_left, many_right = np.diff(left.indptr)[r], np.diff(right.indptr)[c]
    counts = many_left * many_right
    entry = np.repeat(np.arange(len(r)), counts)
    inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    a = left.indptr[r][entry] + inside // many_right[entry]
    b = right.indptr[c][entry] + inside % many_right[entry]
    return entry, left.indices[a], right.indices[b], left.data[a] * right.data[b]
