"""Gauss-Newton products without factors: O(B N) each, nothing of size r x N stored."""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ._losses import loss_and_slope, output_hessian
from ._module import FlatModule
from ._types import LossFunction, OutputHessian, Rows, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """`F v = J^T H J v + damping v` by one forward and one backward derivative of the module.

    Vectors in parameter space are flat, `module.parameters()` order, those that require gradients.
    `loss` is the loss_fn's value, `gradient` (N,) its gradient at the module's present parameters.
    """

    module: FlatModule
    inputs: Any
    outputs: Float[Tensor, "B k"]
    H: OutputHessian
    loss: Tensor
    gradient: Vector
    damping: float = 0.0

    @property
    def N(self) -> int:
        return self.module.N

    def jvp(self, v: Vector) -> Rows:
        """J v."""
        with warnings.catch_warnings():
            # torch's own rules for forward mode are compiled, at their first use, in a way that torch deprecates
            warnings.filterwarnings("ignore", ".torch.jit.script", DeprecationWarning)
            return torch.func.jvp(self._forward, (self.module.flatten(),), (v,))[1].reshape(-1)

    def vjp(self, u: Rows) -> Vector:
        """J^T u."""
        pullback = torch.func.vjp(self._forward, self.module.flatten())[1]
        return pullback(u.reshape(self.outputs.shape))[0]

    def matvec(self, v: Vector) -> Vector:
        """F v."""
        u = self.jvp(v).reshape(self.outputs.shape)
        return self.vjp(torch.einsum("bij,bj->bi", self.H, u).reshape(-1)) + self.damping * v

    def _forward(self, theta: Vector) -> Tensor:
        return self.module.outputs(theta, self.inputs).flatten(1)


def products(module: nn.Module, loss_fn: LossFunction, inputs: Any, targets: Any, damping: float = 0.0) -> Products:
    """Linearise `module` under `loss_fn` at one batch. Raises ValueError where `curvature` would.

    A module that draws random numbers (dropout in training mode) would differentiate another network at each
    product and is refused.
    """
    flat = FlatModule.of(module)
    flat.refuse_randomness()
    raw, pullback = torch.func.vjp(lambda theta: flat.outputs(theta, inputs), flat.flatten())[:2]
    with torch.no_grad():
        loss, slope = loss_and_slope(loss_fn, raw, targets)
        H = output_hessian(loss_fn, raw, targets)
        gradient = pullback(slope)[0]
    return Products(flat, inputs, raw.flatten(1), H, loss, gradient, damping)
