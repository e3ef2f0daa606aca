"""An ideal stochastic processing unit in closed form."""

import math
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from ...files.arguments import check_number
from ...files.opening import check_seed
from .._types import Array, LinAlgError, Rows, Vector
from ..programs import AnyLowRank, AnyProgram, Factored, Products, low_rank_and_gram
from . import _relaxation_functions as flow
from ._contract import Solution, answer, matrix_of, to_tensor
from ._dense_relaxation import DenseFlow


@dataclass(frozen=True, slots=True, eq=False)
class IdealState:
    """Factors with the eigenvalues w and eigenvectors Q of the Gram matrix W W^T."""

    lowrank: AnyLowRank
    w: Rows
    Q: Tensor

    @property
    def like(self) -> Tensor:
        return self.lowrank.like

    def mean(self, b: Vector, x0: Vector | None, t: float) -> Vector:
        low = self.lowrank
        pushed = flow.drive(t, low.damping, self.w)
        value = pushed.base * b
        inside = pushed.slope * (self.Q.T @ low.project(b))
        if x0 is not None and not math.isinf(t):
            kept = flow.decay(t, low.damping, self.w)
            value = value + kept.base * x0
            inside = inside + kept.slope * (self.Q.T @ low.project(x0))
        return value + low.lift(self.Q @ inside)

    def noise(self, t: float, white: Vector) -> Vector:
        low = self.lowrank
        spread = flow.noise(t, low.damping, self.w)
        return spread.base * white + low.lift(self.Q @ (spread.slope * (self.Q.T @ low.project(white))))


@dataclass(frozen=True, slots=True)
class IdealSPU:
    """A noisy analog solver without flaws: relaxes for t, then is read out exactly.

    `dx = -(F x - b) ds + N(0, 2 kappa0 ds)` from x0 (zero when absent), s in units of tau. Mean
    `exp(-F t)(x0 - F^-1 b) + F^-1 b`, covariance `kappa0 F^-1 (1 - exp(-2 F t))`; both exact, by the eigenvectors
    of the r x r Gram matrix: no time step, no stability limit. Factors in float32 are solved in float64 where rounding
    would be more than 1e-3 of the answer. At t = inf without noise equivalent to `Woodbury`.
    A dense program may be unsymmetric; its mean is a matrix exponential and its covariance solves Lyapunov's equation.

    t: analog time [tau], 0 to inf.
    kappa0: noise strength in squared units of the solution (V^2 for a program in volts): the stationary variance where
        F = I. The noise comes from a generator of its own, started from `seed` and kept from solve to solve.
    Stats: `analog_time` [tau] where it is finite.
    """

    t: float = math.inf
    kappa0: float = 0.0
    seed: int = 0
    generator: torch.Generator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_number("IdealSPU", "t", self.t, infinite=True)
        check_number("IdealSPU", "kappa0", self.kappa0)
        check_seed(self.seed, "IdealSPU: seed")
        object.__setattr__(self, "generator", torch.Generator().manual_seed(self.seed))

    def init(self, program: AnyProgram) -> IdealState | DenseFlow:
        """Raises TypeError for products without factors, ValueError for factors that are not finite."""
        if isinstance(program, Products):
            raise TypeError("IdealSPU: needs Factors or a dense program, got Products")
        if not isinstance(program, Factored):
            A = matrix_of(program)
            return DenseFlow(A, 2.0 * torch.eye(len(A), dtype=A.dtype))
        with torch.no_grad():
            # at rest, a part of the drive that W does not see is divided by the damping
            gain = min(self.t, 1.0 / program.damping if program.damping else math.inf)
            low, gram = low_rank_and_gram(program, gain)
            if not bool(gram.isfinite().all()):
                raise ValueError("IdealSPU: the factors J, H are not finite; lower lr or raise the damping")
            w, Q = _eigh(gram)
        return IdealState(low, w.clamp_min(0.0), Q)

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        """Raises ValueError at t = inf with zero damping: there is no steady state."""
        time = self.t if t is None else t
        if math.isinf(time) and isinstance(state, IdealState) and state.lowrank.damping == 0.0:
            raise ValueError("IdealSPU: t = inf needs damping > 0, got 0: J^T H J alone is singular")
        rhs = to_tensor(b, state.like)
        start = None if x0 is None else to_tensor(x0, state.like)
        with torch.no_grad():
            value = state.mean(rhs, start, time)
            if self.kappa0 > 0.0:
                white = torch.randn(rhs.shape, generator=self.generator, dtype=rhs.dtype).to(rhs.device)
                value = value + math.sqrt(self.kappa0) * state.noise(time, white)
        return answer(value, b, {} if math.isinf(time) else {"analog_time": time})


def _eigh(gram: Tensor) -> tuple[Rows, Tensor]:
    try:
        return cast("tuple[Rows, Tensor]", torch.linalg.eigh(gram))
    except LinAlgError:  # LAPACK may stall on the smallest numbers of float32
        w, Q = torch.linalg.eigh(gram.double())
        return w.to(gram), Q.to(gram)
