"""State space of a circuit together with its derivatives, each of low rank."""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Bool, Complex, Float, Inexact, Int

from ..circuits import (
    Capacitor,
    Equations,
    Inductor,
    Network,
    equations,
    link_voltages,
)
from ._calibrate_duals import Number, gradient

AMPLIFIER_NOISE = -1
"""Marks, among the parameters, what depends on an amplifier's noise voltage."""


@dataclass(frozen=True, eq=False)
class Modes:
    """`F = V diag(lam) W` with `W = V^-1`."""

    lam: Complex[np.ndarray, " m"]
    V: Complex[np.ndarray, "m m"]
    W: Complex[np.ndarray, "m m"]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """`ds/dt = -F s + drive + bias + L dW`, `v = M s + y_drive + y_bias + D dW`, and how each changes.

    The columns of `row` belong to u = (states, drive, bias, noise sources). A change of parameter `parameter[k]` adds
    `forcing[:, k] * (row[k] @ u)` to `ds/dt` and `direct[:, k] * (row[k] @ u)` to v. (Capacitors act on ds/dt, which
    is linear in u too.) It also changes the sources' densities: `densities` of source `source[j]` by `slope[j]` for
    parameter `owner[j]`.
    """

    F: Float[np.ndarray, "m m"]
    drive: Float[np.ndarray, " m"]
    bias: Float[np.ndarray, " m"]
    L: Float[np.ndarray, "m j"]
    M: Float[np.ndarray, "n m"]
    y_drive: Float[np.ndarray, " n"]
    y_bias: Float[np.ndarray, " n"]
    D: Float[np.ndarray, "n j"]
    initial: Float[np.ndarray, "m n"]
    densities: Float[np.ndarray, " j"]
    """Two-sided [A^2/Hz]."""
    owner: Int[np.ndarray, " s"]
    source: Int[np.ndarray, " s"]
    slope: Float[np.ndarray, " s"]
    parameter: Int[np.ndarray, " k"]
    forcing: Float[np.ndarray, "m k"]
    direct: Float[np.ndarray, "n k"]
    row: Float[np.ndarray, "k u"]
    coloured: Bool[np.ndarray, " j"]
    """Sources that are an amplifier's noise voltage, which has 1/f noise beside the white."""
    memory: int = 0
    """How many of the states, the last ones, are relaxation processes; the last sources drive them, one each."""

    @classmethod
    def of(cls, network: Network) -> "Sensitivity":
        """Of a network whose values are dual numbers."""
        eq = equations(network)
        m, n = len(eq.states), len(eq.outputs)
        x, Y, flows = _solve(eq)
        # Link capacitors: their current is C_l d/dt of a sum of states, which moves to the left-hand side.
        T = link_voltages(eq)
        C_link = np.diag([float(link.capacitance) for link in eq.links])
        C = np.diag([float(_value(state)) for state in eq.states]) - flows @ x[:, eq.link :] @ C_link @ T
        x = x[:, : eq.link]
        slope = np.linalg.solve(C, flows @ x)
        readout = x[list(eq.outputs)]
        parameter, columns, rows = _changes(eq, x)
        left = Y @ columns
        weights = np.hstack([np.eye(m), -Y[:m] @ _link_currents(eq)])
        storage = _storage(eq, weights, np.vstack([np.eye(m), T]) @ slope)
        slopes = [(p, j, g) for j, value in enumerate(eq.densities) for p, g in gradient(value).items()]
        coloured = np.zeros(len(eq.densities), dtype=bool)
        coloured[[j for p, j, _ in slopes if p == AMPLIFIER_NOISE]] = True
        owner, source, change = np.array([s for s in slopes if s[0] >= 0], dtype=float).reshape(-1, 3).T
        return cls(
            F=-slope[:, :m],
            drive=slope[:, m],
            bias=slope[:, m + 1],
            L=slope[:, m + 2 :],
            M=readout[:, :m],
            y_drive=readout[:, m],
            y_bias=readout[:, m + 1],
            D=readout[:, m + 2 :],
            initial=_initial(eq, n),
            densities=np.array([float(value) for value in eq.densities]),
            owner=owner.astype(int),
            source=source.astype(int),
            slope=change,
            parameter=np.array([*parameter, *(p for p, _, _ in storage)], dtype=int),
            forcing=np.linalg.solve(C, np.hstack([left[:m], *(column for _, column, _ in storage)])),
            direct=np.hstack([left[m:], np.zeros((n, len(storage)))]),
            row=np.vstack([rows, *(row for _, _, row in storage)]),
            coloured=coloured,
        )

    def with_noise_scale(self, factor: float, parameter: int, spread: float) -> "Sensitivity":
        """Every density times a factor, whose logarithm is a parameter of this prior spread."""
        j = np.arange(len(self.densities))
        return replace(
            self,
            densities=factor * self.densities,
            owner=np.append(self.owner, np.full(len(j), parameter)),
            source=np.append(self.source, j),
            slope=np.append(factor * self.slope, factor * spread * self.densities),
        )

    @property
    def m(self) -> int:
        """Number of states."""
        return len(self.F)

    @cached_property
    def settled(self) -> Float[np.ndarray, " m"]:
        """States of the settled circuit."""
        return np.linalg.solve(self.F, self.drive + self.bias)

    @cached_property
    def y(self) -> Float[np.ndarray, " n"]:
        """What reaches the readouts directly [V]."""
        return np.asarray(self.y_drive + self.y_bias)

    @cached_property
    def modes(self) -> Modes:
        """Of the drift; every derivative is a sum of functions of two of them."""
        lam, V = scipy.linalg.eig(self.F)
        return Modes(lam.astype(complex), V.astype(complex), np.linalg.inv(V).astype(complex))

    @cached_property
    def step_row(self) -> Float[np.ndarray, "k m1"]:
        """`row` for (states, 1): drive and bias are both constant after the step."""
        m = self.m
        return np.hstack([self.row[:, :m], self.row[:, [m]] + self.row[:, [m + 1]]])

    def settled_jacobian(self, size: int) -> Float[np.ndarray, "n p"]:
        """Derivative of the settled readouts."""
        q = self.step_row @ np.append(self.settled, 1.0)
        change = (self.M @ np.linalg.solve(self.F, self.forcing) + self.direct) * q
        return collect(change.T, self.parameter, size).T

    def transient(
        self, times: Float[np.ndarray, " times"], v0: Float[np.ndarray, " n"], size: int
    ) -> tuple[Float[np.ndarray, "times n"], Float[np.ndarray, "times n p"]]:
        """Readouts and their derivatives at times after a start from cell voltages v0.

        With modes `F = V diag(lam) V^-1` a change that is driven by mode j moves mode i by the divided difference
        `(exp(-lam_j t) - exp(-lam_i t))/(lam_i - lam_j)`: exact, no time is stepped. So every derivative is a sum
        of `exp(-lam_i t)` and `t exp(-lam_i t)`.
        """
        lam, V, W = self.modes.lam, self.modes.V, self.modes.W
        c = W @ (self.initial @ v0 - self.settled)
        # The constant part of a trajectory is one more mode, of rate zero.
        rates = np.append(lam, 0.0)
        amplitude = np.vstack([(self.row[:, : self.m] @ V * c).T, self.step_row @ np.append(self.settled, 1.0)])
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
            terms = collect(np.vstack([once, twice]).T, self.parameter, size)
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


def divided_difference(
    lam: Complex[np.ndarray, " m"], f: Complex[np.ndarray, " m"], slope: Complex[np.ndarray, " m"]
) -> Complex[np.ndarray, "m m"]:
    """`(f_j - f_i)/(lam_i - lam_j)`, and `-slope` where the rates are equal: how a function of F changes with -F."""
    inverse, close = _differences(lam, lam)
    return np.asarray((f - f[:, None]) * inverse - close * (slope + slope[:, None]) / 2)


def _solve(
    eq: Equations,
) -> tuple[Float[np.ndarray, "size u"], Float[np.ndarray, "k size"], Float[np.ndarray, "m size"]]:
    """Every voltage and branch current for each of u, the rows of the inverse that give flows and readouts, and what
    picks the flows."""
    K = np.zeros((eq.size, eq.size))
    for i, j, value in eq.K:
        K[i, j] += float(value)
    R = np.zeros((eq.size, eq.link + len(eq.links)))
    for i, j, value in eq.R:
        R[i, j] += float(value)
    factors = scipy.linalg.lu_factor(K)
    flows = np.zeros((eq.size, len(eq.states)))
    for k, state in enumerate(eq.states):
        flows[:, k] = _flow(eq, state)
    wanted = np.hstack([flows, np.eye(eq.size)[:, list(eq.outputs)]])
    return scipy.linalg.lu_solve(factors, R), scipy.linalg.lu_solve(factors, wanted, trans=1).T, flows.T


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


def _link_currents(eq: Equations) -> Float[np.ndarray, "size l"]:
    R = np.zeros((eq.size, len(eq.links)))
    for i, j, value in eq.R:
        if j >= eq.link:
            R[i, j - eq.link] += float(value)
    return R


def _initial(eq: Equations, n: int) -> Float[np.ndarray, "m n"]:
    initial = np.zeros((len(eq.states), n))
    for k, state in enumerate(eq.states):
        if isinstance(state, Capacitor) and state.cell is not None:
            initial[k, state.cell] = state.sign
    return initial


def _value(state: Capacitor | Inductor) -> Number:
    value: Number = state.capacitance if isinstance(state, Capacitor) else state.inductance
    return value


def _storage(
    eq: Equations, columns: Float[np.ndarray, "m k"], rates: Float[np.ndarray, "k u"]
) -> list[tuple[int, Float[np.ndarray, "m 1"], Float[np.ndarray, "1 u"]]]:
    """`-dC ds/dt` of each parameter: a larger capacitor takes current in proportion to its own voltage's slope."""
    return [
        (p, -g * columns[:, [k]], rates[[k]])
        for k, element in enumerate((*eq.states, *eq.links))
        for p, g in gradient(_value(element)).items()
    ]


def _changes(
    eq: Equations, x: Float[np.ndarray, "size u"]
) -> tuple[list[int], Float[np.ndarray, "size k"], Float[np.ndarray, "k u"]]:
    """`dR - dK x` of each parameter as columns times rows; a resistor's two nodes see opposite currents: one term."""
    width = x.shape[1]
    found: dict[int, dict[int, np.ndarray]] = defaultdict(dict)
    for i, j, value in eq.K:
        for p, slope in gradient(value).items():
            row = found[p].setdefault(i, np.zeros(width))
            row -= slope * x[j]
    for i, j, value in eq.R:
        for p, slope in gradient(value).items():
            found[p].setdefault(i, np.zeros(width))[j] += slope
    terms = [(p, column, row) for p, rows in found.items() for column, row in _merged(rows)]
    columns = np.zeros((eq.size, len(terms)))
    for k, (_, column, _) in enumerate(terms):
        for i, sign in column:
            columns[i, k] = sign
    rows_ = np.array([row for _, _, row in terms]).reshape(len(terms), width)
    return [p for p, _, _ in terms], columns, rows_


def _merged(rows: dict[int, np.ndarray]) -> list[tuple[list[tuple[int, float]], np.ndarray]]:
    if len(rows) == 2:
        (i, first), (j, second) = rows.items()
        if np.array_equal(first, -second):
            return [([(i, 1.0), (j, -1.0)], first)]
    return [([(i, 1.0)], row) for i, row in rows.items() if np.any(row)]


def collect(
    terms: Inexact[np.ndarray, "k columns"], parameter: Int[np.ndarray, " k"], size: int
) -> Inexact[np.ndarray, "p columns"]:
    """Sum of the terms of each parameter."""
    k = len(parameter)
    picks = scipy.sparse.csr_array((np.ones(k), (parameter, np.arange(k))), shape=(size, k))
    return np.asarray(picks @ terms)
