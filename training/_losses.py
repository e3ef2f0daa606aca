"""Hessian of a loss with respect to the model's outputs, sample by sample."""

import functools
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ._types import LossFunction, OutputHessian


def output_hessian(loss_fn: LossFunction, outputs: Float[Tensor, "B *output"], targets: Any) -> OutputHessian:
    """Hessian of the *whole* loss in the outputs of each sample, (B, k, k), outputs flattened to k.

    The reduction is part of it: for a mean over B samples each block carries its 1/B, so that
    `sum_x J_x^T H_x J_x` is the Gauss-Newton matrix of `loss_fn` as it is. Cross-entropy and squared error
    are recognised (functions, modules, `functools.partial` of either) and take a closed form; any other
    twice-differentiable loss that is a sum over samples costs k Hessian-vector products in the outputs.

    Raises ValueError when the loss couples samples, or has reduction "none".
    """
    closed = _closed_form(loss_fn)
    if isinstance(closed, _CrossEntropy):
        return closed.hessian(outputs, targets)
    if isinstance(closed, _SquaredError):
        return closed.hessian(outputs)
    return _hessian_by_products(loss_fn, outputs, targets)


def loss_and_slope(
    loss_fn: LossFunction, outputs: Float[Tensor, "B *output"], targets: Any
) -> tuple[Tensor, Float[Tensor, "B *output"]]:
    """The loss, a scalar, and its gradient in the outputs. Raises ValueError for a loss that is none."""
    loss, pullback = torch.func.vjp(lambda z: loss_fn(z, targets), outputs)[:2]
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        shape = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
        raise ValueError(f"loss_fn: expected a scalar, a sum or a mean over the samples, got {shape}")
    return loss.detach(), pullback(torch.ones_like(loss))[0].detach()


def normaliser(loss_fn: LossFunction, outputs: Float[Tensor, "B *output"], targets: Any) -> float | None:
    """What the loss divides a sum over the samples by; None for a sum.

    Batches with normalisers W_i make one batch with `loss = sum_i (W_i/W) loss_i`, W their sum. Cross-entropy and
    squared error are known; of any other loss it is asked whether the batch doubled has the same loss, or twice it.
    """
    closed = _closed_form(loss_fn)
    if isinstance(closed, _CrossEntropy):
        return closed.normaliser(outputs, targets) if _is_mean(closed.reduction) else None
    if isinstance(closed, _SquaredError):
        return float(outputs.numel()) if _is_mean(closed.reduction) else None
    with torch.no_grad():
        once = loss_fn(outputs, targets)
        twice = loss_fn(torch.cat([outputs, outputs]), pytree.tree_map(lambda y: torch.cat([y, y]), targets))
    return float(len(outputs)) if abs(float(twice - once)) <= abs(float(twice - 2 * once)) else None


@dataclass(frozen=True, slots=True)
class _SquaredError:
    reduction: str = "mean"

    def hessian(self, outputs: Tensor) -> Tensor:
        B, k = outputs.shape[0], outputs[0].numel()
        scale = 2.0 / outputs.numel() if _is_mean(self.reduction) else 2.0
        return (scale * torch.eye(k, dtype=outputs.dtype, device=outputs.device)).expand(B, k, k)


@dataclass(frozen=True, slots=True)
class _CrossEntropy:
    weight: Tensor | None = None
    ignore_index: int = -100
    label_smoothing: float = 0.0
    reduction: str = "mean"

    def hessian(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # (B, C, d1, ...) -> one softmax per sample and position
        logits = outputs.flatten(2) if outputs.dim() > 2 else outputs.unsqueeze(-1)
        B, C, d = logits.shape
        p = logits.softmax(1).movedim(1, -1)
        block = torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)
        block = block * self._weights(logits, targets)[..., None, None]
        if d == 1:
            return block.squeeze(1)
        H = logits.new_zeros(B, C, d, C, d)
        H.diagonal(dim1=2, dim2=4).copy_(block.permute(0, 2, 3, 1))
        return H.reshape(B, C * d, C * d)

    def normaliser(self, outputs: Tensor, targets: Tensor) -> float:
        samples = float(outputs.numel() // outputs.shape[1])
        if targets.is_floating_point():
            return samples
        kept = targets != self.ignore_index
        if self.weight is None:
            return float(kept.sum())
        return float((self.weight.to(outputs)[targets.where(kept, 0)] * kept).sum())

    def _weights(self, logits: Tensor, targets: Tensor) -> Tensor:
        B, C, d = logits.shape
        w = logits.new_ones(C) if self.weight is None else self.weight.to(logits)
        if targets.is_floating_point():
            q = targets.to(logits).reshape(B, C, d)
            q = (1 - self.label_smoothing) * q + self.label_smoothing / C
            total = torch.einsum("c,bcd->bd", w, q)
            return total / (B * d) if _is_mean(self.reduction) else total
        index = targets.reshape(B, d)
        kept = index != self.ignore_index
        chosen = w[index.where(kept, 0)] * kept
        total = (1 - self.label_smoothing) * chosen + self.label_smoothing / C * w.sum() * kept
        return total / chosen.sum() if _is_mean(self.reduction) else total


def _is_mean(reduction: str) -> bool:
    if reduction not in ("mean", "sum"):
        raise ValueError(f'loss reduction: expected "mean" or "sum", got {reduction!r}')
    return reduction == "mean"


def _closed_form(loss_fn: LossFunction) -> _CrossEntropy | _SquaredError | None:
    if isinstance(loss_fn, nn.CrossEntropyLoss):
        return _CrossEntropy(loss_fn.weight, loss_fn.ignore_index, loss_fn.label_smoothing, loss_fn.reduction)
    if isinstance(loss_fn, nn.MSELoss):
        return _SquaredError(loss_fn.reduction)
    keywords: dict[str, Any] = {}
    function: Any = loss_fn
    if isinstance(function, functools.partial) and not function.args:
        function, keywords = function.func, function.keywords
    if function is nn.functional.cross_entropy and _fits(_CrossEntropy, keywords):
        return _CrossEntropy(**keywords)
    if function is nn.functional.mse_loss and _fits(_SquaredError, keywords):
        return _SquaredError(**keywords)
    return None


def _fits(kind: type[_CrossEntropy] | type[_SquaredError], keywords: dict[str, Any]) -> bool:
    return keywords.keys() <= {f.name for f in fields(kind)}


def _hessian_by_products(loss_fn: LossFunction, outputs: Tensor, targets: Any) -> Tensor:
    B, k = outputs.shape[0], outputs[0].numel()
    gradient = torch.func.grad(lambda z: loss_fn(z, targets))

    pullback = torch.func.vjp(gradient, outputs)[1]

    def product(v: Tensor) -> Tensor:
        # v (B, k) -> H v (B, k), H being symmetric
        out: Tensor = pullback(v.reshape(outputs.shape))[0]
        return out.reshape(B, k)

    basis = torch.eye(k, dtype=outputs.dtype, device=outputs.device)
    columns = [product(e.expand(B, k)) for e in basis]
    H = torch.stack(columns, dim=-1)
    _check_separable(product, H)
    return H


def _check_separable(product: Any, H: Tensor) -> None:
    # Basis vectors shared by all samples add up the blocks of a loss that couples samples; unequal signs do not.
    B, k, _ = H.shape
    signs = 1.0 - 2.0 * (torch.arange(B * k, device=H.device).reshape(B, k) * 2654435761 // 65536 % 2)
    signs = signs.to(H)
    expected = torch.einsum("bij,bj->bi", H, signs)
    scale = H.abs().max().clamp_min(torch.finfo(H.dtype).tiny) * k
    if (product(signs) - expected).abs().max() > 1e3 * torch.finfo(H.dtype).eps * scale:
        raise ValueError("loss_fn: expected a sum or mean over samples, got one that couples samples")
