"""State spaces of circuits in which some capacitors and inductors carry no state of their own.

A capacitor across a voltage source, or in a loop of sources and capacitors, has a voltage that follows from others; an
inductor in series with another has its current. With such elements as states the resistive equations are singular, and
the left null vector of each singularity says which states stand in a relation. One of them is taken out and becomes a
source whose strength follows from the derivative of the rest, until the equations are regular (index reduction;
Brenan, Campbell and Petzold, Numerical Solution of Initial-Value Problems in DAE, 1996, chapter 2).
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float

from .._exceptions import CircuitError
from ._elements import GROUND, Capacitor, Inductor
from ._nodal_equations import Equations

# A relation is one of connections alone: after scaling, its singular value is rounding, where the smallest of a
# regular circuit of a hundred nodes is above 1e-8.
SINGULAR = 1e-13
ROUNDING = 1e-9
MOST_UNKNOWNS = 1500
"""Null vectors are dense: above this a singular circuit is refused."""

Matrix = Float[np.ndarray, "..."]


@dataclass(frozen=True, eq=False)
class Reduced:
    """`C s' = -G s + B u + inflow w` and `y = M s + D u + direct w`, with `u` in the columns from the drive on.

    `kept` are the numbers of the states; u are drive, bias and the sources with a stimulus, w the noise sources.
    """

    kept: list[int]
    C: Float[np.ndarray, "m m"]
    G: Float[np.ndarray, "m m"]
    B: Float[np.ndarray, "m u"]
    inflow: Float[np.ndarray, "m w"]
    M: Float[np.ndarray, "n m"]
    D: Float[np.ndarray, "n u"]
    direct: Float[np.ndarray, "n w"]


def constrained(eq: Equations, K: Matrix, R: Matrix, storages: Matrix, name: str) -> Reduced:
    """The state space of equations that are singular with every capacitor of the tree and every inductor as a state.

    Raises:
        CircuitError: a circuit that has no such equations; it says at which nodes.
    """
    if eq.size > MOST_UNKNOWNS:
        raise CircuitError(f"network {name}: {_SINGULAR_TEXT}")
    system = _System(eq, K, R, name)
    while (relation := system.relation()) is not None:
        system.demote(relation)
    return system.reduced(storages)


_SINGULAR_TEXT = "expected every node to have a path for direct current; it is singular"


def solved(A: Matrix, right: Matrix) -> Matrix | None:
    """`A^-1 right`; None for a matrix that is singular up to rounding, whose solution would be any number."""
    if not len(A):
        return np.zeros_like(right)
    factors, pivots, failed = scipy.linalg.lapack.dgetrf(A)
    if failed:
        return None
    certainty, _ = scipy.linalg.lapack.dgecon(factors, float(np.abs(A).sum(0).max()))
    # The quick estimate is of the matrix as it stands, in which siemens stand beside ones.
    if not certainty > SINGULAR and (not np.isfinite(A).all() or singular_vectors(A) is not None):
        return None
    found = np.asarray(scipy.linalg.lapack.dgetrs(factors, pivots, right)[0])
    return found if np.isfinite(found).all() else None


def singular_vectors(K: Matrix) -> tuple[Matrix, Matrix] | None:
    """Left and right null vector of a matrix that is singular up to rounding; None for a regular one."""
    rows, columns = _scales(K)
    left, values, right = scipy.linalg.svd(K * rows[:, None] * columns)
    if values[-1] > SINGULAR * len(K) * values[0]:
        return None
    return left[:, -1] * rows, right[-1] * columns


def _scales(K: Matrix) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Factors of rows and columns that bring every largest entry near one (Ruiz, 2001)."""
    rows = np.ones(len(K))
    columns = np.ones(K.shape[1])
    size = np.abs(K)
    for _ in range(8):
        scaled = size * rows[:, None] * columns
        rows /= np.sqrt(np.where(scaled.any(1), scaled.max(1), 1.0))
        columns /= np.sqrt(np.where(scaled.any(0), scaled.max(0), 1.0))
    return rows, columns


class _System:
    """`K x = R u`, changed step by step: a state that is taken out changes its row or column."""

    def __init__(self, eq: Equations, K: Matrix, R: Matrix, name: str) -> None:
        self._eq = eq
        self._K = K.copy()
        self._R = R.copy()
        self._name = name
        self._kept = list(range(len(eq.states)))
        self._out: list[int] = []
        self._index = {node: k for k, node in enumerate(eq.nodes)}
        self._extra: dict[int, int] = {}

    def relation(self) -> tuple[Matrix, Matrix] | None:
        return singular_vectors(self._K)

    def demote(self, vectors: tuple[Matrix, Matrix]) -> None:
        """Take one state of a relation out: the one that stands in it most."""
        left, right = vectors
        weights = np.abs(left @ self._R[:, self._kept])
        total = np.abs(left) @ np.abs(self._R[:, self._kept])
        if not self._kept or weights.max(initial=0.0) <= ROUNDING * total.max(initial=0.0):
            raise CircuitError(f"network {self._name}: {self._fault(right)}")
        state = self._kept.pop(self._chosen(weights))
        self._out.append(state)
        element = self._eq.states[state]
        if isinstance(element, Capacitor):
            self._open(element, state)
        else:
            self._insert(element, state)

    def _chosen(self, weights: Float[np.ndarray, " kept"]) -> int:
        """A capacitor that carries a cell's voltage stays, if another one can go."""
        cells = np.array([getattr(self._eq.states[k], "cell", None) is not None for k in self._kept])
        able = weights > 1e-3 * weights.max()
        return int(np.argmax(np.where(able & ~cells, weights + weights.max(), np.where(able, weights, 0.0))))

    def _fault(self, right: Matrix) -> str:
        size = np.abs(right[: len(self._eq.nodes)])
        if size.max(initial=0.0) < 1e-6 * np.abs(right).max():
            rows = {row: branch for branch, row in self._eq.branch.items()}
            loop = [rows[int(k)] for k in np.flatnonzero(np.abs(right) > 1e-6 * np.abs(right).max()) if int(k) in rows]
            return f"expected no loop of voltage sources, got one of {', '.join(loop[:8])}"
        loose = [self._eq.nodes[k] for k in np.flatnonzero(size > 1e-6 * size.max())]
        return (
            "expected every node to have a path for direct current; it is singular: nothing holds"
            f" {'node' if len(loose) == 1 else 'nodes'} {', '.join(loose[:8])}{' ...' if len(loose) > 8 else ''}"
        )

    def _open(self, capacitor: Capacitor, state: int) -> None:
        """A capacitor's branch becomes a current from a to b, in the state's column."""
        row = self._eq.branch[capacitor.name]
        self._K[row] = 0.0
        self._K[:, row] = 0.0
        self._K[row, row] = 1.0
        self._R[row] = 0.0
        self._R[:, state] = 0.0
        self._inject(capacitor.a, capacitor.b, state)

    def _insert(self, inductor: Inductor, state: int) -> None:
        """An inductor becomes a branch of given voltage, in the state's column, with a current that is unknown."""
        size = len(self._K)
        K = np.zeros((size + 1, size + 1))
        K[:size, :size] = self._K
        for node, sign in ((inductor.a, 1.0), (inductor.b, -1.0)):
            if node != GROUND:
                K[self._index[node], size] += sign
                K[size, self._index[node]] += sign
        R = np.zeros((size + 1, self._R.shape[1]))
        R[:size] = self._R
        R[:, state] = 0.0
        R[size, state] = 1.0
        self._K = K
        self._R = R
        self._extra[state] = size

    def _inject(self, a: str, b: str, column: int) -> None:
        for node, sign in ((a, -1.0), (b, 1.0)):
            if node != GROUND:
                self._R[self._index[node], column] += sign

    def _across(self, x: Matrix, a: str, b: str) -> Float[np.ndarray, " columns"]:
        zero = np.zeros(x.shape[1])
        return (x[self._index[a]] if a != GROUND else zero) - (x[self._index[b]] if b != GROUND else zero)

    def _flow(self, x: Matrix, state: int) -> Float[np.ndarray, " columns"]:
        """Current through a kept capacitor, voltage across a kept inductor."""
        element = self._eq.states[state]
        if isinstance(element, Capacitor):
            return np.asarray(x[self._eq.branch[element.name]])
        return self._across(x, element.a, element.b)

    def _potential(self, x: Matrix, state: int) -> Float[np.ndarray, " columns"]:
        """Voltage across a capacitor, current through an inductor, that are no states."""
        element = self._eq.states[state]
        if isinstance(element, Capacitor):
            return self._across(x, element.a, element.b)
        return np.asarray(x[self._extra[state]])

    def reduced(self, storages: Matrix) -> Reduced:
        eq = self._eq
        rows, columns = _scales(self._K)
        x = columns[:, None] * np.linalg.solve(self._K * rows[:, None] * columns, rows[:, None] * self._R)
        kept = self._kept
        # What rounding leaves of a column is no effect: whether something is there at all decides what follows.
        x[np.abs(x) < ROUNDING * np.abs(x).max(0)] = 0.0
        flow = np.array([self._flow(x, k) for k in kept]).reshape(len(kept), x.shape[1])
        potential = [self._potential(x, k) for k in self._out] + [self._across(x, c.a, c.b) for c in eq.links]
        p = np.array(potential).reshape(len(potential), x.shape[1])
        # Those that are no states: taken out here, and the links of loops of capacitors.
        other = [*self._out, *range(eq.link, eq.stimulus)]
        return _assembled(eq, kept, other, x[list(eq.outputs)], flow, p, storages, self._name)


def _assembled(
    eq: Equations,
    kept: list[int],
    other: list[int],
    y: Matrix,
    flow: Matrix,
    p: Matrix,
    storages: Matrix,
    name: str,
) -> Reduced:
    """`flow = S d/dt (s, p)` with `p` a sum of states and sources: its derivative goes to the left-hand side."""
    links = np.diag([float(c.capacitance) for c in eq.links])
    S = scipy.linalg.block_diag(storages, links) if len(links) else storages
    place = [*(k for k in other if k < len(storages)), *range(len(storages), len(S))]
    S_ss, S_sd = S[np.ix_(kept, kept)], S[np.ix_(kept, place)]
    S_ds, S_dd = S[np.ix_(place, kept)], S[np.ix_(place, place)]
    moving = [eq.drive, *range(eq.stimulus, eq.columns)]
    noise = list(range(eq.noise, eq.link))
    T, T_u, T_w = p[:, kept], p[:, moving], p[:, noise]
    # A source reaches the states through capacitors without delay: by its derivative.
    jump = flow[:, other] @ S_dd - S_sd
    read = y[:, other]
    if np.any(p[:, other]) or np.any(jump @ T_w) or np.any(read @ S_dd @ T_w):
        raise CircuitError(f"network {name}: a capacitor or inductor follows a noise source without delay")
    C = S_ss + S_sd @ T - flow[:, other] @ (S_ds + S_dd @ T)
    G = -flow[:, kept]
    given = [eq.drive, eq.drive + 1, *range(eq.stimulus, eq.columns)]
    B, D = flow[:, given], y[:, given]
    inflow, direct, M = flow[:, noise], y[:, noise], y[:, kept]
    if np.any(read):
        slope = np.linalg.solve(C.T, (read @ (S_ds + S_dd @ T)).T).T
        M, D, direct = M - slope @ G, D + slope @ B, direct + slope @ inflow
        steep = np.flatnonzero((slope @ jump @ T_u + read @ S_dd @ T_u).any(1))
        if len(steep):
            raise CircuitError(
                f"network {name}: output {int(steep[0]) + 1} of {len(y)} follows the derivative of a source, since a"
                " capacitor or inductor holds it against a source alone; read something else"
            )
    if np.any(jump @ T_u):
        moved = np.zeros((len(kept), len(given)))
        moved[:, [0, *range(2, len(given))]] = np.linalg.solve(C, jump @ T_u)
        B, D = B - G @ moved, D + M @ moved
    return Reduced(kept, C, G, B, inflow, M, D, direct)


def storage_matrix(eq: Equations, name: str) -> Float[np.ndarray, "m m"]:
    """Capacitances and inductances of the states, mutual ones beside the diagonal."""
    C = np.diag([_storage(state) for state in eq.states])
    if not eq.couplings:
        return C
    number = {state.name: k for k, state in enumerate(eq.states)}
    for coupling in eq.couplings:
        j, k = number[coupling.first], number[coupling.second]
        mutual = float(coupling.coefficient) * np.sqrt(C[j, j] * C[k, k])
        C[j, k] += mutual
        C[k, j] += mutual
    size = np.sqrt(np.diag(C))
    if not np.linalg.eigvalsh(C / np.outer(size, size))[0] > 1e-12:
        names = ", ".join(coupling.name for coupling in eq.couplings)
        raise CircuitError(f"network {name}: {names}: inductors cannot be coupled so: their energy could be negative")
    return C


def _storage(state: Capacitor | Inductor) -> float:
    return float(state.capacitance if isinstance(state, Capacitor) else state.inductance)
