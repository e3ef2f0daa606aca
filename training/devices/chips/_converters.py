"""Numbers on the grids that converters and programmed conductances have."""

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


def to_conductance(G: Tensor, full_scale: float, bits: int | None, generator: torch.Generator | None = None) -> Tensor:
    """G as an array holds it: its magnitude on 2^bits - 1 equal steps up to full_scale and no higher, any sign.

    The sign is a choice of rail and takes no bit, as where `thermospice.circuits` loads its arrays. None: no steps.
    """
    if bits is None or full_scale == 0.0:
        return G.clamp(-full_scale, full_scale)
    step = full_scale / (2**bits - 1)
    draw: Tensor | float = 0.5
    if generator is not None:
        draw = torch.rand(G.shape, generator=generator, dtype=G.dtype).to(G.device)
    magnitude = (G.abs() / step).add_(draw).floor_().clamp_max_(2**bits - 1)
    return magnitude.mul_(step).copysign_(G)


def to_own_scale(x: Tensor, bits: int | None) -> Tensor:
    """x through a DAC whose full scale is the largest entry."""
    return to_grid(x, grid(float(x.abs().max()), bits)) if bits is not None else x


def read_out(v: Tensor, full_scale: float, bits: int | None) -> tuple[Tensor, int]:
    """v through an ADC, and how many entries were clipped."""
    clipped = int((v.abs() > full_scale).sum())
    return to_grid(v.clamp(-full_scale, full_scale), grid(full_scale, bits)), clipped
