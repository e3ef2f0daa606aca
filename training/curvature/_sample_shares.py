"""What each sample counts in the loss of its batch."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils import _pytree as pytree

from .._exceptions import first_line, ran_out
from .._types import LossFunction
from ._coupling import HessianProduct, refuse_coupling
from ._losses import is_known

# Of slopes that should be parallel, in units of their precision.
ROUNDING = 1e3


def sample_shares(
    loss_fn: LossFunction, outputs: Float[Tensor, "B *output"], targets: Any, slope: Float[Tensor, "B *output"]
) -> Float[Tensor, " B"]:
    """The a_x of `loss = sum_x a_x l_x`, where l_x is what the loss of sample x alone would be.

    1/B for a mean, 1 for a sum, `w_x/sum w` for a weighted one, 0 for a sample that is left out. Where a sample's own
    loss has no slope its share is 0, and does not matter. `slope`: of the loss in the outputs.

    Raises ValueError for a loss that is no such sum.
    """
    if not is_known(loss_fn, outputs, targets):
        product = HessianProduct.where_possible(loss_fn, outputs, targets)
        refuse_coupling(loss_fn, outputs, targets, product)
    flat = slope.reshape(len(slope), -1)
    own = _own_slopes(loss_fn, outputs, targets).reshape(flat.shape)
    # a sample without any loss of its own, an ignored target, has no number for a mean
    own = torch.where(own.isfinite().all(1, keepdim=True), own, 0.0)
    size = own.square().sum(1)
    shares = torch.where(size > 0.0, (flat * own).sum(1) / size.where(size > 0.0, 1.0), 0.0)
    _check(flat, own, shares, loss_fn, outputs, targets)
    return shares.clamp_min(0.0)


def _check(flat: Tensor, own: Tensor, shares: Tensor, loss_fn: LossFunction, outputs: Tensor, targets: Any) -> None:
    if not bool(flat.isfinite().all()):
        return  # a loss that is not finite is reported as such
    rounding = ROUNDING * torch.finfo(flat.dtype).eps
    # Slopes of confident samples are rounded relative to those that other outputs would have.
    other = _own_slopes(loss_fn, outputs.roll(1, 0), targets)
    scale = max(float(own.abs().max()), float(other.nan_to_num(0.0, 0.0, 0.0).abs().max()))
    left = (flat - shares.unsqueeze(1) * own).abs().max()
    counted = shares[own.abs().amax(1) > rounding * scale]
    total = float(counted.sum())
    mean = total <= 1.0 + rounding
    sums = bool(((counted - 1.0).abs() <= rounding).all())
    if float(left) > rounding * scale or bool((counted < 0.0).any()) or not (mean or sums):
        raise ValueError(
            "loss_fn: expected a sum or a (weighted) mean of the samples' own losses, as the empirical Fisher matrix "
            'needs them, got one that couples samples; use curvature "ggn"'
        )


def _own_slopes(loss_fn: LossFunction, outputs: Tensor, targets: Any) -> Tensor:
    """The gradient of each sample's own loss in its outputs, by samples at once where torch can."""
    B = len(outputs)

    def one(z: Tensor, leaves: list[Any]) -> Tensor:
        whole = [leaf if given is None else given.unsqueeze(0) for leaf, given in zip(fixed, leaves, strict=True)]
        loss: Tensor = loss_fn(z.unsqueeze(0), pytree.tree_unflatten(whole, structure))
        return loss.reshape(())

    fixed, structure = pytree.tree_flatten(targets)
    cut = [leaf if isinstance(leaf, Tensor) and leaf.dim() > 0 and len(leaf) == B else None for leaf in fixed]
    try:
        places = [None if leaf is None else 0 for leaf in cut]
        found: Tensor = torch.func.vmap(torch.func.grad(one), in_dims=(0, places))(outputs.detach(), cut)
        return found
    except Exception as error:
        if ran_out(error):
            raise
    try:
        return torch.stack(
            [_slope_of(one, outputs[i], [None if leaf is None else leaf[i] for leaf in cut]) for i in range(B)]
        )
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        if ran_out(error):
            raise
        raise ValueError(f"loss_fn: cannot be asked for a sample alone: {first_line(error)}") from error


def _slope_of(loss: Callable[[Tensor, list[Any]], Tensor], outputs: Tensor, leaves: list[Any]) -> Tensor:
    with torch.enable_grad():
        z = outputs.detach().clone().requires_grad_(True)
        return torch.autograd.grad(loss(z, leaves), z)[0]
