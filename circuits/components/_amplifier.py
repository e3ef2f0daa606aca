"""A design's amplifier, and what temperature does to it and to the other components."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, model_serializer, model_validator

from ...files.quantities import (
    Ampere,
    AmperePerRootHertz,
    Farad,
    Gain,
    Hertz,
    Kelvin,
    Ohm,
    PerKelvin,
    PerSquareKelvin,
    Volt,
    VoltPerKelvin,
    VoltPerRootHertz,
    VoltPerSecond,
)
from .._exceptions import DesignError
from ._amplifier_circuit import AmplifierCircuit
from ._parts import NonNegative, Part, Positive


class Amplifier(Part):
    """Data-sheet values of the amplifier; the macro-model has one pole, rails, slew, white and 1/f input noise."""

    gain: Annotated[Gain, Field(gt=1)]
    """Open-loop gain at direct current [V/V]."""
    gain_bandwidth: Annotated[Hertz, Positive]
    """Gain-bandwidth product [Hz]."""
    offset_sigma: Annotated[Volt, NonNegative]
    """Standard deviation of the input offset [V]."""
    bias_current: Ampere
    """Current that flows into each input pin [A]."""
    noise_voltage: Annotated[VoltPerRootHertz, NonNegative]
    """White input noise voltage, one-sided [V/sqrt(Hz)]."""
    noise_current: Annotated[AmperePerRootHertz, NonNegative]
    """White noise current at each input, one-sided [A/sqrt(Hz)]."""
    rail_low: Volt
    """Lowest output voltage [V]."""
    rail_high: Volt
    """Highest output voltage [V]."""
    slew: Annotated[VoltPerSecond, Positive]
    """Largest output slope [V/s]."""
    output_resistance: Annotated[Ohm, Positive]
    """Open-loop output resistance [ohm]."""
    load_capacitance: Annotated[Farad, Positive]
    """Capacitance from the output to ground [F]: wiring, inputs and the sampling capacitor."""
    supply_current: Annotated[Ampere, NonNegative]
    """Quiescent supply current [A]."""
    noise_corner: Annotated[Hertz, NonNegative] = 0.0
    """Where the 1/f noise voltage equals the white one: density `noise_voltage^2 (1 + noise_corner/f)` [Hz]."""
    noise_lowest: Annotated[Hertz, Positive] = 1.0
    """Down to which frequency it grows as 1/f [Hz]; about the inverse of the longest time that a chip is watched."""
    offset: Volt = 0.0
    """Systematic input offset, the same of every amplifier, added to the plus input [V]."""
    input_capacitance: Annotated[Farad, NonNegative] = 0.0
    """From the minus input to ground [F]."""
    second_pole: Annotated[Hertz, NonNegative] = 0.0
    """A further pole of the open loop, without the load's; 0 is none [Hz]."""
    circuit: AmplifierCircuit | None = None
    """The subcircuit that these values were measured on; `None`: they are given."""

    @property
    def supply(self) -> float:
        """Between the supplies [V]: those of the subcircuit, else the rails stand for them."""
        return self.rail_high - self.rail_low if self.circuit is None else self.circuit.vdd - self.circuit.vss

    def band(self, part: float) -> float:
        """Frequency [Hz] up to which the macro-model stands for transistors.

        A part of the gain-bandwidth, or less where a subcircuit is known to have further noise above.
        """
        known = None if self.circuit is None else self.circuit.noise_band
        highest = part * self.gain_bandwidth
        return highest if known is None else min(highest, known)

    @model_serializer(mode="wrap")
    def _without_what_it_lacks(self, handler: Any) -> dict[str, Any]:
        """Fields of amplifiers of a file are left out where they say nothing, as in designs that do not know them."""
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name not in _OF_A_FILE or value}

    @model_validator(mode="after")
    def _rails_in_order(self) -> "Amplifier":
        if not self.rail_low < 0 < self.rail_high:
            raise ValueError(f"expected rail_low < 0 < rail_high, got {self.rail_low} V and {self.rail_high} V")
        return self


_OF_A_FILE = ("offset", "input_capacitance", "second_pole", "circuit")

AMPLIFIER_TEMPCOS = ("gain", "gain_bandwidth", "output_resistance", "noise_voltage", "noise_corner", "bias_current")
"""The amplifier's values that have temperature coefficients."""

_PASSIVE_TEMPCOS = ("resistor", "capacitor")


# A number in parts per million that has lost its unit is far outside: nothing doubles from one kelvin to the next.
_First = Annotated[PerKelvin, Field(gt=-1, lt=1)]
_Second = Annotated[PerSquareKelvin, Field(gt=-0.1, lt=0.1)]


class TemperatureCoefficients(Part):
    """`R0 (1 + tc1 dT + tc2 dT^2)` with dT from the reference; capacitors likewise, and the amplifiers' values; a drift
    of the input offset.

    An amplifier's input noise rises faster than the root of T, as the transconductance that divides the channels'
    4kT gamma gm falls. Second order holds its values over 90 K within half a per cent, where the power of T that
    carriers' mobility suggests does not hold for transistors in moderate inversion.
    """

    reference: Annotated[Kelvin, Positive] = 300.15
    """Temperature at which the nominal values hold [K]."""
    resistor_tc1: _First = 0.0
    """[1/K]"""
    resistor_tc2: _Second = 0.0
    """[1/K^2]"""
    capacitor_tc1: _First = 0.0
    """[1/K]"""
    capacitor_tc2: _Second = 0.0
    """[1/K^2]"""
    offset_tc: Annotated[VoltPerKelvin, Field(gt=-0.1, lt=0.1)] = 0.0
    """Drift of every amplifier's input offset [V/K]."""
    gain_tc1: _First = 0.0
    """Of the amplifiers' gain [1/K]; `netlists.extract_temperature_coefficients` finds these and those below."""
    gain_tc2: _Second = 0.0
    """[1/K^2]"""
    gain_bandwidth_tc1: _First = 0.0
    """[1/K]"""
    gain_bandwidth_tc2: _Second = 0.0
    """[1/K^2]"""
    output_resistance_tc1: _First = 0.0
    """[1/K]"""
    output_resistance_tc2: _Second = 0.0
    """[1/K^2]"""
    noise_voltage_tc1: _First = 0.0
    """Of the white input noise voltage, not of its square [1/K]."""
    noise_voltage_tc2: _Second = 0.0
    """[1/K^2]"""
    noise_corner_tc1: _First = 0.0
    """Of the corner; the 1/f noise is `noise_voltage^2 noise_corner` and follows both [1/K]."""
    noise_corner_tc2: _Second = 0.0
    """[1/K^2]"""
    bias_current_tc1: PerKelvin = 0.0
    """[1/K]"""
    bias_current_tc2: PerSquareKelvin = 0.0
    """[1/K^2]"""

    def passive_factors(self, temperature: float) -> dict[str, float]:
        """Factors of resistors and capacitors, as `amplifier_factors` has those of amplifiers."""
        return self._factors(_PASSIVE_TEMPCOS, temperature)

    def amplifier_factors(self, temperature: float) -> dict[str, float]:
        """Factors by which the amplifiers' values at a temperature [K] differ from those at the reference.

        Raises:
            DesignError: a factor that is not above zero: the coefficients do not reach so far.
        """
        return self._factors(AMPLIFIER_TEMPCOS, temperature)

    def _factors(self, names: Sequence[str], temperature: float) -> dict[str, float]:
        dT = temperature - self.reference
        found = {name: 1 + getattr(self, f"{name}_tc1") * dT + getattr(self, f"{name}_tc2") * dT**2 for name in names}
        for name, factor in found.items():
            if not factor > 0:
                raise DesignError(
                    f"tempco.{name}_tc1 and {name}_tc2: expected a {name} above zero at {temperature:.5g} K, got"
                    f" {factor:.3g} times that at {self.reference:.5g} K; the coefficients do not reach so far"
                )
        return found

    def amplifier_at(self, amplifier: Amplifier, temperature: float) -> Amplifier:
        """An amplifier whose values hold at the reference, with those at a temperature [K].

        Raises:
            DesignError: as `amplifier_factors`.
        """
        factors = self.amplifier_factors(temperature)
        return amplifier.model_copy(update={name: getattr(amplifier, name) * x for name, x in factors.items()})
