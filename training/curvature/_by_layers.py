"""Factors layer by layer."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .._types import LossFunction
from ..parallel import Ranks
from ..programs import Columns, Layered, Outer, Stored, check_columns, gathered_batch
from ._flat_module import FlatModule
from ._layers import Use, forward, trainable_layers
from ._losses import loss_and_slope, output_hessian, sampled_slopes, warn_of_no_curvature
from ._plain_pass import probe
from .layer_kinds import bias_of, columns_of_layer
from .referees import Level


def layered(
    module: nn.Module,
    loss_fn: LossFunction,
    inputs: Any,
    targets: Any,
    damping: float = 0.0,
    level: Level = "chance",
    ranks: Ranks | None = None,
    sampled: bool = False,
) -> Layered:
    """Linearise `module` under `loss_fn` at one batch, layer by layer, in one forward and k backward passes.

    All trained parameters belong to `Linear`, `Conv1d`, `Conv2d` (also by groups), `LayerNorm`, `GroupNorm`, frozen
    `BatchNorm` or `Embedding` layers, each used once in a forward pass; layers between them keep samples apart.
    `inputs`: a tensor, a tuple of positional or a mapping of keyword arguments, all batched first.

    level: how it is checked: by a plain backward pass in a chance direction beside that of the gradient, by the plain
    gradient alone, or not at all; the gradient is then that of the outer products.
    ranks: processes that each have their part of the batch; every one of them gets the program of all. A sample's
    outer products are so few numbers that they are simply exchanged.

    sampled: one row for each sample, at `sampled_slopes`, in place of one for each output; in one backward pass.

    Raises ValueError for other modules, and where `curvature` would.
    """
    flat = FlatModule.of(module)
    layers = list(trainable_layers(module).values())
    expected = [id(p) for layer in layers for p in (layer.weight, bias_of(layer)) if p is not None]
    if [id(p) for p in flat.parameters] != expected:
        raise ValueError(
            'module: expected layers with a weight and a bias, in this order; use TNGD with curvature "ggn"'
        )
    raw, uses = forward(module, layers, inputs)
    outputs = raw.detach()
    with torch.no_grad():
        whole = outputs
        own = slice(None)
        if ranks is not None:
            whole, targets, own = gathered_batch(ranks, outputs, targets, outputs.numel())
        loss, slope = loss_and_slope(loss_fn, whole, targets, flat.parameters)
        H = output_hessian(loss_fn, whole, targets)
    warn_of_no_curvature(H, slope)
    slope = slope[own]
    plain = None if level == "none" and not sampled else flat.pulled_back(raw, slope)
    if sampled and plain is not None:
        u = sampled_slopes(loss_fn, whole, targets, H)
        J = _sampled_columns(raw, uses, u[own], flat if level != "none" else None)
        return Layered(J, torch.ones_like(H[:, :1, :1]), loss, plain, damping)
    # The loss may have a direction in which nothing shows.
    u = probe(raw) if level == "chance" else slope
    known = flat.pulled_back(raw, u) if level == "chance" else plain
    J = columns_of(raw, uses)
    if known is not None:
        check_columns(J, u, known)
    gradient = J.back(slope.flatten()) if plain is None else plain
    if ranks is None:
        return Layered(J, H, loss, gradient, damping)
    return Layered(J.over(ranks.gather), H, loss, ranks.sum(gradient), damping)


def _sampled_columns(raw: Tensor, uses: list[Use], u: Float[Tensor, "B k"], flat: FlatModule | None) -> Columns:
    """`J_x^T u_x` of each sample; held against a plain backward pass where there is a module."""
    slopes = u.reshape(raw.shape)
    known = None if flat is None else flat.pulled_back(raw, slopes)
    J = _pulled_columns(raw, uses, slopes.unsqueeze(0))
    if known is not None:
        check_columns(J, torch.ones_like(u[:, 0]), known)
    return J


def columns_of(raw: Tensor, uses: list[Use]) -> Columns:
    B = len(raw)
    k = raw[0].numel()
    basis = torch.eye(k, dtype=raw.dtype, device=raw.device).unsqueeze(1).expand(k, B, k)
    return _pulled_columns(raw, uses, basis.reshape(k, *raw.shape))


def _pulled_columns(raw: Tensor, uses: list[Use], slopes: Float[Tensor, "k B *output"]) -> Columns:
    ends = [use.out for use in uses]
    k = len(slopes)
    back = torch.autograd.grad(raw, ends, slopes, is_grads_batched=True, allow_unused=True)
    none = raw.new_zeros(())
    with torch.no_grad():
        layers = tuple(
            _layer(use, none.expand(k, *use.out.shape) if found is None else found)
            for use, found in zip(uses, back, strict=True)
        )
    return Columns(layers, tuple(bias_of(use.layer) is not None for use in uses))


def _layer(use: Use, ends: Float[Tensor, "k B *output"]) -> Outer | Stored:
    return columns_of_layer(use.layer, use.rows, torch.stack([use.sites(end) for end in ends], 1))
