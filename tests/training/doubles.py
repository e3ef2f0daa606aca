"""What the tests of devices share: statistics of chips as plain numbers, and the factors of a small network."""

import math
from dataclasses import dataclass

import torch
from thermospice.circuits import Programming
from thermospice.training.programs import Factors

EXACT = Programming()


@dataclass(frozen=True)
class Population:
    """Chips with mismatch and offsets; without noise, converters' steps, lags and a full scale that matters."""

    conductance_sigma: float = 0.01
    capacitor_sigma: float = 0.05
    offset_mean: float = 1e-4
    offset_sigma: float = 1e-3
    inverter_sigma: float = 0.005
    gain: float = 1e5
    gain_bandwidth: float = math.inf
    tau: float = 1e-6
    kappa0: float = 0.0
    full_scale: float = 1.0
    dac_bits: int | None = None
    adc_bits: int | None = None
    programming: Programming = EXACT


def make_factors(B: int, k: int, N: int, damping: float = 0.3, with_hessian: bool = True) -> Factors:
    """Of B samples with k outputs of a softmax, and N parameters; the same at every call."""
    generator = torch.Generator().manual_seed(0)
    J = torch.randn(B * k, N, generator=generator, dtype=torch.float64)
    p = torch.randn(B, k, generator=generator, dtype=torch.float64).softmax(1)
    H = (torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) / B
    return Factors(J, H, damping) if with_hessian else Factors(J / 6, None, damping)
