"""Preconditioned conjugate gradients."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...files.arguments import check_choice, check_number, check_whole
from .._types import Array, Vector
from ..programs import AnyProgram, Factored, Products
from ._contract import Solution, answer, matrix_of, to_tensor
from ._dense_solve import is_symmetric


@dataclass(frozen=True, slots=True, eq=False)
class CGState:
    matvec: Callable[[Vector], Vector]
    diagonal: Tensor | None
    like: Tensor


@dataclass(frozen=True, slots=True)
class ConjugateGradient:
    """Iterative solve by products with F alone; also for `Products`, where nothing of size r x N is stored.

    Equivalent to `scipy.sparse.linalg.cg` (Hestenes and Stiefel, 1952) with the diagonal of F as preconditioner
    where it is known. F has to be positive definite, and is refused where it is found not to be. Stops at
    `|b - F x| <= tol |b|`, or after `max_iterations`. `x0` warm-starts it.
    Stats: `iterations`, `residual` (relative, as the recurrence has it), `converged` (0 or 1).
    """

    tol: float = 1e-5
    max_iterations: int = 1000
    preconditioner: Literal["jacobi", "none"] = "jacobi"

    def __post_init__(self) -> None:
        check_number("ConjugateGradient", "tol", self.tol)
        check_whole("ConjugateGradient", "max_iterations", self.max_iterations, 1)
        check_choice("ConjugateGradient", "preconditioner", self.preconditioner, ("jacobi", "none"))

    def init(self, program: AnyProgram) -> CGState:
        """Raises ValueError when a dense program is not symmetric, or a program cannot be positive definite."""
        if isinstance(program, Products):
            return CGState(program.matvec, None, program.gradient)
        if isinstance(program, Factored):
            diagonal = _positive(program.diagonal()) if self.preconditioner == "jacobi" else None
            return CGState(program.matvec, diagonal, program.like)
        A = matrix_of(program)
        if not is_symmetric(A):
            raise ValueError("ConjugateGradient: expected a symmetric A, got an unsymmetric one; use Cholesky (LU)")
        return CGState(lambda v: A @ v, _positive(A.diagonal()) if self.preconditioner == "jacobi" else None, A)

    def compute(self, state: CGState, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        rhs = to_tensor(b, state.like)
        x = torch.zeros_like(rhs) if x0 is None else to_tensor(x0, state.like).clone()
        with torch.no_grad():
            value, stats = self._iterate(state, rhs, x)
        return answer(value, b, stats)

    def _iterate(self, state: CGState, b: Vector, x: Vector) -> tuple[Vector, dict[str, float]]:
        limit = self.tol * float(b.norm())
        residual = b - state.matvec(x) if bool(x.any()) else b.clone()
        z = _precondition(state, residual)
        direction = z
        rz = residual @ z
        iterations = 0
        while float(residual.norm()) > limit and iterations < self.max_iterations:
            Fp = state.matvec(direction)
            curved = direction @ Fp
            _refuse_indefinite(curved, direction, Fp)
            step = rz / curved
            x = x + step * direction
            residual = residual - step * Fp
            z = _precondition(state, residual)
            rz, previous = residual @ z, rz
            direction = z + (rz / previous) * direction
            iterations += 1
        norm = float(residual.norm())
        relative = norm / float(b.norm()) if limit > 0 else norm
        return x, {"iterations": float(iterations), "residual": relative, "converged": float(norm <= limit)}


_INDEFINITE = (
    "ConjugateGradient: F is not positive definite ({found}): the loss is not convex in the outputs, or the damping is "
    "lost in rounding; raise the damping"
)


def _positive(diagonal: Vector) -> Vector:
    smallest = float(diagonal.min())
    if smallest <= 0.0:
        raise ValueError(_INDEFINITE.format(found=f"it has {smallest:.3g} on its diagonal"))
    return diagonal


def _refuse_indefinite(curved: Tensor, direction: Vector, Fp: Vector) -> None:
    if float(curved) <= 0.0 and bool(Fp.isfinite().all()):
        relative = float(curved / (direction.norm() * Fp.norm()).clamp_min(torch.finfo(Fp.dtype).tiny))
        raise ValueError(_INDEFINITE.format(found=f"v^T F v = {relative:.3g} |v| |F v| in a direction v"))


def _precondition(state: CGState, v: Vector) -> Vector:
    return v if state.diagonal is None else v / state.diagonal
