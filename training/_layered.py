"""The Gauss-Newton matrix with its Jacobian kept layer by layer."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ._columns import Columns, Outer, Stored
from ._factors import Factors, block_product, hessian_root
from ._layers import ROUNDING, Use, forward, trainable_layers
from ._losses import loss_and_slope, output_hessian
from ._module import FlatModule
from ._plain_pass import probe
from ._types import LossFunction, OutputHessian, Rows, Vector


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


def layered(module: nn.Module, loss_fn: LossFunction, inputs: Any, targets: Any, damping: float = 0.0) -> Layered:
    """Linearise `module` under `loss_fn` at one batch, layer by layer, in one forward and k backward passes.

    All trained parameters belong to `Linear` or `Conv2d` layers, each used once in a forward pass; layers between them
    keep samples apart. `inputs`: a tensor, a tuple of positional or a mapping of keyword arguments, all batched first.

    Raises ValueError for other modules, and where `curvature` would.
    """
    flat, layers = FlatModule.of(module), list(trainable_layers(module).values())
    expected = [id(p) for layer in layers for p in (layer.weight, layer.bias) if p is not None]
    if [id(p) for p in flat.parameters] != expected:
        raise ValueError(
            'module: expected layers with a weight and a bias, in this order; use TNGD with curvature "ggn"'
        )
    raw, uses = forward(module, layers, inputs)
    outputs = raw.detach()
    with torch.no_grad():
        loss, slope = loss_and_slope(loss_fn, outputs, targets, flat.parameters)
        H = output_hessian(loss_fn, outputs, targets)
    gradient = flat.pulled_back(raw, slope)
    # Derivatives in chance directions: that of the loss may be one in which nothing shows.
    u = probe(raw)
    known = flat.pulled_back(raw, u)
    J = _columns(raw, uses)
    _check_columns(J, u, known)
    return Layered(J, H, loss, gradient, damping)


def _check_columns(J: Columns, u: Tensor, known: Vector) -> None:
    """Raises ValueError unless J^T u is `known`."""
    made = J.back(u.flatten())
    # rounding, relative to the largest that a product with J may be
    size = float(J.squares().sum().sqrt() * u.norm())
    if math.isfinite(size) and not float((made - known).norm()) <= ROUNDING * torch.finfo(made.dtype).eps * size:
        raise ValueError(
            "module: outer products do not give its gradient: a layer's weight is used apart from the layer, or "
            'samples are mixed; use TNGD with curvature "ggn"'
        )


def _columns(raw: Tensor, uses: list[Use]) -> Columns:
    B, k = len(raw), raw[0].numel()
    basis = torch.eye(k, dtype=raw.dtype, device=raw.device).unsqueeze(1).expand(k, B, k)
    ends, slopes = [use.out for use in uses], basis.reshape(k, *raw.shape)
    back = torch.autograd.grad(raw, ends, slopes, is_grads_batched=True, allow_unused=True)
    none = raw.new_zeros(())
    with torch.no_grad():
        layers = tuple(
            _layer(use, none.expand(k, *use.out.shape) if found is None else found)
            for use, found in zip(uses, back, strict=True)
        )
    return Columns(layers, tuple(use.layer.bias is not None for use in uses))


def _layer(use: Use, ends: Float[Tensor, "k B *output"]) -> Outer | Stored:
    G = torch.stack([use.sites(end) for end in ends], 1)  # (B, k, sites, o)
    if G.shape[2] == 1:
        return Outer(G.squeeze(2), use.rows.squeeze(1))
    B, k, _, o = G.shape
    return Stored(torch.bmm(G.movedim(3, 2).reshape(B, k * o, -1), use.rows).reshape(B, k, o, -1))
