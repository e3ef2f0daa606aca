"""State space of a circuit together with its derivatives, each of low rank."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy
from jaxtyping import Bool, Complex, Float, Inexact, Int

from ....circuits import Network
from ....circuits.networks import Capacitor, Equations, Inductor, equations
from ....circuits.state_spaces import link_voltages
from ._array import DualArray
from ._changes import Changes, collect, storage_changes, storage_value
from ._dual_numbers import gradient
from ._wires import Wires

AMPLIFIER_NOISE = -1
"""Marks, among the parameters, what depends on an amplifier's noise voltage."""

Unknown = Sequence[tuple[int, int, float, bool]]
"""Parameters of readouts: index, readout, slope of the value, and whether it is a gain."""


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
    `spread(forcing)[:, k] * (row[k] @ u)` to `ds/dt` and `spread(direct)[:, k] * (row[k] @ u)` to v: a term acts at one
    place of the circuit or between two, and the places are far fewer than the terms. (Capacitors act on ds/dt, which
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
    plus: Int[np.ndarray, " k"]
    """Column of `forcing` and `direct` that a term adds."""
    minus: Int[np.ndarray, " k"]
    """The one that it takes away; the last one is zero."""
    forcing: Float[np.ndarray, "m d"]
    direct: Float[np.ndarray, "n d"]
    row: Float[np.ndarray, "k u"]
    coloured: Bool[np.ndarray, " j"]
    """Sources that are an amplifier's noise voltage, which has 1/f noise beside the white."""
    memory: int = 0
    """How many of the states, the last ones, are relaxation processes; the last sources drive them, one each."""

    @classmethod
    def of(cls, network: Network, array: DualArray | None = None, noisy: bool = False) -> "Sensitivity":
        """Of a network whose values are dual numbers, and an array beside it; without noise sources unless `noisy`."""
        eq = equations(network, noisy=noisy)
        m, n = len(eq.states), len(eq.outputs)
        wires = Wires.of(eq, array, noisy)
        x, Y, flows = _solve(eq, wires)
        # Link capacitors: their current is C_l d/dt of a sum of states, which moves to the left-hand side.
        T = link_voltages(eq)
        C_link = np.diag([float(link.capacitance) for link in eq.links])
        link = eq.link + wires.sources
        C = np.diag([float(storage_value(state)) for state in eq.states]) - flows @ x[:, link:] @ C_link @ T
        x = x[:, :link]
        slope = np.linalg.solve(C, flows @ x)
        readout = x[list(eq.outputs)]
        slopes = [(p, j, g) for j, value in enumerate(eq.densities) for p, g in gradient(value).items()]
        coloured = np.zeros(len(eq.densities) + wires.sources, dtype=bool)
        coloured[[j for p, j, _ in slopes if p == AMPLIFIER_NOISE]] = True
        owner, source, change = np.array([s for s in slopes if s[0] >= 0], dtype=float).reshape(-1, 3).T
        terms = _Terms.of(eq, wires, x, np.vstack([np.eye(m), T]) @ slope)
        # A larger capacitor takes current in proportion to its own voltage's slope.
        storage = np.hstack([np.eye(m), -Y[:m] @ _link_currents(eq)])
        places = np.hstack([Y[:m], -storage, np.zeros((m, 1))])[:, terms.places]
        direct = np.hstack([Y[m:], np.zeros((n, storage.shape[1] + 1))])[:, terms.places]
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
            densities=np.concatenate([[float(value) for value in eq.densities], wires.densities]),
            owner=np.concatenate([owner.astype(int), wires.owner]),
            source=np.concatenate([source.astype(int), len(eq.densities) + wires.source]),
            slope=np.concatenate([change, wires.slope]),
            parameter=terms.parameter,
            plus=terms.plus,
            minus=terms.minus,
            forcing=np.linalg.solve(C, places),
            direct=direct,
            row=terms.row,
            coloured=coloured,
        )

    def spread(self, places: Inexact[np.ndarray, "*batch d"]) -> Inexact[np.ndarray, "*batch k"]:
        """From the places where terms act to the terms."""
        return np.asarray(places[..., self.plus] - places[..., self.minus])

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

    def read(
        self,
        gain: Float[np.ndarray, " n"],
        offset: Float[np.ndarray, " n"],
        unknown: Unknown,
    ) -> "Sensitivity":
        """As readouts with gains (n,) and offsets (n,) [V] see it.

        `unknown` are the parameters among them: index, readout, slope of the value, and whether it is a gain. They act
        at the readouts alone, which become places of their own.
        """
        n, m = self.M.shape
        raw = np.hstack([self.M, self.y_drive[:, None], self.y_bias[:, None], self.D])
        one = np.zeros(raw.shape[1])
        one[m + 1] = 1.0
        rows = [slope * (raw[i] if is_gain else one) for _, i, slope, is_gain in unknown]
        first = self.forcing.shape[1]
        places = np.array([first + i for _, i, _, _ in unknown], dtype=int)
        return replace(
            self,
            M=gain[:, None] * self.M,
            y_drive=gain * self.y_drive,
            y_bias=gain * self.y_bias + offset,
            D=gain[:, None] * self.D,
            parameter=np.append(self.parameter, np.array([k for k, *_ in unknown], dtype=int)),
            plus=np.append(self.plus, places),
            minus=np.append(self.minus, np.full(len(unknown), first + n)),
            # The last place is nowhere.
            forcing=np.pad(self.forcing, ((0, 0), (0, n + 1))),
            direct=np.hstack([gain[:, None] * self.direct, np.eye(n), np.zeros((n, 1))]),
            row=np.vstack([self.row, np.array(rows).reshape(-1, raw.shape[1])]),
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
        change = self.spread(self.M @ np.linalg.solve(self.F, self.forcing) + self.direct) * q
        return collect(change.T, self.parameter, size).T


_CLOSE = 1e-6
"""Rates that agree to this part count as equal: the divided difference then errs by less than its own rounding."""


def differences(
    lam: Complex[np.ndarray, " i"], rates: Complex[np.ndarray, " j"]
) -> tuple[Complex[np.ndarray, "i j"], Float[np.ndarray, "i j"]]:
    """`1/(lam_i - rates_j)` where they differ, and ones where they are equal."""
    gap = lam[:, None] - rates
    close = np.abs(gap) <= _CLOSE * np.abs(lam[:, None])
    return np.where(close, 0.0, 1.0 / np.where(close, 1.0, gap)), close.astype(float)


def divided_difference(
    lam: Complex[np.ndarray, " m"], f: Complex[np.ndarray, " m"], slope: Complex[np.ndarray, " m"]
) -> Complex[np.ndarray, "m m"]:
    """`(f_j - f_i)/(lam_i - lam_j)`, and `-slope` where the rates are equal: how a function of F changes with -F."""
    inverse, close = differences(lam, lam)
    return np.asarray((f - f[:, None]) * inverse - close * (slope + slope[:, None]) / 2)


def _solve(
    eq: Equations, wires: Wires
) -> tuple[Float[np.ndarray, "size u"], Float[np.ndarray, "k size"], Float[np.ndarray, "m size"]]:
    """Every voltage and branch current for each of u, the rows of the inverse that give flows and readouts, and what
    picks the flows."""
    K = np.zeros((eq.size, eq.size))
    for i, j, value in eq.K:
        K[i, j] += float(value)
    wires.stamp(K)
    # The array's noise sources come after the others, before the links.
    R = np.zeros((eq.size, eq.link + wires.sources + len(eq.links)))
    for i, j, value in eq.R:
        R[i, j if j < eq.link else j + wires.sources] += float(value)
    wires.inject(R[:, eq.link : eq.link + wires.sources])
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


@dataclass(frozen=True, eq=False)
class _Terms:
    """Terms of every parameter, by the places where they act: equations, then storage elements, then nowhere."""

    parameter: Int[np.ndarray, " k"]
    plus: Int[np.ndarray, " k"]
    minus: Int[np.ndarray, " k"]
    row: Float[np.ndarray, "k u"]
    places: Int[np.ndarray, " d"]

    @classmethod
    def of(
        cls, eq: Equations, wires: Wires, x: Float[np.ndarray, "size u"], rates: Float[np.ndarray, "s u"]
    ) -> "_Terms":
        changes, storage = Changes.of(eq, x), storage_changes(eq)
        parameter, element, slope = np.array(storage, dtype=float).reshape(-1, 3).T
        nowhere = eq.size + len(rates)
        begin = np.concatenate([changes.plus, wires.plus, eq.size + element.astype(int)])
        end = np.concatenate([changes.minus, wires.minus, np.full(len(storage), -1)])
        end = np.where(end < 0, nowhere, end)
        # `nowhere` is the largest: it stays the last one.
        places, index = np.unique(np.concatenate([begin, end, [nowhere]]), return_inverse=True)
        k = len(begin)
        return cls(
            np.concatenate([changes.parameter, wires.parameter, parameter.astype(int)]),
            index[:k],
            index[k : 2 * k],
            np.vstack([changes.row, wires.rows(x), slope[:, None] * rates[element.astype(int)]]),
            places,
        )
