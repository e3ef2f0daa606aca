"""The numbers of a kind of SPU, and what follows from them: nominal values, tolerances, corners."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from ...files.quantities import Farad, Henry, Kelvin, Ohm, SquareAmperePerHertz
from .._exceptions import DesignError
from ..components import (
    Amplifier,
    Converters,
    Corners,
    Drift,
    Mismatch,
    NonNegative,
    Part,
    Positive,
    Programming,
    TemperatureCoefficients,
    Tolerances,
)
from ..networks import BOLTZMANN, OpAmpModel
from ..topologies import LEVELS, Level, Values

Kind = TypeVar("Kind", bound="DesignFields")


class DesignFields(Part):
    """A kind of SPU by its numbers, in SI units; `Design` reads them and draws chips.

    Text may use prefixes and units: `10k`, `100pF`, `1 %`, `27 C`.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
    """Of the design, in letters, digits and `_.-`."""
    description: str = ""
    """In any words; reports show it."""
    sources: Mapping[str, str] = Field(default_factory=dict)
    """Where each number comes from, by field."""
    R0: Annotated[Ohm, Positive]
    """Unit resistor: a matrix entry of one [ohm]."""
    C: Annotated[Farad, Positive]
    """Cell capacitance [F]."""
    L: Annotated[Henry, Positive] | None = None
    """Cell inductance [H]; only the RLC grid has one."""
    temperature: Annotated[Kelvin, Positive] = 300.15
    """Of all components [K]."""
    injected_noise: Annotated[SquareAmperePerHertz, NonNegative] = 0.0
    """Two-sided density of the white noise current injected into each cell [A^2/Hz]."""
    amplifier: Amplifier | None = None
    """`None`: only the level `ideal` can be built."""
    mismatch: Mismatch = Mismatch()
    """How far single components scatter."""
    converters: Converters = Converters()
    """Between the digital side and the cells."""
    programming: Programming = Programming()
    """How finely and how far a conductance can be set."""
    tempco: TemperatureCoefficients = TemperatureCoefficients()
    """How values follow the temperature."""
    corners: Corners = Corners()
    """How far a whole batch can be off."""
    drift: Drift = Drift()
    """What changes while a chip runs."""

    @property
    def tau(self) -> float:
        """Time constant R0*C [s]."""
        return self.R0 * self.C

    @property
    def kappa0(self) -> float:
        """Noise strength of R0 and the injected noise, kT/C + S R0/(2C) [V^2]."""
        return (BOLTZMANN * self.temperature + self.injected_noise * self.R0 / 2) / self.C

    @property
    def tolerances(self) -> Tolerances:
        """How far the components of a chip scatter; ideal amplifiers have no offset."""
        return Tolerances(
            resistor_sigma=self.mismatch.resistor_sigma,
            capacitor_sigma=self.mismatch.capacitor_sigma,
            inductor_sigma=self.mismatch.inductor_sigma,
            offset_sigma=self.amplifier.offset_sigma if self.amplifier else 0.0,
        )

    def values(self, level: Level) -> Values:
        """Nominal values at the design's temperature that a network is built from at one level.

        Raises:
            DesignError: an unknown level, one that needs an amplifier where the design has none, or temperature
                coefficients that do not reach the design's temperature.
        """
        if level not in LEVELS:
            raise DesignError(f"unknown level {level!r}: expected one of {', '.join(LEVELS)}")
        if level != "ideal" and self.amplifier is None:
            raise DesignError(
                f"design {self.name} has no amplifier, and level {level} needs one;"
                " take level ideal, or give the design an `amplifier`"
            )
        tempco = self.tempco
        factors = tempco.passive_factors(self.temperature)
        return Values(
            R0=self.R0 * factors["resistor"],
            C=self.C * factors["capacitor"],
            temperature=self.temperature,
            injected_noise=self.injected_noise,
            amplifier=self._amplifier_model(level, tempco.offset_tc * (self.temperature - tempco.reference)),
            L=self.L,
            switch_resistance=self.programming.switch_resistance,
        )

    def _amplifier_model(self, level: Level, offset: float) -> OpAmpModel | None:
        # At level `transistor` too the elements carry the macro-model: it is what the linear analyses use there,
        # with the values that were extracted from the transistors; the netlist puts the subcircuit in its place.
        if level == "ideal" or self.amplifier is None:
            return None
        amplifier = self.tempco.amplifier_at(self.amplifier, self.temperature)
        values = amplifier.model_dump(exclude={"offset_sigma", "supply_current", "offset", "circuit"})
        offset += amplifier.offset
        # A subcircuit has its systematic offset, and what temperature does to it, by itself.
        return OpAmpModel(offset=offset, systematic=0.0 if amplifier.circuit is None else offset, **values)

    def corner(self: Kind, name: Literal["slow", "typical", "fast"]) -> Kind:
        """The design at a process corner: slow has large R and C, little bandwidth and supply; fast the opposite."""
        sign = {"slow": 1, "typical": 0, "fast": -1}[name]
        update: dict[str, Any] = {
            "R0": self.R0 * (1 + sign * self.corners.resistor),
            "C": self.C * (1 + sign * self.corners.capacitor),
        }
        if self.amplifier:
            supply = 1 - sign * self.corners.supply
            change = {
                "gain_bandwidth": self.amplifier.gain_bandwidth * (1 - sign * self.corners.gain_bandwidth),
                "rail_low": self.amplifier.rail_low * supply,
                "rail_high": self.amplifier.rail_high * supply,
            }
            update["amplifier"] = self.amplifier.model_copy(update=change)
        return self.model_copy(update=update)
