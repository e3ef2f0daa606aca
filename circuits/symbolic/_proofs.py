"""Claims about a topology as residuals that vanish identically, for any number of cells."""

from collections.abc import Iterator
from dataclasses import dataclass

import sympy
from sympy import Matrix

from ..topologies import Cascade, DifferentialRCMesh, RCMesh, RLCGrid
from ._model import SymbolicModel
from ._symbols import C0, R0, S, T, k


@dataclass(frozen=True, eq=False)
class Proof:
    """A claim and the matrix that it says is zero."""

    name: str
    claim: str
    residual: Matrix

    @property
    def holds(self) -> bool:
        """Whether every entry of the residual vanishes identically."""
        return all(sympy.expand(entry) == 0 for entry in self.residual)


def proofs(model: SymbolicModel) -> tuple[Proof, ...]:
    """What the ideal circuit of this topology does, proved from its components.

    The cell voltages are `v = M s`, so that `M G = (A/R0) M` says that they see the conductance matrix A/R0.
    """
    if isinstance(model.topology, RLCGrid):
        return (_maxwell(model), _equipartition(model))
    claims = list(_stages(model)) if isinstance(model.topology, Cascade) else [_matrix(model)]
    claims.append(Proof("drive", "the drive is a current b/R0 into each cell", R0 * model.M * model.drive - model.b))
    if isinstance(model.topology, RCMesh | DifferentialRCMesh):
        claims.append(_equipartition(model))
    return (*claims, _inverse(model))


def _matrix(model: SymbolicModel) -> Proof:
    seen = _times(R0, model.M * model.G)
    return Proof("matrix", "the conductance matrix seen by the cells is A/R0", seen - model.A * model.M)


def _stages(model: SymbolicModel) -> Iterator[Proof]:
    """`u = -J v`, `w = -H u` and a current `(J^T w + lambda v)/R0`: together A/R0, with no product written out."""
    J, H = (Matrix(model.symbols.weights[name]) for name in ("J", "H"))
    damping = model.symbols.weights["damping"]
    M = model.M
    r = len(J[:, 0])
    m = len(model.states)
    G = _times(R0, model.blocks.G)
    none = sympy.zeros(r, r)
    one = sympy.eye(r)
    first = Matrix.hstack(J * M, one, none)
    second = Matrix.hstack(sympy.zeros(r, m), H, one)
    back = Matrix.hstack(damping * M, sympy.zeros(m, r), J.T)
    yield Proof("first stage", "no current is left at the first virtual grounds for u = -J v", G[m : m + r, :] + first)
    yield Proof("second stage", "no current is left at the second ones for w = -H u", G[m + r :, :] + second)
    yield Proof(
        "matrix",
        "the cells take a current (J^T w + lambda v)/R0: with both stages the matrix J^T H J + lambda over R0",
        M * G[:m, :] - back,
    )


def _equipartition(model: SymbolicModel) -> Proof:
    """`F P + P F^T - Q` with `P = kT C^-1`, multiplied by C from both sides."""
    thermal = [number for number, density in enumerate(model.blocks.densities) if not density.has(S)]
    residual = (model.G + model.G.T).applyfunc(lambda entry: k * T * entry) - model.noise_of(thermal)
    return Proof("equipartition", "thermal covariance is kT C^-1 whatever G is", residual)


def _maxwell(model: SymbolicModel) -> Proof:
    """With equipartition, `cov(v) = kT (C A)^-1`: the grid's answer."""
    n = model.topology.n
    return Proof("maxwell", "the cells' storage matrix is C A, the Maxwell matrix", model.C[:n, :n] - C0 * model.A)


def _inverse(model: SymbolicModel) -> Proof:
    """With `M G = (A/R0) M` proved, A symmetric and equal capacitors C, `P = kappa0 A^-1` solves the Lyapunov equation
    of the cells when their injected noise has density `2 kappa0 C/R0`: S in each cell, twice that on a rail pair.
    """
    rails = 2 if isinstance(model.topology, DifferentialRCMesh) else 1
    sources = [number for number, density in enumerate(model.blocks.densities) if density.has(S)]
    injected = model.M * model.noise_of(sources) * model.M.T
    return Proof(
        "inverse",
        f"injected noise alone gives equal cells with a symmetric A the covariance {rails}*S R0/(2 C) A^-1",
        injected - rails * S * sympy.eye(model.topology.n),
    )


def _times(factor: sympy.Expr, matrix: Matrix) -> Matrix:
    return matrix.applyfunc(lambda entry: sympy.expand(factor * entry))
