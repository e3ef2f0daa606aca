"""Which of a chip's imperfections are modelled: each can be left out, or left in, alone."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ...circuits import Converters, Design, Drift, Instance, Level, TemperatureCoefficients
from ...circuits.networks import Parasitics

_DEVIATIONS: Mapping[str, frozenset[str]] = {
    "conductance": frozenset(
        {"conductance", "ground", "drive", "jacobian", "hessian", "transpose", "damping", "feedback", "resistance"}
    ),
    "inverter": frozenset({"inverter", "stage_inverter"}),
    "capacitance": frozenset({"capacitance", "coupling", "inductance"}),
    "offset": frozenset({"offset", "inverter_offset", "stage_offset", "stage_inverter_offset"}),
}
"""Deviations of an instance by effect."""

_COLD = 1e-9
"""Temperature of resistors without thermal noise [K]."""

_AMPLIFIER = (
    "inverter",
    "gain",
    "bandwidth",
    "output",
    "bias_current",
    "limits",
    "offset",
    "amplifier_noise",
    "flicker",
)
"""Effects that need an amplifier."""

_IDEAL: Mapping[str, Mapping[str, float]] = {
    "gain": {"gain": 1e15},
    "output": {"output_resistance": 1e-6},
    "bias_current": {"bias_current": 0.0},
    "limits": {"rail_low": -1e9, "rail_high": 1e9, "slew": 1e30},
    "amplifier_noise": {"noise_voltage": 0.0, "noise_current": 0.0},
    "flicker": {"noise_corner": 0.0},
}
"""What stands in an amplifier's data sheet without an effect."""

_QUICK = 1e4
"""Times the gain-bandwidth, with an output pole beyond it, stands for amplifiers without delay."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Which imperfections a model has: `Effects(offset=False)` leaves one out, `Effects.only("offset")` leaves one in.

    Attributes:
        conductance: mismatch of resistors.
        inverter: gain errors of the inverted rails.
        capacitance: mismatch of capacitors and inductors.
        gain: finite gain at direct current.
        bandwidth: finite gain-bandwidth, a pole in each amplifier.
        output: output resistance, and its pole with the load.
        bias_current: input bias currents.
        limits: rails and slew rate.
        offset: input offsets, and their drift with temperature.
        thermal: thermal noise of the resistors.
        injected: the design's injected noise.
        amplifier_noise: white input noise, and with it the 1/f noise.
        flicker: 1/f noise.
        program_bits: the conductance grid and its range.
        switch: resistance of the switches.
        temperature: temperature coefficients.
        drift: temperature path, ageing, 1/f noise of the conductances.
        converters: bits, non-linearity, sample-and-hold.
        parasitics: leaks, stray capacitances and noise of a cell that the design does not have.
    """

    conductance: bool = True
    inverter: bool = True
    capacitance: bool = True
    gain: bool = True
    bandwidth: bool = True
    output: bool = True
    bias_current: bool = True
    limits: bool = True
    offset: bool = True
    thermal: bool = True
    injected: bool = True
    amplifier_noise: bool = True
    flicker: bool = True
    program_bits: bool = True
    switch: bool = True
    temperature: bool = True
    drift: bool = True
    converters: bool = True
    parasitics: bool = True

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """All effects."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def only(cls, *names: str) -> "Effects":
        """These effects and no others; `Effects.only()` is the ideal device.

        Raises:
            ValueError: a name that is no effect.
        """
        unknown = sorted(set(names) - set(cls.names()))
        if unknown:
            raise ValueError(f"Effects: expected some of {', '.join(cls.names())}; got {', '.join(unknown)}")
        # 1/f noise is a part of the amplifier's noise.
        chosen = {*names, "amplifier_noise"} if "flicker" in names else set(names)
        return cls(**{name: name in chosen for name in cls.names()})

    def apply(self, instance: Instance, level: Level) -> tuple[Instance, Level]:
        """The chip with the other effects taken out, and the level that it needs then.

        Without any effect of an amplifier that is level `ideal`.
        """
        off = {name for name in self.names() if not getattr(self, name)}
        errors = {
            name: np.zeros_like(values) if any(name in _DEVIATIONS.get(effect, ()) for effect in off) else values
            for name, values in instance.errors.items()
        }
        design = instance.design.model_copy(update=_changes(instance.design, off))
        amplified = level != "ideal" and any(getattr(self, name) for name in _AMPLIFIER)
        parasitics = Parasitics() if "parasitics" in off else instance.parasitics
        chip = replace(instance, design=design, errors=errors, parasitics=parasitics)
        return chip, level if amplified else "ideal"


def _changes(design: Design, off: set[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if design.amplifier is not None:
        changes["amplifier"] = design.amplifier.model_copy(update=_amplifier(design, off))
    if "program_bits" in off:
        changes["programming"] = design.programming.model_copy(update={"bits": None, "full_scale": None})
    if "switch" in off:
        programming = changes.get("programming", design.programming)
        changes["programming"] = programming.model_copy(update={"switch_resistance": 0.0})
    if "injected" in off:
        changes["injected_noise"] = 0.0
    if "drift" in off:
        changes["drift"] = Drift()
    if "converters" in off:
        changes["converters"] = Converters(full_scale=design.converters.full_scale)
    tempco = TemperatureCoefficients() if "temperature" in off else design.tempco
    if "offset" in off:
        tempco = tempco.model_copy(update={"offset_tc": 0.0})
    changes["tempco"] = tempco
    if "thermal" in off:
        changes |= _cold(design, tempco)
        if design.amplifier is not None:
            changes["amplifier"] = tempco.amplifier_at(changes["amplifier"], design.temperature)
    return changes


def _amplifier(design: Design, off: set[str]) -> dict[str, float]:
    assert design.amplifier is not None
    changes = {name: value for effect in off for name, value in _IDEAL.get(effect, {}).items()}
    if "bandwidth" in off:
        changes["gain_bandwidth"] = _QUICK * design.amplifier.gain_bandwidth
        # The output must follow, or the loop rings at this bandwidth.
        changes["load_capacitance"] = design.amplifier.load_capacitance / _QUICK**2
    return changes


def _cold(design: Design, tempco: TemperatureCoefficients) -> dict[str, Any]:
    """Resistors without noise: at zero temperature, with the values that they have at the design's."""
    dT = design.temperature - tempco.reference
    R0 = design.R0 * (1 + tempco.resistor_tc1 * dT + tempco.resistor_tc2 * dT**2)
    C = design.C * (1 + tempco.capacitor_tc1 * dT + tempco.capacitor_tc2 * dT**2)
    # An offset drift that refers to half the new temperature gives the offset that there was. No amplifier has such a
    # drift: it is not checked as one.
    kelvin = _COLD / 2
    cold = TemperatureCoefficients(reference=kelvin).model_copy(update={"offset_tc": tempco.offset_tc * dT / kelvin})
    return {"R0": R0, "C": C, "temperature": _COLD, "tempco": cold}
