"""A factorised dense matrix."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .._types import Matrix, Vector


@dataclass(frozen=True, slots=True, eq=False)
class DenseSolve:
    """Cholesky of a symmetric positive definite matrix, LU of any other."""

    like: Tensor
    lower: Tensor | None
    lu: tuple[Tensor, Tensor] | None

    @classmethod
    def of(cls, A: Matrix) -> "DenseSolve":
        """Raises ValueError when A is singular to working precision."""
        if is_symmetric(A):
            lower, failed = torch.linalg.cholesky_ex(A)
            if not failed:
                return cls(A, lower, None)
        lu, pivots = torch.linalg.lu_factor(A)
        if lu.diagonal().abs().min() <= torch.finfo(A.dtype).eps * lu.diagonal().abs().max():
            raise ValueError("program: expected an invertible matrix, got a singular one; raise the damping")
        return cls(A, None, (lu, pivots))

    @classmethod
    def positive(cls, F: Matrix) -> "DenseSolve":
        """Of curvature. Raises ValueError unless it is positive definite."""
        lower, failed = torch.linalg.cholesky_ex(F)
        if failed:
            raise ValueError(
                "Cholesky: F = J^T H J + damping I is not positive definite: the loss is not convex in the outputs, or "
                "the damping is lost in rounding (or F is not finite); raise the damping"
            )
        return cls(F, lower, None)

    def solve(self, b: Vector) -> Vector:
        if self.lower is not None:
            return torch.cholesky_solve(b.unsqueeze(-1), self.lower).squeeze(-1)
        assert self.lu is not None
        return torch.linalg.lu_solve(*self.lu, b.unsqueeze(-1)).squeeze(-1)


def is_symmetric(A: Matrix) -> bool:
    return bool((A - A.T).abs().max() <= 100 * torch.finfo(A.dtype).eps * A.abs().max())
