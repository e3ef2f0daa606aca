"""What the amplifiers and resistors of a kind of chip add to a program, whatever it is."""

import math
from dataclasses import dataclass

from ...circuits.networks import BOLTZMANN, OpAmpModel
from ...circuits.topologies import Values
from ..devices import DeviceModel


@dataclass(frozen=True, slots=True)
class NoiseSources:
    """White noise of an amplifier and of the resistors at its virtual ground, each source as a part of `kappa0`.

    The strength kappa [V^2] of a current noise is that of `dv = ... + N(0, 2 kappa ds)`, s in time constants: times R0
    the current has the two-sided density `2 kappa tau`. An amplifier with resistors of the conductance m at its
    virtual ground, its feedback included and in units of 1/R0, has `thermal m + voltage m^2 + current`.

    Attributes:
        thermal: of a unit resistor, `k T R0/tau`.
        voltage: of the input voltage, `e_n^2/(4 tau)`. Its 1/f noise counts by the density that it has at the cell's
            own frequency, 1/(2 pi tau).
        white_voltage: the same without 1/f noise.
        current: of the input current, `i_n^2 R0^2/(4 tau)`.
        injected: into the cells and nowhere else, `S R0^2/(2 tau)`.
        rails: whether inverted rails are noisy too, by amplifiers of two unit resistors; ideal inverters are not.
    """

    thermal: float
    voltage: float
    white_voltage: float
    current: float
    injected: float
    rails: bool


@dataclass(frozen=True, slots=True)
class Electronics:
    """What a program meets on every chip of a design, at the design's temperature, besides the chip's deviations.

    Attributes:
        noise: of amplifiers and resistors.
        rail_low, rail_high: lowest and highest output voltage of an amplifier [V], slew: steepest output [V/s];
            infinite for ideal ones.
        output_resistance: of an amplifier without feedback [R0]. load_capacitance: at its output [tau/R0].
        offset: of every amplifier, by the temperature [V].
        bias: input bias current times R0 [V].
        slowness: R0 C at the temperature, in units of the nominal time constant.
    """

    noise: NoiseSources
    rail_low: float
    rail_high: float
    slew: float
    output_resistance: float
    load_capacitance: float
    offset: float
    bias: float
    slowness: float


def electronics(model: DeviceModel, kappa0: float) -> Electronics:
    """What the design of a model says, with the model's noise scale; `kappa0` [V^2] is the unit of the noise.

    Raises:
        DesignError: temperature coefficients that do not reach the design's temperature.
    """
    values = model.design.values(model.level)
    tau = model.design.tau
    noise = _noise(values, tau, model.noise_scale.value / kappa0 if kappa0 > 0 else 0.0)
    slowness = float(values.R0) * float(values.C) / tau
    amplifier = values.amplifier
    if amplifier is None:
        return Electronics(noise, -math.inf, math.inf, math.inf, 0.0, 1.0, 0.0, 0.0, slowness)
    return Electronics(
        noise,
        float(amplifier.rail_low),
        float(amplifier.rail_high),
        float(amplifier.slew),
        float(amplifier.output_resistance) / float(values.R0),
        float(amplifier.load_capacitance) * float(values.R0) / tau,
        float(amplifier.offset),
        float(amplifier.bias_current) * float(values.R0),
        slowness,
    )


def amplifier_speed(model: DeviceModel) -> tuple[float, float]:
    """Gain [V/V] and gain-bandwidth [Hz] of a model's amplifiers at the design's temperature; infinite without any.

    Raises:
        DesignError: temperature coefficients that do not reach it.
    """
    if model.gain is None or model.gain_bandwidth is None:
        return math.inf, math.inf
    factors = model.design.tempco.amplifier_factors(model.design.temperature)
    return model.gain.value * factors["gain"], model.gain_bandwidth.value * factors["gain_bandwidth"]


def _noise(values: Values, tau: float, unit: float) -> NoiseSources:
    """Each source in parts, `unit` of them to a V^2."""
    R0 = float(values.R0)
    thermal = unit * BOLTZMANN * float(values.temperature) * R0 / tau
    injected = unit * float(values.injected_noise) * R0**2 / (2.0 * tau)
    amplifier = values.amplifier
    if amplifier is None:
        return NoiseSources(thermal, 0.0, 0.0, 0.0, injected, rails=False)
    white = unit * float(amplifier.noise_voltage) ** 2 / (4.0 * tau)
    voltage = white * _flicker_factor(amplifier, tau)
    current = unit * (float(amplifier.noise_current) * R0) ** 2 / (4.0 * tau)
    return NoiseSources(thermal, voltage, white, current, injected, rails=True)


def _flicker_factor(amplifier: OpAmpModel, tau: float) -> float:
    """The noise density at the cell's own frequency over that of the white noise."""
    return 1.0 + float(amplifier.noise_corner) * 2.0 * math.pi * tau
