"""Parts of a design: how components scatter, are set, age, and convert."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...files.quantities import Bits, Farad, Hertz, KelvinDifference, Ohm, Ratio, Seconds, Volt, VoltPerSecond

Positive = Field(gt=0)
NonNegative = Field(ge=0)


class Part(BaseModel):
    """A frozen value of which every field is checked, and in which none is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Mismatch(Part):
    """Relative standard deviations of one component against its nominal value."""

    resistor_sigma: Annotated[Ratio, Field(ge=0, lt=0.2)] = 0.0
    """Each programmed conductance is `G (1 + eps)`, eps ~ N(0, resistor_sigma)."""
    capacitor_sigma: Annotated[Ratio, Field(ge=0, lt=0.2)] = 0.0
    """Each cell capacitance is `C (1 + eps)`, eps ~ N(0, capacitor_sigma)."""
    inductor_sigma: Annotated[Ratio, Field(ge=0, lt=0.2)] = 0.0
    """Each inductance is `L (1 + eps)`, eps ~ N(0, inductor_sigma)."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far the components of one chip scatter: relative standard deviations, offsets in volts.

    This is all that a topology needs to know of a design in order to have a chip drawn.
    """

    resistor_sigma: float
    capacitor_sigma: float
    inductor_sigma: float
    offset_sigma: float


class Programming(Part):
    """How finely and how far a conductance can be set."""

    bits: Annotated[Bits, Field(ge=1, le=24)] | None = None
    """Steps of magnitude are `2^bits - 1`; `None` is exact."""
    full_scale: Annotated[Ratio, Positive] | None = None
    """Largest weight, in units of 1/R0; `None` follows each array's largest entry."""
    switch_resistance: Annotated[Ohm, NonNegative] = 0.0
    """In series with each programmed resistor [ohm]."""


class Corners(Part):
    """Relative distance of the process corners from typical."""

    resistor: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    """Slow has resistors larger by this part, fast has them smaller."""
    capacitor: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    """The same of capacitors."""
    gain_bandwidth: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    """Slow has amplifiers slower by this part, fast has them faster."""
    supply: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    """Slow has rails closer to zero by this part, fast has them further away."""


class Drift(Part):
    """What changes while a chip runs."""

    temperature_sigma: Annotated[KelvinDifference, NonNegative] = 0.0
    """Standard deviation of the slow temperature path [K], an Ornstein-Uhlenbeck process."""
    temperature_time: Annotated[Seconds, Positive] = 100.0
    """Its correlation time [s]."""
    ageing_exponent: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    """Programmed conductances fall as `(t/t0)^-nu` from t0 on."""
    ageing_time: Annotated[Seconds, Positive] = 1.0
    """t0 [s]."""
    flicker: Annotated[Ratio, Field(ge=0, lt=0.1)] = 0.0
    """1/f noise of each programmed conductance: relative density `flicker^2/f`, one-sided [1]."""
    flicker_lowest: Annotated[Hertz, Positive] = 1e-6
    """Lowest frequency of that noise [Hz]."""
    flicker_highest: Annotated[Hertz, Positive] = 1.0
    """Highest one [Hz]; within a run, which is short against its period, the conductances stand still."""

    @model_validator(mode="after")
    def _band_in_order(self) -> "Drift":
        if not self.flicker_lowest < self.flicker_highest:
            raise ValueError(
                f"expected flicker_lowest < flicker_highest, got {self.flicker_lowest} and {self.flicker_highest} Hz"
            )
        return self


class Converters(Part):
    """Converters between the digital side and the cells; `None` bits are ideal."""

    dac_bits: Annotated[Bits, Field(ge=1, le=24)] | None = None
    """Of the drive's converter."""
    adc_bits: Annotated[Bits, Field(ge=1, le=24)] | None = None
    """Of the readout's converter."""
    full_scale: Annotated[Volt, Positive] = 1.0
    """Range is -full_scale to full_scale [V]."""
    inl: Annotated[Ratio, NonNegative] = 0.0
    """Integral non-linearity: rms deviation of a chip's codes from a straight line, as a smooth curve [steps]."""
    dnl: Annotated[Ratio, NonNegative] = 0.0
    """Differential non-linearity: standard deviation of the difference of neighbouring codes [steps]."""
    hold_capacitance: Annotated[Farad, Positive] | None = None
    """Of the sample-and-hold, whose thermal noise is kT/C [F]; `None` has no noise."""
    droop: VoltPerSecond = 0.0
    """Slope of a held voltage, by leakage [V/s]."""
    hold_time: Annotated[Seconds, NonNegative] = 0.0
    """From sampling to conversion [s]."""

    @model_validator(mode="after")
    def _codes_can_be_drawn(self) -> "Converters":
        if (self.inl > 0 or self.dnl > 0) and max(self.dac_bits or 0, self.adc_bits or 0) > 16:
            raise ValueError("expected converters of at most 16 bits together with inl or dnl, got more")
        return self
