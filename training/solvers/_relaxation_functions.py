"""Scalar functions of a relaxing linear system, and their divided differences.

For `dx = -(F x - b) ds + N(0, 2 kappa0 ds)` with symmetric F the mean and the noise after time t are functions of F:
decay exp(-x t), drive (1 - exp(-x t))/x, noise variance (1 - exp(-2 x t))/x. A function of `W^T W + lam I` needs
only f(lam) and the divided difference (f(lam + w) - f(lam))/w at the Gram matrix's eigenvalues w, which stays
smooth as w -> 0, so no rank has to be decided.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class DividedDifference:
    """f(lam), and (f(lam + w) - f(lam))/w elementwise."""

    base: float
    slope: Tensor


def decay(t: float, lam: float, w: Tensor) -> DividedDifference:
    """exp(-x t)."""
    if math.isinf(t):
        return DividedDifference(0.0, torch.zeros_like(w))
    base = math.exp(-lam * t)
    return DividedDifference(base, -base * _integral(t, w))


def drive(t: float, lam: float, w: Tensor) -> DividedDifference:
    """(1 - exp(-x t))/x, the integral of the decay; t where x = 0."""
    if math.isinf(t):
        return DividedDifference(1.0 / lam, -1.0 / (lam * (lam + w)))
    if lam * t < 1e-12:
        # the limit lam -> 0: (h(w) - t)/w, whose own limit is -t^2/2
        small = w * t < 1e-6
        return DividedDifference(t, torch.where(small, -t * t / 2, (_integral(t, w) - t) / torch.where(small, 1.0, w)))
    base = -math.expm1(-lam * t) / lam
    return DividedDifference(base, (math.exp(-lam * t) * _integral(t, w) - base) / (lam + w))


def noise(t: float, lam: float, w: Tensor) -> DividedDifference:
    """sqrt((1 - exp(-2 x t))/x): the noise's standard deviation for kappa0 = 1."""
    variance = drive(2.0 * t, lam, w)
    base = math.sqrt(variance.base)
    root = (variance.base + w * variance.slope).clamp_min(0.0).sqrt()
    return (
        DividedDifference(base, variance.slope / (root + base))
        if base > 0.0
        else DividedDifference(0.0, torch.zeros_like(w))
    )


def _integral(t: float, w: Tensor) -> Tensor:
    # (1 - exp(-w t))/w
    small = w * t < 1e-12
    return torch.where(small, t, -torch.expm1(-w * t) / torch.where(small, 1.0, w))
