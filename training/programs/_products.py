"""Gauss-Newton products without factors: O(B N) each, nothing of size r x N stored."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .._types import OutputHessian, Rows, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """`F v = J^T H J v + damping v` from the products of J with one vector, and of J^T with another.

    Vectors in parameter space are flat, `module.parameters()` order, those that require gradients.
    `loss` is the loss_fn's value, `gradient` (N,) its gradient at the module's present parameters.
    """

    jvp: Callable[[Vector], Rows]
    """J v."""
    vjp: Callable[[Rows], Vector]
    """J^T u."""
    H: OutputHessian
    loss: Tensor
    gradient: Vector
    damping: float = 0.0

    @property
    def N(self) -> int:
        return len(self.gradient)

    def matvec(self, v: Vector) -> Vector:
        """F v."""
        u = self.jvp(v).reshape(len(self.H), -1)
        return self.vjp(torch.einsum("bij,bj->bi", self.H, u).reshape(-1)) + self.damping * v

    def with_damping(self, damping: float) -> "Products":
        return replace(self, damping=damping)
