"""A general program of each topology as symbols, with the deviations that the symbolic analysis keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from sympy import Matrix, Symbol

from ..programs import Program
from ..topologies import Cascade, Crossbar, RCMesh, RLCGrid, Topology, Weights
from ._symbols import C0, V_os


@dataclass(frozen=True, eq=False)
class SymbolicProgram:
    """Symbols in the arrays, the matrix A that they stand for, and the drive b."""

    weights: Weights
    form: Callable[[], Matrix]
    b: Matrix

    @cached_property
    def A(self) -> Matrix:
        """Formed when it is asked for: that of a large cascade takes longer than all else."""
        return self.form()


def symbolic_program(topology: Topology, program: Program | None = None) -> SymbolicProgram:
    """`a_i_j` for the crossbar; `J_k_i`, `H_k_l`, `lambda` for the cascade; `g_i_j` between cells and `g_i` to ground
    for meshes and grid.

    The circuit depends on the signs of the entries, and on which are wired at all: those of `program`, or all
    positive without one.
    """
    entry = _Entries(topology.weights(program) if program is not None else None)
    n = topology.n
    b = Matrix([Symbol(f"b_{i}", real=True) for i in range(n)])
    match topology:
        case Crossbar():
            A = entry.array("A", "a", n, n)
            return SymbolicProgram({"A": A.tolist()}, lambda: A, b)
        case Cascade():
            J = entry.array("J", "J", topology.r, n)
            H = entry.array("H", "H", topology.r, topology.r)
            damping = entry("damping", "lambda")
            weights = {"J": J.tolist(), "H": H.tolist(), "damping": damping}
            return SymbolicProgram(weights, lambda: J.T * H * J + damping * sympy.eye(n), b)
        case _:
            return _grounded(topology, entry, b)


@dataclass(frozen=True)
class _Entries:
    """A symbol for each entry of an array, with the sign that the numbers have; 0 for what is not wired."""

    weights: Weights | None

    def __call__(self, array: str, name: str, *index: int) -> Any:
        value = 1.0 if self.weights is None else float(np.asarray(self.weights[array])[index])
        if value == 0:
            return sympy.Integer(0)
        label = "_".join((name, *map(str, index)))
        return Symbol(label, positive=True) if value > 0 else Symbol(label, negative=True)

    def array(self, array: str, name: str, rows: int, columns: int) -> Matrix:
        return Matrix([[self(array, name, i, j) for j in range(columns)] for i in range(rows)])


def symbolic_errors(topology: Topology) -> Mapping[str, Any]:
    """No mismatch but capacitances `C_i` (not in the grid, where they are the program) and one offset `V_os`."""
    errors = {name: np.full(shape, sympy.Integer(0), dtype=object) for name, shape in topology.error_shapes().items()}
    if not isinstance(topology, RLCGrid):
        capacitance = [Symbol(f"C_{i}", positive=True) / C0 - 1 for i in range(topology.n)]
        errors["capacitance"] = np.broadcast_to(np.array(capacitance), errors["capacitance"].shape)
    for name in errors:
        if name.endswith("offset"):
            errors[name] = np.full(errors[name].shape, V_os, dtype=object)
    return errors


def _grounded(topology: Topology, entry: _Entries, b: Matrix) -> SymbolicProgram:
    n = topology.n
    cells = range(topology.n)
    coupling = [
        [sympy.Integer(0) if i == j else entry("coupling", "g", max(i, j), min(i, j)) for j in cells] for i in cells
    ]
    name = "capacitance" if isinstance(topology, RLCGrid) else "ground"
    ground = [entry(name, "g", i) for i in cells]
    # Resistors and capacitors between two nodes make negative off-diagonals; crossed rail pairs positive ones.
    sign = -1 if isinstance(topology, RCMesh | RLCGrid) else 1
    A = Matrix(n, n, lambda i, j: sign * coupling[i][j] if i != j else ground[i] + sum(map(abs, coupling[i])))
    return SymbolicProgram({"coupling": coupling, name: ground}, lambda: A, b)


def program_values(symbols: SymbolicProgram, topology: Topology, program: Program) -> dict[Symbol, float]:
    """The symbols with the numbers of a program, as its arrays hold them."""
    weights = topology.weights(program)
    found = dict(zip(symbols.b, program.b.tolist(), strict=True))
    for name, array in symbols.weights.items():
        pairs = zip(np.ravel(np.array(array, dtype=object)), np.ravel(weights[name]), strict=True)
        found |= {symbol: float(value) for symbol, value in pairs if isinstance(symbol, Symbol)}
    return found
