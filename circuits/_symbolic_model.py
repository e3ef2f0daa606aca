"""The state space of a topology with symbols for its components, from the same network as the numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Matrix, Symbol

from ._constants import BOLTZMANN
from ._design import Design
from ._equations import Equations, equations
from ._errors import DesignError
from ._network import Capacitor, OpAmpModel
from ._program import Program
from ._state_space import link_voltages
from ._symbolic_elimination import Row, solve
from ._symbolic_program import C0, SymbolicProgram, V_os, program_values, symbolic_errors, symbolic_program
from ._topology import Level, Topology, Values

s = Symbol("s")
"""Laplace variable [1/s]."""
omega = Symbol("omega", positive=True)
"""Angular frequency [rad/s]."""

k, T, R0, L, S = sympy.symbols("k T R0 L S", positive=True)
A0, omega_t, I_b, e_n, i_n, R_o, C_L = sympy.symbols("A0 omega_t I_b e_n i_n R_o C_L", positive=True)

LARGEST_INVERSE = 3
"""Inverting symbolically is hopeless above a few cells: settled voltages and transfer functions go up to this size."""

LARGEST_NOISE = 2
"""Products of two inverses grow faster still: noise densities and covariances go up to this size."""


@dataclass(frozen=True, eq=False)
class SymbolicModel:
    """`C ds/dt = -G s + drive + bias + dI/dt`, `v = M s`, with `noise` the two-sided density of dI.

    Symbols: `R0`, `C_i`, `k`, `T`, `S` (injected noise), `b_i` (drive), the arrays; at level macro also `A0`,
    `omega_t` (gain-bandwidth), `V_os`, `I_b`, `e_n`, `i_n`, `R_o`, `C_L`, the same for all amplifiers.
    """

    topology: Topology
    level: Level
    states: tuple[str, ...]
    symbols: SymbolicProgram
    C: Matrix
    G: Matrix
    drive: Matrix
    bias: Matrix
    noise: Matrix
    M: Matrix

    @property
    def A(self) -> Matrix:
        """The matrix that the arrays stand for (n, n)."""
        return self.symbols.A

    @property
    def b(self) -> Matrix:
        """The drive (n,) [V]."""
        return self.symbols.b

    @property
    def F(self) -> Matrix:
        """Drift `C^-1 G` [1/s]; up to `LARGEST_INVERSE` states when C is not diagonal.

        Raises:
            DesignError: too many cells.
        """
        return self._per_storage(self.G)

    @property
    def Q(self) -> Matrix:
        """Diffusion `C^-1 noise C^-1` [V^2/s]; limits as for `F`."""
        return self._per_storage(self._per_storage(self.noise).T)

    def _per_storage(self, matrix: Matrix) -> Matrix:
        if self.C.is_diagonal():
            return Matrix(*matrix.shape, lambda i, j: matrix[i, j] / self.C[i, i])
        self._small("drift and diffusion")
        return _simplified(self.C.LUsolve(matrix))

    def settled(self) -> Matrix:
        """Readouts of the settled device; up to `LARGEST_INVERSE` cells.

        Raises:
            DesignError: too many cells; use the proofs, which hold for any number.
        """
        self._small("settled voltages")
        return _simplified(self.M * self.G.LUsolve(self.drive + self.bias))

    def transfer(self) -> Matrix:
        """From each drive to each readout, `M (s C + G)^-1 d(drive)/db`; up to `LARGEST_INVERSE` cells.

        Raises:
            DesignError: too many cells.
        """
        self._small("transfer functions")
        inputs = self.drive.jacobian(self.b)
        return _simplified(self.M * (s * self.C + self.G).LUsolve(inputs))

    def output_noise(self) -> Matrix:
        """One-sided cross density of the readouts [V^2/Hz] at angular frequency omega; up to `LARGEST_NOISE` cells.

        Raises:
            DesignError: too many cells.
        """
        self._small("noise densities", LARGEST_NOISE)
        # Adjugate over determinant: a common denominator from the start, where cancelling afterwards takes minutes.
        K = sympy.I * omega * self.C + self.G
        H, scale = self.M * K.adjugate(), sympy.expand(K.det())
        power = sympy.factor(sympy.expand(scale * sympy.conjugate(scale)))
        return (2 * H * self.noise * H.H).applyfunc(lambda entry: sympy.collect(sympy.expand(entry), omega) / power)

    def stationary_covariance(self) -> Matrix:
        """Covariance of the states, the solution of `F P + P F^T = Q`; up to `LARGEST_NOISE` states.

        Raises:
            DesignError: more states; use the proofs, which hold for any number.
        """
        m = self.G.rows
        if m > LARGEST_NOISE:
            raise DesignError(f"{self.topology.name}: a symbolic covariance of {m} states is too large; see the proofs")
        upper = {(i, j): Symbol(f"P_{i}{j}") for i in range(m) for j in range(i, m)}
        P = Matrix(m, m, lambda i, j: upper[min(i, j), max(i, j)])
        residual = self.F * P + P * self.F.T - self.Q
        found = sympy.solve([residual[i, j] for i, j in upper], list(upper.values()), dict=True)[0]
        return _simplified(P.subs(found))

    def values(self, design: Design, program: Program) -> dict[Symbol, float]:
        """Numbers for every symbol: a program on the nominal chip of a design, amplifiers without offset."""
        found = {R0: design.R0, T: design.temperature, k: BOLTZMANN, S: design.injected_noise, C0: design.C}
        found |= {Symbol(f"C_{i}", positive=True): design.C for i in range(self.topology.n)}
        found |= {L: design.L} if design.L is not None else {}
        if design.amplifier is not None:
            amplifier = design.amplifier
            found |= {A0: amplifier.gain, omega_t: 2 * np.pi * amplifier.gain_bandwidth, V_os: 0.0}
            found |= {I_b: amplifier.bias_current, e_n: amplifier.noise_voltage, i_n: amplifier.noise_current}
            found |= {R_o: amplifier.output_resistance, C_L: amplifier.load_capacitance}
        return found | program_values(self.symbols, self.topology, program)

    def numpy_function(self, expression: Any) -> Callable[..., Any]:
        """A compiled numpy function of an expression; arguments are `arguments(expression)` in order."""
        return sympy.lambdify(self.arguments(expression), expression, "numpy")  # type: ignore[no-any-return]

    @staticmethod
    def arguments(expression: Any) -> tuple[Symbol, ...]:
        """Free symbols in order of their names."""
        return tuple(sorted(expression.free_symbols, key=lambda symbol: symbol.name))

    def _small(self, what: str, largest: int = LARGEST_INVERSE) -> None:
        if self.topology.n > largest or len(self.states) > LARGEST_INVERSE:
            raise DesignError(
                f"{self.topology.name}: {what} of {self.topology.n} cells at level {self.level} are too large to write"
                f" down; expected at most {largest} cells at level ideal and 1 at macro, or use the state space"
            )


def state_space(topology: Topology, level: Level = "ideal", program: Program | None = None) -> SymbolicModel:
    """The symbolic state space of a topology; any number of cells.

    The matrix is general but for the signs of its entries, which decide the wiring: see `symbolic_program`. With
    ideal inverted rails a symbol of the crossbar or the cascade stands for its signed value all the same.
    Capacitances are `C_i`.

    Args:
        topology: what is on the chip.
        level: `ideal` or `macro`.
        program: gives the signs; all entries are positive without one.

    Raises:
        DesignError: an unknown level.
    """
    symbols = symbolic_program(topology, program)
    network = topology.network(_values(level), symbolic_errors(topology), symbols.weights, list(symbols.b))
    return _reduce(topology, level, equations(network, boltzmann=k), symbols)


def _values(level: Level) -> Values:
    if level not in ("ideal", "macro"):
        raise DesignError(f"level {level!r} has no symbolic form: expected ideal or macro")
    amplifier = OpAmpModel(
        gain=A0,
        # The macro-model multiplies by 2 pi as a float; nsimplify makes the quotient exact again.
        gain_bandwidth=omega_t / (2 * np.pi),
        offset=sympy.Integer(0),
        bias_current=I_b,
        noise_voltage=e_n,
        noise_current=i_n,
        rail_low=-sympy.oo,
        rail_high=sympy.oo,
        slew=sympy.oo,
        output_resistance=R_o,
        load_capacitance=C_L,
    )
    return Values(R0, C0, T, S, None if level == "ideal" else amplifier, L)


def _reduce(topology: Topology, level: Level, eq: Equations, program: SymbolicProgram) -> SymbolicModel:
    index = {node: row for row, node in enumerate(eq.nodes)}
    ends = [(index.get(state.a), index.get(state.b)) for state in eq.states]
    branches = [eq.branch.get(state.name) for state in eq.states]
    wanted = {row for row in (*branches, *eq.outputs, *(e for pair in ends for e in pair)) if row is not None}
    x = solve(eq.size, eq.K, eq.R, sorted(wanted))
    exact = (lambda value: sympy.nsimplify(value, rational=True)) if level == "macro" else sympy.S
    x = {row: {column: exact(value) for column, value in entries.items()} for row, entries in x.items()}
    # The current through a capacitor, the voltage across an inductor.
    flow = [
        x[branch] if branch is not None else _difference(x, *pair) for branch, pair in zip(branches, ends, strict=True)
    ]
    m = len(eq.states)
    return SymbolicModel(
        topology=topology,
        level=level,
        states=tuple(state.name for state in eq.states),
        symbols=program,
        C=_storage(flow, eq, exact),
        G=_block(flow, 0, m) * -1,
        drive=_block(flow, eq.drive, 1),
        bias=_block(flow, eq.drive + 1, 1),
        noise=_noise(flow, eq, exact),
        M=_block([x[row] for row in eq.outputs], 0, m),
    )


def _difference(x: dict[int, Row], a: int | None, b: int | None) -> Row:
    row = dict(x[a]) if a is not None else {}
    for column, value in (x[b] if b is not None else {}).items():
        row[column] = row.get(column, 0) - value
    return row


def _storage(flow: list[Row], eq: Equations, exact: Callable[[Any], Any]) -> Matrix:
    """Diagonal of the states' capacitors and inductors, and what the capacitors that close a loop add."""
    values = [state.capacitance if isinstance(state, Capacitor) else state.inductance for state in eq.states]
    C = sympy.diag(*[exact(sympy.expand(value)) for value in values])
    T_link = link_voltages(eq).astype(int)
    for row, entries in enumerate(flow):
        for link, capacitor in enumerate(eq.links):
            current = entries.get(eq.link + link, 0)
            if current != 0:
                for column in np.flatnonzero(T_link[link]):
                    C[row, int(column)] -= current * capacitor.capacitance * int(T_link[link, column])
    return C


def _block(rows: list[Row], first: int, columns: int) -> Matrix:
    return Matrix(len(rows), columns, lambda i, j: rows[i].get(first + j, 0))


def _noise(flow: list[Row], eq: Equations, exact: Callable[[Any], Any]) -> Matrix:
    """`L diag(densities) L^T`, visiting only the states that a source reaches."""
    noise = sympy.zeros(len(flow), len(flow))
    reached: dict[int, list[int]] = {}
    for i, row in enumerate(flow):
        for j in row:
            reached.setdefault(j, []).append(i)
    for source, density in enumerate(eq.densities):
        column = eq.noise + source
        for i in reached.get(column, []):
            for j in reached[column]:
                noise[i, j] += flow[i][column] * flow[j][column] * exact(density)
    return noise


def _simplified(matrix: Matrix) -> Matrix:
    return matrix.applyfunc(lambda entry: sympy.factor(sympy.cancel(sympy.together(entry))))
