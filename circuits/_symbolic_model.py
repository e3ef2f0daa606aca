"""The state space of a topology with symbols for its components, from the same network as the numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Matrix, Symbol

from ._equations import Equations, equations
from ._errors import DesignError
from ._network import Capacitor, Network, OpAmpModel
from ._rc_mesh import RCMesh
from ._symbolic_elimination import Row, solve
from ._topology import Level, Topology, Values, Weights

s = Symbol("s")
"""Laplace variable [1/s]."""
omega = Symbol("omega", positive=True)
"""Angular frequency [rad/s]."""

k, T, R0, C0, S = sympy.symbols("k T R0 C S", positive=True)
A0, omega_t, V_os, I_b, e_n, i_n, R_o, C_L = sympy.symbols("A0 omega_t V_os I_b e_n i_n R_o C_L", positive=True)

LARGEST_INVERSE = 3
"""Inverting symbolically is hopeless above a few cells: settled voltages and transfer functions go up to this size."""

LARGEST_NOISE = 2
"""Products of two inverses grow faster still: noise densities and covariances go up to this size."""


@dataclass(frozen=True, eq=False)
class SymbolicModel:
    """`C ds/dt = -G s + drive + bias + dI/dt`, `v = M s`, with `noise` the two-sided density of dI.

    Symbols: `R0`, `C_i`, `k`, `T`, `S` (injected noise), `a_ij` (matrix), `b_i` (drive); at level macro also `A0`,
    `omega_t` (gain-bandwidth), `V_os`, `I_b`, `e_n`, `i_n`, `R_o`, `C_L`, the same for all amplifiers.
    """

    topology: Topology
    level: Level
    states: tuple[str, ...]
    A: Matrix
    b: Matrix
    C: Matrix
    G: Matrix
    drive: Matrix
    bias: Matrix
    noise: Matrix
    M: Matrix

    @property
    def F(self) -> Matrix:
        """Drift `C^-1 G` [1/s]."""
        return Matrix(self.G.rows, self.G.cols, lambda i, j: self.G[i, j] / self.C[i, i])

    @property
    def Q(self) -> Matrix:
        """Diffusion `C^-1 noise C^-1` [V^2/s]."""
        return Matrix(self.G.rows, self.G.cols, lambda i, j: self.noise[i, j] / (self.C[i, i] * self.C[j, j]))

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
        H = self.M * (sympy.I * omega * self.C + self.G).inv(method="LU")
        return _simplified(2 * H * self.noise * H.H)

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


def state_space(topology: Topology, level: Level = "ideal") -> SymbolicModel:
    """The symbolic state space of a topology; any number of cells.

    The matrix is general: `a_ij` for the crossbar (each entry stands for its signed value when negative entries
    take the inverted rail of an ideal inverter), `g_ij` and `g_i` (couplings and resistors to ground, in units of
    1/R0) for the mesh. Capacitances are `C_i`.

    Raises:
        DesignError: an unknown level.
    """
    A, b = _program(topology)
    network = topology.network(_values(level), _errors(topology), _weights(topology, A), list(b))
    eq = equations(network, boltzmann=k)
    return _reduce(topology, level, network, eq, A, b)


def _program(topology: Topology) -> tuple[Matrix, Matrix]:
    n = topology.n
    b = Matrix([Symbol(f"b_{i}", real=True) for i in range(n)])
    if not isinstance(topology, RCMesh):
        return Matrix(n, n, lambda i, j: Symbol(f"a_{i}_{j}", positive=True)), b
    g = {(i, j): Symbol(f"g_{i}_{j}", positive=True) for i in range(n) for j in range(i)}
    A = Matrix(n, n, lambda i, j: 0 if i == j else -g[max(i, j), min(i, j)])
    for i in range(n):
        A[i, i] = Symbol(f"g_{i}", positive=True) - sum(A[i, j] for j in range(n) if j != i)
    return A, b


def _weights(topology: Topology, A: Matrix) -> Weights:
    if not isinstance(topology, RCMesh):
        return {"A": A.tolist()}
    n = topology.n
    coupling = [[0 if i == j else -A[i, j] for j in range(n)] for i in range(n)]
    return {"coupling": coupling, "ground": [sum(A[i, :]) for i in range(n)]}


def _values(level: Level) -> Values:
    if level not in ("ideal", "macro"):
        raise DesignError(f"unknown level {level!r}: expected ideal or macro")
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
    return Values(R0, C0, T, S, amplifier if level == "macro" else None)


def _errors(topology: Topology) -> Mapping[str, Any]:
    errors = {name: np.full(shape, sympy.Integer(0), dtype=object) for name, shape in topology.error_shapes().items()}
    errors["capacitance"] = np.array([Symbol(f"C_{i}", positive=True) / C0 - 1 for i in range(topology.n)])
    for name in errors.keys() & {"offset", "inverter_offset"}:
        errors[name] = np.full(errors[name].shape, V_os, dtype=object)
    return errors


def _reduce(topology: Topology, level: Level, network: Network, eq: Equations, A: Matrix, b: Matrix) -> SymbolicModel:
    branches = [eq.branch[state.name] for state in eq.states]
    x = solve(eq.size, eq.K, eq.R, (*branches, *eq.outputs))
    m, exact = len(eq.states), (lambda value: sympy.nsimplify(value, rational=True)) if level == "macro" else sympy.S
    flow = [{j: exact(v) for j, v in x[row].items()} for row in branches]
    capacitors = [state for state in eq.states if isinstance(state, Capacitor)]
    return SymbolicModel(
        topology=topology,
        level=level,
        states=tuple(state.name for state in eq.states),
        A=A,
        b=b,
        C=sympy.diag(*[exact(sympy.expand(state.capacitance)) for state in capacitors]),
        G=_block(flow, 0, m) * -1,
        drive=_block(flow, eq.drive, 1),
        bias=_block(flow, eq.drive + 1, 1),
        noise=_noise(flow, eq, exact),
        M=_block([{j: exact(v) for j, v in x[row].items()} for row in eq.outputs], 0, m),
    )


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
