"""Converters: numbers on the grid that a DAC or an ADC can give."""

from typing import Literal

import torch
from torch import Tensor

Rounding = Literal["nearest", "stochastic"]


def grid(full_scale: float, bits: int | None) -> float:
    """Step of a signed converter with 2^bits - 1 levels from -full_scale to full_scale; 0 is continuous."""
    return 0.0 if bits is None else full_scale / (2 ** (bits - 1) - 1)


def to_grid(x: Tensor, step: float, generator: torch.Generator | None = None) -> Tensor:
    """x on multiples of `step`: to the nearest, or with a generator up or down at random, right on average."""
    if step == 0.0:
        return x
    if generator is None:
        return (x / step).round_().mul_(step)
    uniform = torch.rand(x.shape, generator=generator, dtype=x.dtype).to(x.device)
    return (x / step).add_(uniform).floor_().mul_(step)


def to_own_scale(x: Tensor, bits: int | None) -> Tensor:
    """x through a DAC whose full scale is the largest entry."""
    return to_grid(x, grid(float(x.abs().max()), bits)) if bits is not None else x


def read_out(v: Tensor, full_scale: float, bits: int | None) -> tuple[Tensor, int]:
    """v through an ADC, and how many entries were clipped."""
    clipped = int((v.abs() > full_scale).sum())
    return to_grid(v.clamp(-full_scale, full_scale), grid(full_scale, bits)), clipped
