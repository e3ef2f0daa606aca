"""Exact solve through the Gram matrix of the factors."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._types import Array, Vector
from ..programs import AnyLowRank, AnyProgram, Factored, Products, low_rank_and_gram
from ._contract import Solution, answer, matrix_of, to_tensor
from ._dense_solve import DenseSolve


@dataclass(frozen=True, slots=True, eq=False)
class WoodburyState:
    lowrank: AnyLowRank
    factor: Tensor

    @property
    def like(self) -> Tensor:
        return self.lowrank.like

    def solve(self, b: Vector) -> Vector:
        # (b - W^T (lam + W W^T)^-1 W b)/lam with W = S^T J
        low = self.lowrank
        u = torch.cholesky_solve(low.project(b).unsqueeze(-1), self.factor).squeeze(-1)
        return (b - low.lift(u)) / low.damping


@dataclass(frozen=True, slots=True)
class Woodbury:
    """Exact natural gradient in O(r^2 N + r^3): the fastest digital solver when r < N.

    Equivalent to `Cholesky`. Needs damping > 0. A dense program has no factors to gain from and is
    factorised as by `Cholesky`. Factors in float32 are solved in float64 where rounding would be more than 1e-3 of the
    answer.
    """

    def init(self, program: AnyProgram) -> WoodburyState | DenseSolve:
        """Raises ValueError when damping is zero, TypeError for products without factors."""
        if isinstance(program, Products):
            raise TypeError("Woodbury: needs Factors or a dense program, got Products; use ConjugateGradient")
        if not isinstance(program, Factored):
            return DenseSolve.of(matrix_of(program))
        if program.damping <= 0.0:
            raise ValueError("Woodbury: expected damping > 0, got 0: J^T H J alone is singular")
        with torch.no_grad():
            low, shifted = low_rank_and_gram(program, 1.0 / program.damping)
            shifted.diagonal().add_(program.damping)
            factor, failed = torch.linalg.cholesky_ex(shifted)
        if failed:
            raise ValueError(
                f"Woodbury: damping {program.damping:g} is lost in rounding beside J^T H J (or it is not finite); "
                "raise the damping or use float64"
            )
        return WoodburyState(low, factor)

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        with torch.no_grad():
            return answer(state.solve(to_tensor(b, state.like)), b, {})
