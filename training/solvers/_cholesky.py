"""Exact solve by a dense factorisation."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...files.arguments import check_whole
from .._types import Array
from ..programs import AnyProgram, Factored, Factors, Products, needs_double, stored
from ._contract import Solution, answer, matrix_of, to_tensor
from ._dense_solve import DenseSolve
from ._woodbury import Woodbury, WoodburyState


@dataclass(frozen=True, slots=True)
class Cholesky:
    """Exact natural gradient: N^3/3 once per program, N^2 per drive.

    Equivalent to `scipy.linalg.solve(A, b, assume_a="pos")`; a program whose A is not symmetric is factorised as LU.
    Factors have to make a positive definite matrix, as they do of a loss that is convex in the outputs; in float32
    they are solved in float64 where rounding would be more than 1e-3 of the answer. Above `dense_limit` parameters
    they are solved through their r x r Gram matrix, as by `Woodbury`.
    """

    dense_limit: int = 4096

    def __post_init__(self) -> None:
        check_whole("Cholesky", "dense_limit", self.dense_limit, 0, "parameters")

    def init(self, program: AnyProgram) -> DenseSolve | WoodburyState:
        """Raises ValueError when the program is singular or factors are not positive definite.

        TypeError for products without factors.
        """
        if isinstance(program, Factored) and self.dense_limit < program.N:
            return Woodbury().init(program)
        whole = stored(program)
        if isinstance(whole, Products):
            raise TypeError("Cholesky: needs Factors or a dense program, got Products; use ConjugateGradient")
        if not isinstance(whole, Factors):
            return DenseSolve.of(matrix_of(whole))
        F = whole.dense()
        if whole.damping > 0.0 and needs_double(F, 1.0 / whole.damping):
            F = whole.double().dense()
        return DenseSolve.positive(F)

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        rhs: Tensor = to_tensor(b, state.like)
        with torch.no_grad():
            return answer(state.solve(rhs), b, {})
