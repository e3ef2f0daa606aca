"""The state space of a topology with symbols for its components: matrices, formulas, numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from sympy import Matrix, Symbol

from .._exceptions import DesignError
from ..chips import Design
from ..networks import BOLTZMANN
from ..programs import Program
from ..topologies import Level, Topology
from ._program import SymbolicProgram, program_values
from ._symbols import A0, C0, C_L, R0, I_b, L, R_o, S, T, V_os, e_n, i_n, k, omega, omega_t, s

LARGEST_INVERSE = 3
"""Inverting symbolically is hopeless above a few cells: settled voltages and transfer functions go up to this size."""

LARGEST_NOISE = 2
"""Products of two inverses grow faster still: noise densities and covariances go up to this size."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """`C ds/dt = -(G_ss s + G_sy y) + ...` with stage outputs y that follow at once: `0 = -(G_zs s + G_zy y) + ...`.

    Rows are the states, then the virtual grounds of the stages; columns of `G` the states, then the stages' outputs;
    columns of `inflow` the noise sources, of two-sided `densities`.
    """

    G: Matrix
    drive: Matrix
    bias: Matrix
    inflow: Matrix
    densities: tuple[Any, ...]


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
    M: Matrix
    blocks: Blocks

    @property
    def A(self) -> Matrix:
        """The matrix that the arrays stand for (n, n)."""
        return self.symbols.A

    @property
    def b(self) -> Matrix:
        """The drive (n,) [V]."""
        return self.symbols.b

    @cached_property
    def G(self) -> Matrix:
        """Conductances [S]."""
        return self.closed(self.blocks.G[:, : len(self.states)])

    @cached_property
    def drive(self) -> Matrix:
        """Currents of the program's drive [A]."""
        return self.closed(self.blocks.drive)

    @cached_property
    def bias(self) -> Matrix:
        """Currents of offsets and bias currents [A]."""
        return self.closed(self.blocks.bias)

    @cached_property
    def noise(self) -> Matrix:
        """Two-sided density of the noise currents [A^2/Hz]: `L diag(densities) L^T`."""
        return self.noise_of(range(len(self.blocks.densities)))

    def noise_of(self, sources: Iterable[int]) -> Matrix:
        """The part of `noise` that some of the sources bring, by their numbers."""
        chosen = list(sources)
        inflow = self.closed(self.blocks.inflow.extract(list(range(self.blocks.inflow.rows)), chosen))
        found = sympy.zeros(inflow.rows, inflow.rows)
        # Most sources reach one state or two.
        reached: dict[int, list[tuple[int, Any]]] = {}
        for (i, column), value in inflow.todok().items():
            reached.setdefault(column, []).append((i, value))
        for column, entries in sorted(reached.items()):
            density = self.blocks.densities[chosen[column]]
            for i, left in entries:
                for j, right in entries:
                    found[i, j] += left * right * density
        return found

    @cached_property
    def _feedthrough(self) -> Matrix:
        """`G_sy G_zy^-1`: what a current into each stage's virtual ground does to the states."""
        m = len(self.states)
        G = self.blocks.G
        stages = G.cols - m
        found = sympy.zeros(m, stages)
        # A stage drives later ones only, so that G_zy is lower triangular: substitution, no inverse.
        for stage in reversed(range(stages)):
            column = G[:m, m + stage] - found[:, stage + 1 :] * G[m + stage + 1 :, m + stage]
            found[:, stage] = (column / G[m + stage, m + stage]).applyfunc(sympy.expand)
        return found

    def closed(self, rows: Matrix) -> Matrix:
        """Rows of states and stages with the stages' loops closed: what reaches the states."""
        m = len(self.states)
        states = rows[:m, :]
        stages = rows[m:, :]
        if not stages.todok():
            return states
        return (states - self._feedthrough * stages).applyfunc(sympy.expand)

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
        self.small("drift and diffusion")
        return simplified(self.C.LUsolve(matrix))

    def settled_states(self) -> Matrix:
        """States of the settled device; limits as for `settled`."""
        self.small("settled voltages")
        return simplified(self.G.LUsolve(self.drive + self.bias))

    def settled(self) -> Matrix:
        """Readouts of the settled device; up to `LARGEST_INVERSE` cells.

        Raises:
            DesignError: too many cells; use the proofs, which hold for any number.
        """
        return simplified(self.M * self.settled_states())

    def transfer(self) -> Matrix:
        """Transfer from each drive to each readout, `M (s C + G)^-1 d(drive)/db`; up to `LARGEST_INVERSE` cells.

        Raises:
            DesignError: too many cells.
        """
        self.small("transfer functions")
        inputs = self.drive.jacobian(self.b)
        return simplified(self.M * (s * self.C + self.G).LUsolve(inputs))

    def output_noise(self) -> Matrix:
        """One-sided cross density of the readouts [V^2/Hz] at angular frequency omega; up to `LARGEST_NOISE` cells.

        Raises:
            DesignError: too many cells.
        """
        self.small("noise densities", LARGEST_NOISE)
        # Adjugate over determinant: a common denominator from the start, where cancelling afterwards takes minutes.
        K = sympy.I * omega * self.C + self.G
        H = self.M * K.adjugate()
        scale = sympy.expand(K.det())
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
        return simplified(P.subs(found))

    def values(self, design: Design, program: Program) -> dict[Symbol, float]:
        """Numbers for every symbol: a program on the nominal chip of a design at its temperature, amplifiers without
        offset.

        Raises:
            DesignError: temperature coefficients that do not reach the design's temperature.
        """
        numbers = design.values("ideal" if design.amplifier is None else "macro")
        found = {R0: numbers.R0, T: design.temperature, k: BOLTZMANN, S: design.injected_noise, C0: numbers.C}
        found |= {Symbol(f"C_{i}", positive=True): numbers.C for i in range(self.topology.n)}
        found |= {L: design.L} if design.L is not None else {}
        if (amplifier := numbers.amplifier) is not None:
            found |= {A0: amplifier.gain, omega_t: 2 * np.pi * amplifier.gain_bandwidth, V_os: 0.0}
            found |= {I_b: amplifier.bias_current, e_n: amplifier.noise_voltage, i_n: amplifier.noise_current}
            found |= {R_o: amplifier.output_resistance, C_L: amplifier.load_capacitance}
        return found | program_values(self.symbols, self.topology, program)

    def small(self, what: str, largest: int = LARGEST_INVERSE) -> None:
        """Raise `DesignError` when a formula that holds an inverse is too large to write down."""
        if self.topology.n > largest or len(self.states) > LARGEST_INVERSE:
            raise DesignError(
                f"{self.topology.name}: {what} of {self.topology.n} cells ({len(self.states)} states) at level"
                f" {self.level} are too large to write down; expected at most {largest} cells and {LARGEST_INVERSE}"
                " states, or use the state space"
            )


def simplified(matrix: Matrix) -> Matrix:
    """Each entry as one fraction, factored."""
    return matrix.applyfunc(lambda entry: sympy.factor(sympy.cancel(sympy.together(entry))))
