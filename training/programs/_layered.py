"""The Gauss-Newton matrix with its Jacobian kept layer by layer."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .._types import OutputHessian, Rows, Vector
from ._factors import Factors, block_product, hessian_root
from ._outer_products import Columns
from ._rounding import ROUNDING


@dataclass(frozen=True, slots=True, eq=False)
class Layered:
    """`F = J^T H J + damping I`, the program of `Factors`, with J as outer products.

    A row of J belongs to a sample and an output; a linear layer's part of it is what comes back to the layer times
    what goes in, so that r^2 (o + i) operations make its Gram matrix, and (k o + i) numbers a sample's rows, instead
    of r^2 o i and k o i.
    `loss` is the loss_fn's value, `gradient` (N,) its gradient at the module's present parameters. H as in `Factors`.
    """

    J: Columns
    H: OutputHessian
    loss: Tensor
    gradient: Vector
    damping: float = 0.0

    @property
    def N(self) -> int:
        return len(self.gradient)

    @property
    def r(self) -> int:
        return self.J.B * self.J.k

    @property
    def like(self) -> Tensor:
        return self.gradient

    def matvec(self, v: Vector) -> Vector:
        """F v."""
        return self.J.back(block_product(self.H, self.J.forward(v))) + self.damping * v

    def diagonal(self) -> Vector:
        """diag(F), for a Jacobi preconditioner."""
        return self.J.rooted(hessian_root(self.H)).squares() + self.damping

    def factors(self) -> Factors:
        """The same program with J stored, for a device that has to be loaded with it."""
        return Factors(self.J.stored(), self.H, self.damping, scratch=True)

    def with_damping(self, damping: float) -> "Layered":
        return replace(self, damping=damping)


@dataclass(frozen=True, slots=True, eq=False)
class LayeredLowRank:
    """`F = W^T W + damping I` with W = S^T J, as `LowRank`."""

    W: Columns
    damping: float

    @classmethod
    def of(cls, program: Layered) -> "LayeredLowRank":
        return cls(program.J.rooted(hessian_root(program.H)), program.damping)

    @property
    def like(self) -> Tensor:
        return self.W.like

    def widened(self) -> "LayeredLowRank":
        """The same, computing in double precision."""
        return replace(self, W=self.W.double())

    def project(self, v: Vector) -> Rows:
        return self.W.forward(v)

    def lift(self, u: Rows) -> Vector:
        return self.W.back(u)

    def gram(self) -> Float[Tensor, "Bm Bm"]:
        return self.W.gram()


def check_columns(J: Columns, u: Tensor, known: Vector) -> None:
    """Raises ValueError unless J^T u is `known`."""
    made = J.back(u.flatten())
    # rounding, relative to the largest that a product with J may be
    size = float(J.squares().sum().sqrt() * u.norm())
    if math.isfinite(size) and not float((made - known).norm()) <= ROUNDING * torch.finfo(made.dtype).eps * size:
        raise ValueError(
            "module: outer products do not give its gradient: a layer's weight is used apart from the layer, or "
            'samples are mixed; use TNGD with curvature "ggn"'
        )
