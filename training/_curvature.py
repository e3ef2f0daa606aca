"""Gauss-Newton factors of a module at one batch, by torch.func."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import grad_and_value, jacrev, vmap
from torch.utils import _pytree as pytree

from ._factors import Factors
from ._losses import output_hessian
from ._module import FlatModule
from ._types import LossFunction, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """One batch's loss (scalar), gradient (N,) and Gauss-Newton factors, all of the same forward pass."""

    loss: Tensor
    gradient: Vector
    factors: Factors


def curvature(
    module: nn.Module,
    loss_fn: LossFunction,
    inputs: Any,
    targets: Any,
    damping: float = 0.0,
    chunk: int | None = None,
) -> Curvature:
    """Loss, gradient and `F = J^T H J + damping I` of `module` under `loss_fn`.

    The Gauss-Newton matrix of Schraudolph (2002), "Fast curvature matrix-vector products": J (B k, N) the outputs'
    Jacobian in the trainable parameters (`module.parameters()` order), H the loss's Hessian in the outputs.
    `inputs`: a tensor, a tuple of positional or a mapping of keyword arguments, all batched first.
    `chunk`: samples differentiated at a time (default: an eighth of the batch), the memory above J itself.
    Active dropout draws one mask per sample from torch's global generator, the same for J and for the loss.

    Raises ValueError: layers with batch statistics, no or unlike trainable parameters, a loss that couples samples.
    """
    flat = FlatModule.of(module)
    outputs, J = _jacobian(flat, inputs, chunk)
    with torch.no_grad():
        H = output_hessian(loss_fn, outputs, targets)
        slope, loss = grad_and_value(lambda z: loss_fn(z, targets))(outputs)
        gradient = J.T @ slope.reshape(-1)
    return Curvature(loss, gradient, Factors(J, H, damping))


def _jacobian(flat: FlatModule, inputs: Any, chunk: int | None) -> tuple[Tensor, Tensor]:
    parameters = dict(zip(flat.names, (p.detach() for p in flat.parameters), strict=True))

    def sample(values: dict[str, Tensor], x: Any) -> tuple[Tensor, Tensor]:
        one = pytree.tree_map(lambda a: a.unsqueeze(0), x)
        out = flat.outputs(values, one).squeeze(0)
        return out.reshape(-1), out

    per_sample = vmap(jacrev(sample, has_aux=True), in_dims=(None, 0), randomness="different")
    B = len(pytree.tree_leaves(inputs)[0])
    outputs: list[Tensor] = []
    J: Tensor | None = None
    row = 0
    for piece in _chunks(inputs, B, chunk or max(1, B // 8)):
        blocks, out = per_sample(parameters, piece)
        outputs.append(out)
        rows = out.numel()
        if J is None:
            J = out.new_empty(B * out[0].numel(), flat.N)
        _store(J[row : row + rows], [blocks[name] for name in flat.names])
        row += rows
    if J is None:
        raise ValueError("inputs: expected at least one sample, got an empty batch")
    return torch.cat(outputs), J


def _store(J: Tensor, blocks: list[Tensor]) -> None:
    # (samples, k, *shape) per parameter -> columns of J
    column = 0
    for block in blocks:
        width = block[0, 0].numel()
        J[:, column : column + width] = block.detach().reshape(len(J), width)
        column += width


def _chunks(inputs: Any, B: int, size: int) -> Iterator[Any]:
    for start in range(0, B, size):
        piece = slice(start, start + size)
        yield pytree.tree_map(lambda a, s=piece: a[s], inputs)
