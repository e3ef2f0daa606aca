"""Whether a loss is a sum over samples, told by what it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._exceptions import first_line
from .._types import LossFunction

# Of derivatives in the outputs that should not depend on another sample, in units of their precision.
ROUNDING = 1e3


@dataclass(frozen=True, slots=True, eq=False)
class HessianProduct:
    """`H v` with H the Hessian of a loss in the outputs; `v` has their shape."""

    outputs: Tensor
    slope: Tensor

    @classmethod
    def of(cls, loss_fn: LossFunction, outputs: Tensor, targets: Any) -> "HessianProduct":
        with torch.enable_grad():
            z = outputs.detach().requires_grad_(True)
            loss = loss_fn(z.clone(), targets)
            (slope,) = torch.autograd.grad(loss.reshape(()), z, create_graph=True)
        return cls(z, slope)

    @classmethod
    def where_possible(cls, loss_fn: LossFunction, outputs: Tensor, targets: Any) -> "HessianProduct | None":
        """None for a loss that torch cannot differentiate twice."""
        product = cls.of(loss_fn, outputs, targets)
        try:
            product(torch.zeros_like(outputs))
        except ValueError:
            return None
        return product

    def __call__(self, v: Tensor) -> Tensor:
        """Raises ValueError where torch has no second derivative."""
        if not self.slope.requires_grad:  # a loss of straight lines
            return torch.zeros_like(v)
        try:
            (out,) = torch.autograd.grad(self.slope, self.outputs, v, retain_graph=True, allow_unused=True)
        except RuntimeError as error:
            raise ValueError(
                f'loss_fn: torch has no second derivative of it ({first_line(error)}); use curvature "fisher"'
            ) from error
        return torch.zeros_like(v) if out is None else out


def refuse_coupling(loss_fn: LossFunction, outputs: Tensor, targets: Any, product: HessianProduct | None) -> None:
    """Raises ValueError for a loss whose slope in one sample's outputs depends on another's.

    The samples are cut in two halves in log2(B) ways, so that any two of them are apart in one of these. In each, the
    outputs of one half are replaced by those of other samples, which a loss of straight lines feels, and moved a little
    in chance directions, which a smooth one feels where it stands; the slope in the other half must not change.
    """
    with torch.no_grad():
        slope = _slope(loss_fn, outputs, targets)
        for half in _halves(len(outputs), outputs.device):
            rest = ~half
            moved = torch.where(_wide(half, outputs), outputs.roll(_shift(half), 0), outputs)
            _compare(_slope(loss_fn, moved, targets)[rest], slope[rest], slope)
            if product is not None:
                v = torch.where(_wide(half, outputs), _numbers(outputs), 0.0)
                change = product(v)
                _compare(change[rest], torch.zeros_like(change[rest]), change)


def _compare(found: Tensor, expected: Tensor, scale: Tensor) -> None:
    deviation = float((found - expected).abs().max())
    largest = float(scale.abs().max())
    if deviation > ROUNDING * torch.finfo(found.dtype).eps * max(largest, float(found.abs().max())):
        raise ValueError("loss_fn: expected a sum or mean over samples, got one that couples samples")


def _slope(loss_fn: LossFunction, outputs: Tensor, targets: Any) -> Tensor:
    with torch.enable_grad():
        z = outputs.detach().requires_grad_(True)
        loss = loss_fn(z.clone(), targets)
        return torch.autograd.grad(loss.reshape(()), z)[0]


def _halves(B: int, device: torch.device) -> Iterator[Tensor]:
    number = torch.arange(B, device=device)
    for bit in range((B - 1).bit_length()):
        yield (number >> bit) % 2 == 1


def _shift(half: Tensor) -> int:
    """A distance at which the other half begins: the first sample of the half takes what stood before it."""
    return int(half.nonzero()[0])


def _wide(half: Tensor, like: Tensor) -> Tensor:
    return half.reshape(-1, *[1] * (like.dim() - 1))


def _numbers(like: Tensor) -> Tensor:
    numbers = torch.randn(like.shape, generator=torch.Generator().manual_seed(0), dtype=like.dtype)
    return numbers.to(like.device)
