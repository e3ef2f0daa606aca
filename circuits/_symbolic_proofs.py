"""Claims about a topology as residuals that vanish identically, for any number of cells."""

from dataclasses import dataclass

import sympy
from sympy import Matrix

from ._rc_mesh import RCMesh
from ._symbolic_model import R0, S, SymbolicModel, T, k


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

    The states are the cell voltages up to a sign: `v = M s` with `M M = 1`, so that `M G M` is the conductance
    matrix seen by the cell voltages.
    """
    A, b, G = model.A, model.b, _seen_by_cells(model, model.G)
    claims = [
        Proof("matrix", "the conductance matrix is A/R0", R0 * G - A),
        Proof("drive", "the drive is a current b/R0 into each cell", R0 * model.M * model.drive - b),
    ]
    noise = _seen_by_cells(model, model.noise)
    if isinstance(model.topology, RCMesh):
        # F P + P F^T - Q with P = kT C^-1, multiplied by C from both sides.
        thermal = noise.subs(S, 0)
        claims.append(
            Proof("equipartition", "thermal covariance is kT C^-1 whatever G is", k * T * (G + G.T) - thermal)
        )
    # With F = A/(R0 C) proved above and A symmetric, F P = P F^T = kappa0/(R0 C) for P = kappa0 A^-1, and
    # kappa0 = S R0/(2 C): the Lyapunov equation times C^2 is S = noise.
    claims.append(
        Proof(
            "inverse",
            "injected noise alone gives equal cells with a symmetric A the covariance S R0/(2 C) A^-1",
            noise.subs(T, 0) - S * sympy.eye(noise.rows),
        )
    )
    return tuple(claims)


def _seen_by_cells(model: SymbolicModel, matrix: Matrix) -> Matrix:
    signs = [model.M[i, i] for i in range(model.M.rows)]
    return Matrix(matrix.rows, matrix.cols, lambda i, j: signs[i] * matrix[i, j] * signs[j])
