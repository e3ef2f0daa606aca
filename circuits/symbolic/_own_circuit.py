"""A circuit of one's own as formulas: a symbol for the value of each element, named as the element is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from sympy import Matrix, Symbol

from ..linear_circuits import LinearCircuit, value_field, value_of
from ..networks import Capacitor, CurrentSource, Equations, Network, OpAmp, VoltageSource, equations
from ..state_spaces import link_voltages
from ._elimination import Row, solve
from ._model import simplified
from ._symbols import T, k, omega, s

# Inverses of symbolic matrices grow without bound; each formula is found in seconds and read by a person up to these.
MOST_STATES = 3
MOST_NOISE_STATES = 2
MOST_ELEMENTS = 24
MOST_REDUCED = 40
"""Elements up to which the state matrices are written with symbols."""


@dataclass(frozen=True, eq=False)
class CircuitModel:
    """`C ds/dt = -G s + B u + dI/dt`, `v = M s + D u`, u the independent sources; two-sided noise densities.

    Raises:
        ValueError: an amplifier with a macro-model, whose limits have no formula, or too many elements.
    """

    circuit: LinearCircuit

    def __post_init__(self) -> None:
        network = self.circuit.network
        if any(isinstance(e, OpAmp) and e.model is not None for e in network.elements):
            raise ValueError(f"network {network.name}: an amplifier with a macro-model has numbers alone")
        if len(network.elements) > MOST_REDUCED:
            raise ValueError(
                f"network {network.name}: expected at most {MOST_REDUCED} elements to write with symbols, got"
                f" {len(network.elements)}"
            )

    @cached_property
    def symbols(self) -> Mapping[str, Symbol]:
        """The symbol of each element's value."""
        network = self.circuit.network
        return {e.name: Symbol(_plain(e.name), real=True) for e in network.elements if value_of(e)}

    @cached_property
    def network(self) -> Network:
        """The circuit with symbols for its values."""
        elements = []
        for e in self.circuit.network.elements:
            if e.name in self.symbols and (name := value_field(e)) is not None:
                elements.append(replace(e, **{name: self.symbols[e.name]}))
            else:
                elements.append(e)
        return replace(self.circuit.network, elements=tuple(elements), temperature=T)

    @cached_property
    def equations(self) -> Equations:
        """Nodal equations of the symbols."""
        return equations(self.network, boltzmann=k)

    @cached_property
    def sources(self) -> tuple[VoltageSource | CurrentSource, ...]:
        """The inputs u, of a volt or an ampere each."""
        return tuple(e for e in self.network.elements if isinstance(e, VoltageSource | CurrentSource))

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the capacitors and inductors whose voltage or current is a state."""
        return tuple(state.name for state in self.equations.states)

    @cached_property
    def _solved(self) -> dict[int, Row]:
        eq = self.equations
        first = eq.columns
        index = {node: row for row, node in enumerate(eq.nodes)}
        R = list(eq.R)
        for number, source in enumerate(self.sources):
            if isinstance(source, VoltageSource):
                R.append((eq.branch[source.name], first + number, 1))
            else:
                R += [
                    (index[node], first + number, sign)
                    for node, sign in ((source.a, -1), (source.b, 1))
                    if node in index
                ]
        try:
            return solve(eq.size, eq.K, R, range(eq.size))
        except ValueError:
            raise ValueError(
                f"network {self.network.name}: some capacitor or inductor has no state of its own, being held by"
                " sources or by others; there are numbers alone"
            ) from None

    @cached_property
    def _flow(self) -> list[Row]:
        """Currents through the capacitors, voltages across the inductors."""
        eq = self.equations
        index = {node: row for row, node in enumerate(self.equations.nodes)}
        rows = []
        for state in eq.states:
            if isinstance(state, Capacitor):
                rows.append(self._solved[eq.branch[state.name]])
                continue
            row: Row = {}
            for node, sign in ((state.a, 1), (state.b, -1)):
                for column, value in self._solved[index[node]].items() if node in index else ():
                    row[column] = row.get(column, 0) + sign * value
            rows.append(row)
        return rows

    def _block(self, rows: list[Row], first: int, count: int) -> Matrix:
        return Matrix(len(rows), count, lambda i, j: sympy.sympify(rows[i].get(first + j, 0)))

    @cached_property
    def C(self) -> Matrix:
        """Storage [F or H]."""
        eq = self.equations
        values = [e.capacitance if isinstance(e, Capacitor) else e.inductance for e in eq.states]
        found = sympy.diag(*values) if values else sympy.zeros(0, 0)
        number = {name: row for row, name in enumerate(self.states)}
        for coupling in eq.couplings:
            i = number[coupling.first]
            j = number[coupling.second]
            mutual = coupling.coefficient * sympy.sqrt(values[i] * values[j])
            found[i, j] += mutual
            found[j, i] += mutual
        path = link_voltages(eq).astype(int)
        for row, entries in enumerate(self._flow):
            for link, capacitor in enumerate(eq.links):
                current = entries.get(eq.link + link, 0)
                for column in np.flatnonzero(path[link]) if current != 0 else ():
                    found[row, int(column)] -= current * capacitor.capacitance * int(path[link, column])
        return found

    @cached_property
    def G(self) -> Matrix:
        """Conductances [S]."""
        return -self._block(self._flow, 0, len(self.states))

    @cached_property
    def B(self) -> Matrix:
        """What a unit of each source drives into the states."""
        return self._block(self._flow, self.equations.columns, len(self.sources))

    @cached_property
    def M(self) -> Matrix:
        """Outputs by state."""
        return self._block(self._read, 0, len(self.states))

    @cached_property
    def D(self) -> Matrix:
        """Outputs by source, at once."""
        return self._block(self._read, self.equations.columns, len(self.sources))

    @property
    def _read(self) -> list[Row]:
        return [self._solved[row] for row in self.equations.outputs]

    @cached_property
    def inflow(self) -> Matrix:
        """Currents into the states for a unit of each noise source."""
        eq = self.equations
        return self._block(self._flow, eq.noise, len(eq.densities))

    @cached_property
    def direct(self) -> Matrix:
        """Outputs for a unit of each noise source, at once."""
        eq = self.equations
        return self._block(self._read, eq.noise, len(eq.densities))

    @property
    def small(self) -> bool:
        """Whether an inverse can be written down."""
        return len(self.states) <= MOST_STATES and len(self.network.elements) <= MOST_ELEMENTS

    @cached_property
    def transfer(self) -> Matrix:
        """Transfer from each source to each output, in s."""
        return simplified(self.M * self._inverse(s) * self.B + self.D)

    def _inverse(self, at: Any) -> Matrix:
        K = at * self.C + self.G
        return K.adjugate() / K.det() if len(self.states) else sympy.zeros(0, 0)

    @cached_property
    def settled(self) -> Matrix:
        """Outputs at rest [V]."""
        levels = Matrix([sympy.sympify(source.dc) for source in self.sources])
        if not self.sources:
            return sympy.zeros(len(self.equations.outputs), 1)
        return simplified(self.transfer.subs(s, 0) * levels)

    @cached_property
    def characteristic(self) -> Any:
        """The polynomial in s whose roots are the poles."""
        found = sympy.together((s * self.C + self.G).det())
        return sympy.collect(sympy.expand(sympy.fraction(found)[0]), s)

    @property
    def noise_is_small(self) -> bool:
        """Whether products of two inverses can be written down."""
        return self.small and len(self.states) <= MOST_NOISE_STATES

    @cached_property
    def output_noise(self) -> Matrix:
        """One-sided density of each output [V^2/Hz] at angular frequency omega."""
        H = self.M * self._inverse(sympy.I * omega) * self.inflow + self.direct
        return Matrix([self._power(H[i, :]) for i in range(H.rows)])

    def _power(self, row: Matrix) -> Any:
        real = {symbol: Symbol(symbol.name, real=True) for symbol in self.symbols.values()}
        total = 0
        for value, density in zip(row, self.equations.densities, strict=True):
            fraction = sympy.cancel(sympy.together(value.subs(real)))
            top, bottom = sympy.fraction(fraction)
            size = [sympy.expand(part * sympy.conjugate(part)) for part in (top, bottom)]
            total += 2 * density * size[0] / size[1]
        return sympy.factor(sympy.cancel(sympy.together(total)))

    @cached_property
    def covariance(self) -> Matrix:
        """Covariance of the outputs over all frequencies [V^2]; None of it where noise reaches an output at once."""
        m = len(self.states)
        densities = sympy.diag(*self.equations.densities) if self.equations.densities else sympy.zeros(0, 0)
        Q = self.inflow * densities * self.inflow.T
        upper = {(i, j): Symbol(f"P_{i}{j}") for i in range(m) for j in range(i, m)}
        P = Matrix(m, m, lambda i, j: upper[min(i, j), max(i, j)])
        # G P C + C P G' = Q, which has no inverse of C in it.
        residual = self.G * P * self.C.T + self.C * P * self.G.T - Q
        found = sympy.solve([residual[i, j] for i, j in upper], list(upper.values()), dict=True)
        if not found:
            raise ValueError(f"network {self.circuit.network.name}: its covariance has no closed form")
        return simplified(self.M * P.subs(found[0]) * self.M.T)

    def sensitivities(self, expression: Matrix) -> Matrix:
        """Changes for a relative change of each element, `x d/dx`; a column an element."""
        columns = [expression.diff(x) * x for x in self.symbols.values()]
        return simplified(Matrix.hstack(*columns)) if columns else sympy.zeros(expression.rows, 0)

    def values(self) -> dict[Symbol, float]:
        """The numbers of the circuit for every symbol."""
        from ..networks import BOLTZMANN

        by_name = {e.name: value_of(e) for e in self.circuit.network.elements}
        found = {symbol: float(by_name[name] or 0.0) for name, symbol in self.symbols.items()}
        return found | {k: BOLTZMANN, T: float(self.circuit.network.temperature)}


def _plain(name: str) -> str:
    """As a symbol is written: `r1` is R1, and `x1.r2` is X1_R2."""
    return "".join(c if c.isalnum() else "_" for c in name).upper()
