"""Products at one batch."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from .._exceptions import first_line, ran_out
from .._types import LossFunction, Rows, Vector
from ..programs import Products
from ._flat_module import FlatModule
from ._losses import loss_and_slope, output_hessian, warn_of_no_curvature
from ._plain_pass import PlainPass, precision, probe


@dataclass(frozen=True, slots=True, eq=False)
class Linearised:
    """The derivative of a module's outputs in its parameters, at one batch.

    twice: J v by differentiating J^T u in u, for modules that torch has no forward derivative of.
    """

    module: FlatModule
    inputs: Any
    outputs: Float[Tensor, "B *output"]
    twice: bool = False

    def jvp(self, v: Vector) -> Rows:
        """J v."""
        with _differentiable_twice():
            theta = self.module.flatten()
            if not self.twice:
                return torch.func.jvp(self.forward, (theta,), (v,))[1].reshape(-1)
            pullback = torch.func.vjp(self.forward, theta)[1]
            # J^T u is linear in u, and J v its own pullback
            return torch.func.vjp(lambda u: pullback(u)[0], torch.zeros_like(self.outputs))[1](v)[0].reshape(-1)

    def vjp(self, u: Rows) -> Vector:
        """J^T u."""
        with _differentiable_twice():
            pullback = torch.func.vjp(self.forward, self.module.flatten())[1]
            return pullback(u.reshape(self.outputs.shape))[0]

    def forward(self, theta: Vector) -> Tensor:
        """The outputs with these parameters."""
        return self.module.outputs(theta, self.inputs).to(theta.dtype)


def products(module: nn.Module, loss_fn: LossFunction, inputs: Any, targets: Any, damping: float = 0.0) -> Products:
    """Linearise `module` under `loss_fn` at one batch. Raises ValueError where `curvature` would.

    A module that draws random numbers (dropout in training mode), or that is another function at each call, would
    be differentiated at another place at each product, and is refused; so is one that torch has no such derivatives of.
    One plain forward and backward pass, and one product, tell.
    """
    flat = FlatModule.of(module)
    flat.refuse_randomness()
    with _differentiable_twice():
        plain = PlainPass.of(flat, inputs)
    if plain.random:
        raise ValueError("module: it draws random numbers; call eval() or use a solver with factors")
    outputs = plain.outputs.detach()
    loss, slope = loss_and_slope(loss_fn, outputs, targets, flat.parameters)
    H = output_hessian(loss_fn, outputs, targets)
    warn_of_no_curvature(H, slope)
    linearised = _checked(Linearised(flat, inputs, outputs), plain)
    return Products(linearised.jvp, linearised.vjp, H, loss, plain.pulled_back(slope), damping)


def _checked(made: Linearised, plain: PlainPass) -> Linearised:
    for twice in (False, True):
        candidate = replace(made, twice=twice)
        try:
            right = _is_right(candidate, plain)
        except Exception as error:
            if ran_out(error):
                raise
            reason = first_line(error)
        else:
            if right:
                return candidate
            reason = "it is another function at each call, or changes what it is given"
    raise ValueError(f'module: curvature "products" cannot differentiate it ({reason}); use "ggn"')


def _is_right(made: Linearised, plain: PlainPass) -> bool:
    if not plain.agrees(made.forward(made.module.flatten()).detach()):
        return False
    u = probe(made.outputs)
    v = probe(made.module.flatten())
    known = plain.pulled_back(u)
    back = made.vjp(u.flatten())
    out = made.jvp(v)
    if not bool(known.isfinite().all()):
        return True  # a loss that is not finite is reported as such
    tolerance = precision(known)[1]
    close = float((back - known).norm()) <= tolerance * float(known.norm())
    # <J v, u> = <v, J^T u>, to the rounding of sums as long as the vectors are
    size = max(float(out.norm() * u.norm()), float(v.norm() * known.norm()))
    return close and abs(float(out @ u.flatten() - v @ known)) <= tolerance * size


@contextmanager
def _differentiable_twice() -> Iterator[None]:
    """Attention by matrix products, which torch differentiates in every way, and torch's warning about itself off."""
    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        # torch's own rules for forward mode are compiled, at their first use, in a way that torch deprecates
        warnings.filterwarnings("ignore", ".torch.jit.script", DeprecationWarning)
        yield
