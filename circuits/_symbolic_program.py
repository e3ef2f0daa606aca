"""A general program of each topology as symbols, with the deviations that the symbolic analysis keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from sympy import Matrix, Symbol

from ._cascade import Cascade
from ._crossbar import Crossbar
from ._rc_mesh import RCMesh
from ._rlc_grid import RLCGrid
from ._topology import Topology, Weights

C0 = Symbol("C", positive=True)
V_os = Symbol("V_os", positive=True)


@dataclass(frozen=True, eq=False)
class SymbolicProgram:
    """Symbols in the arrays, the matrix A that they stand for, and the drive b."""

    weights: Weights
    A: Matrix
    b: Matrix


def symbolic_program(topology: Topology) -> SymbolicProgram:
    """`a_i_j` for the crossbar; `J_k_i`, `H_k_l`, `lambda` for the cascade; `g_i_j` between cells and `g_i` to ground
    for meshes and grid (positive off-diagonals in the differential mesh, negative ones otherwise).
    """
    b = Matrix([Symbol(f"b_{i}", real=True) for i in range(topology.n)])
    match topology:
        case Crossbar():
            A = _array("a", topology.n, topology.n)
            return SymbolicProgram({"A": A.tolist()}, A, b)
        case Cascade():
            J, H = _array("J", topology.r, topology.n), _array("H", topology.r, topology.r)
            damping = Symbol("lambda", positive=True)
            A = J.T * H * J + damping * sympy.eye(topology.n)
            return SymbolicProgram({"J": J.tolist(), "H": H.tolist(), "damping": damping}, A, b)
        case _:
            return _grounded(topology, b)


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


def _array(name: str, rows: int, columns: int) -> Matrix:
    return Matrix(rows, columns, lambda i, j: Symbol(f"{name}_{i}_{j}", positive=True))


def _grounded(topology: Topology, b: Matrix) -> SymbolicProgram:
    n = topology.n
    g = {(i, j): Symbol(f"g_{i}_{j}", positive=True) for i in range(n) for j in range(i)}
    coupling = [[sympy.Integer(0) if i == j else g[max(i, j), min(i, j)] for j in range(n)] for i in range(n)]
    ground = [Symbol(f"g_{i}", positive=True) for i in range(n)]
    sign = -1 if isinstance(topology, RCMesh | RLCGrid) else 1
    A = Matrix(n, n, lambda i, j: sign * coupling[i][j] if i != j else ground[i] + sum(coupling[i]))
    name = "capacitance" if isinstance(topology, RLCGrid) else "ground"
    return SymbolicProgram({"coupling": coupling, name: ground}, A, b)
