"""What the amplifiers of a chip are like, whichever of them it is."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ._ageing import Aged
from ._chip_noise import WhiteEverywhere
from ._chip_statistics import NoiseLike, PopulationLike, electronics_of
from ._effects import DeviceEffects
from ._limits import AmplifierLimits


@dataclass(frozen=True, slots=True, eq=False)
class ChipAmplifiers:
    """Numbers that all amplifiers share, as far as the effects are wanted.

    Attributes:
        inverse_gain: one over the DC gain.
        lag: of an amplifier at noise gain 1, in the chip's own tau.
        resistors: of an inverting amplifier; an ideal inverter has none.
        output_resistance: without feedback [R0]. load_capacitance: at an output [tau/R0].
        offset: added to each chip's own input offsets [V].
        bias: what an input current adds to an output, through one R0 [V].
        slowness: factor on every cell's time constant.
        noise: sources, in parts of kappa0. wide: whether the readout has its amplifier's noise over all of its band.
        limits: rails and slew; None where they are unknown or not wanted.
    """

    inverse_gain: float
    lag: float
    resistors: float
    output_resistance: float
    load_capacitance: float
    offset: float
    bias: float
    slowness: float
    noise: NoiseLike
    wide: bool
    limits: AmplifierLimits | None

    @classmethod
    def of(cls, population: PopulationLike, effects: DeviceEffects, aged: Aged) -> "ChipAmplifiers":
        """A population that tells nothing of its electronics has amplifiers without output resistance and limits."""
        p = population
        e = electronics_of(population)
        limits = None
        if e is not None and effects.limits:
            # an inverted rail has the other sign, so that the nearer of the two is what both have
            limits = AmplifierLimits(min(e.rail_high, -e.rail_low), e.slew * p.tau)
        return cls(
            inverse_gain=1.0 / p.gain if effects.gain else 0.0,
            lag=aged.rate / (2.0 * math.pi * p.gain_bandwidth * p.tau) if effects.bandwidth else 0.0,
            resistors=0.0 if math.isinf(p.gain) else 2.0,
            output_resistance=0.0 if e is None else e.output_resistance,
            load_capacitance=1.0 if e is None else e.load_capacitance,
            offset=aged.offset + (0.0 if e is None else e.offset),
            bias=0.0 if e is None or not effects.offset else e.bias,
            slowness=1.0 if e is None else e.slowness,
            noise=WhiteEverywhere() if e is None else e.noise,
            wide=effects.wideband_noise,
            limits=limits,
        )

    @property
    def rail_load(self) -> float:
        """[1/R0] One of the two resistors of an inverted rail hangs on the amplifier that feeds it."""
        return self.resistors / 2.0

    def loading(self, conductance: Tensor) -> Tensor:
        """By how much an amplifier is weaker and slower that drives a conductance [1/R0] through its own resistance."""
        return 1.0 + self.output_resistance * conductance

    def stage_loading(self, gain: Tensor, total: Tensor) -> Tensor:
        """Of a stage with sum |G| and sum G behind it: what is positive hangs on it, the rest on its inverted rail."""
        return self.loading(1.0 + (gain + total) / 2.0 + self.rail_load)

    def pull(self, noise_gain: Tensor, loading: Tensor) -> Tensor:
        """Relative error of an output at this noise gain, by finite gain."""
        return noise_gain * loading * self.inverse_gain

    def rate(self, noise_gain: Tensor) -> Tensor:
        """The pole of a closed loop [1/tau]; at least as fast as the open one."""
        return (1.0 / noise_gain + self.inverse_gain) / self.lag

    def readout_variance(self, around: Tensor) -> Tensor:
        """Of a cell's output at frequencies that the cell does not follow, for kappa0 = 1; without a lag it has none.

        There the capacitor is a short: the output, with the conductance `around` [1/R0] and its load capacitance C_l,
        obeys `C_l v' = i - (v - p)/R_o - around v, p' = omega (e - v)`, whose variance for white e and i is
        `(S_e omega/2 + S_i R_o/(2 C_l))/(1 + R_o around)`: the second part is what the output resistance makes of the
        currents that the feedback is too slow to hold.
        """
        if self.lag == 0.0 or not self.wide:
            return torch.zeros_like(around)
        noise = self.noise
        currents = noise.thermal * around + noise.current + noise.injected
        through = self.output_resistance / self.load_capacitance * currents
        return (noise.white_voltage / self.lag + through) / self.loading(around)
