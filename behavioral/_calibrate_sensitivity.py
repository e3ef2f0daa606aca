"""State space of a circuit together with its derivatives, each of low rank."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Complex, Float, Inexact, Int

from ..circuits import Capacitor, Equations, Inductor, Network, equations, link_voltages, state_space
from ._calibrate_duals import Number, gradient


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """`C ds/dt = X_f [s, 1]`, `v = X_o [s, 1]`, and how each changes with the parameters.

    A change of parameter `parameter[k]` adds `forcing[:, k] * (row[k] @ [s, 1])` to `ds/dt` and
    `direct[:, k] * (row[k] @ [s, 1])` to v; `row[k]` has the drive and the bias summed. (Capacitors act on ds/dt,
    which is linear in [s, 1] too.)
    """

    F: Float[np.ndarray, "m m"]
    settled: Float[np.ndarray, " m"]
    M: Float[np.ndarray, "n m"]
    y: Float[np.ndarray, " n"]
    initial: Float[np.ndarray, "m n"]
    parameter: Int[np.ndarray, " k"]
    forcing: Float[np.ndarray, "m k"]
    direct: Float[np.ndarray, "n k"]
    row: Float[np.ndarray, "k m1"]

    @classmethod
    def of(cls, network: Network) -> "Sensitivity":
        """Of a network whose values are dual numbers."""
        eq, space = equations(network), state_space(network)
        m = len(eq.states)
        x, Y = _solve(eq)
        slope = np.linalg.solve(space.C, np.column_stack([-space.G, space.drive + space.bias]))
        parameter, columns, rows = _changes(eq, x)
        left = Y @ columns
        # A link capacitor's current is C_l d/dt of a sum of states.
        weights = np.hstack([np.eye(m), -Y[:m] @ _link_currents(eq)])
        storage = _storage(eq, weights, np.vstack([np.eye(m), link_voltages(eq)]) @ slope)
        return cls(
            F=-slope[:, :m],
            settled=space.settled_states,
            M=space.M,
            y=space.y_drive + space.y_bias,
            initial=space.initial,
            parameter=np.array([*parameter, *(p for p, _, _ in storage)], dtype=int),
            forcing=np.linalg.solve(space.C, np.hstack([left[:m], *(column for _, column, _ in storage)])),
            direct=np.hstack([left[m:], np.zeros((len(left) - m, len(storage)))]),
            row=np.vstack([rows, *(row for _, _, row in storage)]),
        )

    def settled_jacobian(self, size: int) -> Float[np.ndarray, "n p"]:
        """Derivative of the settled readouts."""
        q = self.row @ np.append(self.settled, 1.0)
        change = (self.M @ np.linalg.solve(self.F, self.forcing) + self.direct) * q
        return _collect(change.T, self.parameter, size).T

    def transient(
        self, times: Float[np.ndarray, " times"], v0: Float[np.ndarray, " n"], size: int
    ) -> tuple[Float[np.ndarray, "times n"], Float[np.ndarray, "times n p"]]:
        """Readouts and their derivatives at times after a start from cell voltages v0.

        With modes `F = V diag(lam) V^-1` a change that is driven by mode j moves mode i by the divided difference
        `(exp(-lam_j t) - exp(-lam_i t))/(lam_i - lam_j)`: exact, no time is stepped. So every derivative is a sum
        of `exp(-lam_i t)` and `t exp(-lam_i t)`.
        """
        lam, V = scipy.linalg.eig(self.F)
        W = np.linalg.inv(V)
        c = W @ (self.initial @ v0 - self.settled)
        # The constant part of a trajectory is one more mode, of rate zero.
        rates = np.append(lam, 0.0)
        amplitude = np.vstack([(self.row[:, :-1] @ V * c).T, self.row @ np.append(self.settled, 1.0)])
        decay = np.exp(-np.multiply.outer(rates, times))
        # Modes that have died out before the first sample have no part in the sum.
        alive = np.flatnonzero(np.abs(decay).max(axis=1) > _DEAD)
        basis = np.vstack([decay[alive], times * decay[alive]])
        differences, close = _differences(lam, rates)
        modal, left = W @ self.forcing, self.M @ V
        jacobian = np.empty((len(times), len(left), size))
        for k, weights in enumerate(left):
            # d v_k(t) = sum_ij driven_i phi_ij(t) amplitude_j + direct * amplitude
            driven = weights[:, None] * modal
            once = (differences[:, alive].T @ driven + self.direct[k]) * amplitude[alive]
            mine = alive[alive < len(lam)]
            once[: len(mine)] -= driven[mine] * (differences[mine] @ amplitude)
            twice = (close[:, alive].T @ driven) * amplitude[alive]
            terms = _collect(np.vstack([once, twice]).T, self.parameter, size)
            jacobian[:, k] = (terms @ basis).real.T
        states = self.settled + (V * c @ decay[:-1]).real.T
        return states @ self.M.T + self.y, jacobian


_DEAD = 1e-18

_CLOSE = 1e-6
"""Rates that agree to this part count as equal: the divided difference then errs by less than its own rounding."""


def _differences(
    lam: Complex[np.ndarray, " i"], rates: Complex[np.ndarray, " j"]
) -> tuple[Complex[np.ndarray, "i j"], Float[np.ndarray, "i j"]]:
    """`1/(lam_i - rates_j)` where they differ, and ones where they are equal (`phi = t exp(-lam t)` there)."""
    gap = lam[:, None] - rates
    close = np.abs(gap) <= _CLOSE * np.abs(lam[:, None])
    return np.where(close, 0.0, 1.0 / np.where(close, 1.0, gap)), close.astype(float)


def _solve(eq: Equations) -> tuple[Float[np.ndarray, "size m1"], Float[np.ndarray, "k size"]]:
    """Every voltage and branch current for [s, 1], and the rows of the inverse that give flows and readouts."""
    K = np.zeros((eq.size, eq.size))
    for i, j, value in eq.K:
        K[i, j] += float(value)
    factors = scipy.linalg.lu_factor(K)
    flows = np.zeros((eq.size, len(eq.states)))
    for k, state in enumerate(eq.states):
        flows[:, k] = _flow(eq, state)
    wanted = np.hstack([flows, np.eye(eq.size)[:, list(eq.outputs)]])
    return scipy.linalg.lu_solve(factors, _right(eq)), scipy.linalg.lu_solve(factors, wanted, trans=1).T


def _flow(eq: Equations, state: Capacitor | Inductor) -> Float[np.ndarray, " size"]:
    """Picks the current through a capacitor, or the voltage across an inductor."""
    row = np.zeros(eq.size)
    if isinstance(state, Capacitor):
        row[eq.branch[state.name]] = 1.0
        return row
    for node, sign in ((state.a, 1.0), (state.b, -1.0)):
        if node in eq.nodes:
            row[eq.nodes.index(node)] = sign
    return row


def _right(eq: Equations) -> Float[np.ndarray, "size m1"]:
    """Drive and bias are both constant after the step: one column after the states."""
    m = len(eq.states)
    R = np.zeros((eq.size, m + 1))
    for i, j, value in eq.R:
        if j < m + 2:
            R[i, min(j, m)] += float(value)
    return R


def _link_currents(eq: Equations) -> Float[np.ndarray, "size l"]:
    R = np.zeros((eq.size, len(eq.links)))
    for i, j, value in eq.R:
        if j >= eq.link:
            R[i, j - eq.link] += float(value)
    return R


def _value(state: Capacitor | Inductor) -> Number:
    value: Number = state.capacitance if isinstance(state, Capacitor) else state.inductance
    return value


def _storage(
    eq: Equations, columns: Float[np.ndarray, "m k"], rates: Float[np.ndarray, "k m1"]
) -> list[tuple[int, Float[np.ndarray, "m 1"], Float[np.ndarray, "1 m1"]]]:
    """`-dC ds/dt` of each parameter: a larger capacitor takes current in proportion to its own voltage's slope."""
    return [
        (p, -g * columns[:, [k]], rates[[k]])
        for k, element in enumerate((*eq.states, *eq.links))
        for p, g in gradient(_value(element)).items()
    ]


def _changes(
    eq: Equations, x: Float[np.ndarray, "size m1"]
) -> tuple[list[int], Float[np.ndarray, "size k"], Float[np.ndarray, "k m1"]]:
    """`dR - dK x` of each parameter as columns times rows; a resistor's two nodes see opposite currents: one term."""
    m = len(eq.states)
    found: dict[int, dict[int, np.ndarray]] = defaultdict(dict)
    for i, j, value in eq.K:
        for p, slope in gradient(value).items():
            row = found[p].setdefault(i, np.zeros(m + 1))
            row -= slope * x[j]
    for i, j, value in eq.R:
        for p, slope in gradient(value).items():
            if j < m + 2:
                found[p].setdefault(i, np.zeros(m + 1))[min(j, m)] += slope
    terms = [(p, column, row) for p, rows in found.items() for column, row in _merged(rows)]
    columns = np.zeros((eq.size, len(terms)))
    for k, (_, column, _) in enumerate(terms):
        for i, sign in column:
            columns[i, k] = sign
    rows_ = np.array([row for _, _, row in terms]).reshape(len(terms), m + 1)
    return [p for p, _, _ in terms], columns, rows_


def _merged(rows: dict[int, np.ndarray]) -> list[tuple[list[tuple[int, float]], np.ndarray]]:
    if len(rows) == 2:
        (i, first), (j, second) = rows.items()
        if np.array_equal(first, -second):
            return [([(i, 1.0), (j, -1.0)], first)]
    return [([(i, 1.0)], row) for i, row in rows.items() if np.any(row)]


def _collect(
    terms: Inexact[np.ndarray, "k columns"], parameter: Int[np.ndarray, " k"], size: int
) -> Inexact[np.ndarray, "p columns"]:
    """Sum of the terms of each parameter."""
    k = len(parameter)
    picks = scipy.sparse.csr_array((np.ones(k), (parameter, np.arange(k))), shape=(size, k))
    return np.asarray(picks @ terms)
