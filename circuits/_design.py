"""The design of a kind of SPU: component values, tolerances, amplifier, converters; frozen and validated."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ._constants import BOLTZMANN
from ._errors import DesignError
from ._quantities import (
    Ampere,
    AmperePerRootHertz,
    Farad,
    Henry,
    Hertz,
    Kelvin,
    Ohm,
    Ratio,
    Seconds,
    SquareAmperePerHertz,
    Volt,
    VoltPerRootHertz,
    VoltPerSecond,
)
from ._yaml import UniqueKeys

if TYPE_CHECKING:
    from ._instance import Instance
    from ._instances import Instances
    from ._topology import Topology

_PRESETS = files(__package__) / "presets"

LONGEST_FILE = 100_000
"""Characters of a design file; a device such as /dev/zero has no end."""

_Positive = Field(gt=0)
_NonNegative = Field(ge=0)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Amplifier(_Frozen):
    """Data-sheet values of the amplifier; the macro-model has one pole, rails, slew, white and 1/f input noise."""

    gain: Annotated[Ratio, Field(gt=1)]
    """Open-loop gain at direct current [V/V]."""
    gain_bandwidth: Annotated[Hertz, _Positive]
    """Gain-bandwidth product [Hz]."""
    offset_sigma: Annotated[Volt, _NonNegative]
    """Standard deviation of the input offset [V]."""
    bias_current: Ampere
    """Current that flows into each input pin [A]."""
    noise_voltage: Annotated[VoltPerRootHertz, _NonNegative]
    """White input noise voltage, one-sided [V/sqrt(Hz)]."""
    noise_current: Annotated[AmperePerRootHertz, _NonNegative]
    """White noise current at each input, one-sided [A/sqrt(Hz)]."""
    rail_low: Volt
    """Lowest output voltage [V]."""
    rail_high: Volt
    """Highest output voltage [V]."""
    slew: Annotated[VoltPerSecond, _Positive]
    """Largest output slope [V/s]."""
    output_resistance: Annotated[Ohm, _Positive]
    """Open-loop output resistance [ohm]."""
    load_capacitance: Annotated[Farad, _Positive]
    """Capacitance from the output to ground [F]: wiring, inputs and the sampling capacitor."""
    supply_current: Annotated[Ampere, _NonNegative]
    """Quiescent supply current [A]."""
    noise_corner: Annotated[Hertz, _NonNegative] = 0.0
    """Where the 1/f noise voltage equals the white one: density `noise_voltage^2 (1 + noise_corner/f)` [Hz]."""
    noise_lowest: Annotated[Hertz, _Positive] = 1.0
    """Down to which frequency it grows as 1/f [Hz]; about the inverse of the longest time that a chip is watched."""

    @model_validator(mode="after")
    def _rails_in_order(self) -> "Amplifier":
        if not self.rail_low < 0 < self.rail_high:
            raise ValueError(f"expected rail_low < 0 < rail_high, got {self.rail_low} V and {self.rail_high} V")
        return self


class Mismatch(_Frozen):
    """Relative standard deviations of one component against its nominal value."""

    resistor_sigma: Annotated[Ratio, Field(ge=0, lt=0.2)] = 0.0
    """Each programmed conductance is `G (1 + eps)`, eps ~ N(0, resistor_sigma)."""
    capacitor_sigma: Annotated[Ratio, Field(ge=0, lt=0.2)] = 0.0
    """Each cell capacitance is `C (1 + eps)`, eps ~ N(0, capacitor_sigma)."""
    inductor_sigma: Annotated[Ratio, Field(ge=0, lt=0.2)] = 0.0
    """Each inductance is `L (1 + eps)`, eps ~ N(0, inductor_sigma)."""


class Programming(_Frozen):
    """How finely and how far a conductance can be set."""

    bits: Annotated[int, Field(ge=1, le=24)] | None = None
    """Steps of magnitude are `2^bits - 1`; `None` is exact."""
    full_scale: Annotated[Ratio, _Positive] | None = None
    """Largest weight, in units of 1/R0; `None` follows each array's largest entry."""
    switch_resistance: Annotated[Ohm, _NonNegative] = 0.0
    """In series with each programmed resistor [ohm]."""


AMPLIFIER_TEMPCOS = ("gain", "gain_bandwidth", "output_resistance", "noise_voltage", "noise_corner")
"""The amplifier's values that have temperature coefficients."""


class TemperatureCoefficients(_Frozen):
    """`R0 (1 + tc1 dT + tc2 dT^2)` with dT from the reference; capacitors likewise, and the amplifiers' values; a drift
    of the input offset.

    An amplifier's input noise rises faster than the root of T, as the transconductance that divides the channels'
    4kT gamma gm falls. Second order holds its values over 90 K within half a per cent, where the power of T that
    carriers' mobility suggests does not hold for transistors in moderate inversion.
    """

    reference: Annotated[Kelvin, _Positive] = 300.15
    """Temperature at which the nominal values hold [K]."""
    resistor_tc1: Ratio = 0.0
    """[1/K]"""
    resistor_tc2: Ratio = 0.0
    """[1/K^2]"""
    capacitor_tc1: Ratio = 0.0
    """[1/K]"""
    capacitor_tc2: Ratio = 0.0
    """[1/K^2]"""
    offset_tc: Ratio = 0.0
    """Drift of every amplifier's input offset [V/K]."""
    gain_tc1: Ratio = 0.0
    """Of the amplifiers' gain [1/K]; `netlists.extract_temperature_coefficients` finds these and those below."""
    gain_tc2: Ratio = 0.0
    """[1/K^2]"""
    gain_bandwidth_tc1: Ratio = 0.0
    """[1/K]"""
    gain_bandwidth_tc2: Ratio = 0.0
    """[1/K^2]"""
    output_resistance_tc1: Ratio = 0.0
    """[1/K]"""
    output_resistance_tc2: Ratio = 0.0
    """[1/K^2]"""
    noise_voltage_tc1: Ratio = 0.0
    """Of the white input noise voltage, not of its square [1/K]."""
    noise_voltage_tc2: Ratio = 0.0
    """[1/K^2]"""
    noise_corner_tc1: Ratio = 0.0
    """Of the corner; the 1/f noise is `noise_voltage^2 noise_corner` and follows both [1/K]."""
    noise_corner_tc2: Ratio = 0.0
    """[1/K^2]"""

    def amplifier_factors(self, temperature: float) -> dict[str, float]:
        """By which the amplifiers' values at a temperature [K] differ from those at the reference.

        Raises:
            DesignError: a factor that is not above zero: the coefficients do not reach so far.
        """
        dT = temperature - self.reference
        found = {
            name: 1 + getattr(self, f"{name}_tc1") * dT + getattr(self, f"{name}_tc2") * dT**2
            for name in AMPLIFIER_TEMPCOS
        }
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


class Corners(_Frozen):
    """Relative distance of the process corners from typical."""

    resistor: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    capacitor: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    gain_bandwidth: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    supply: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0


class Drift(_Frozen):
    """What changes while a chip runs."""

    temperature_sigma: Annotated[Kelvin, _NonNegative] = 0.0
    """Standard deviation of the slow temperature path [K], an Ornstein-Uhlenbeck process."""
    temperature_time: Annotated[Seconds, _Positive] = 100.0
    """Its correlation time [s]."""
    ageing_exponent: Annotated[Ratio, Field(ge=0, lt=1)] = 0.0
    """Programmed conductances fall as `(t/t0)^-nu` from t0 on."""
    ageing_time: Annotated[Seconds, _Positive] = 1.0
    """t0 [s]."""
    flicker: Annotated[Ratio, Field(ge=0, lt=0.1)] = 0.0
    """1/f noise of each programmed conductance: relative density `flicker^2/f`, one-sided [1]."""
    flicker_lowest: Annotated[Hertz, _Positive] = 1e-6
    """Lowest frequency of that noise [Hz]."""
    flicker_highest: Annotated[Hertz, _Positive] = 1.0
    """Highest one [Hz]; within a run, which is short against its period, the conductances stand still."""

    @model_validator(mode="after")
    def _band_in_order(self) -> "Drift":
        if not self.flicker_lowest < self.flicker_highest:
            raise ValueError(
                f"expected flicker_lowest < flicker_highest, got {self.flicker_lowest} and {self.flicker_highest} Hz"
            )
        return self


class Converters(_Frozen):
    """Converters between the digital side and the cells; `None` bits are ideal."""

    dac_bits: Annotated[int, Field(ge=1, le=24)] | None = None
    adc_bits: Annotated[int, Field(ge=1, le=24)] | None = None
    full_scale: Annotated[Volt, _Positive] = 1.0
    """Range is -full_scale to full_scale [V]."""
    inl: Annotated[Ratio, _NonNegative] = 0.0
    """Integral non-linearity: rms deviation of a chip's codes from a straight line, as a smooth curve [steps]."""
    dnl: Annotated[Ratio, _NonNegative] = 0.0
    """Differential non-linearity: standard deviation of the difference of neighbouring codes [steps]."""
    hold_capacitance: Annotated[Farad, _Positive] | None = None
    """Of the sample-and-hold, whose thermal noise is kT/C [F]; `None` has no noise."""
    droop: VoltPerSecond = 0.0
    """Slope of a held voltage, by leakage [V/s]."""
    hold_time: Annotated[Seconds, _NonNegative] = 0.0
    """From sampling to conversion [s]."""

    @model_validator(mode="after")
    def _codes_can_be_drawn(self) -> "Converters":
        if (self.inl > 0 or self.dnl > 0) and max(self.dac_bits or 0, self.adc_bits or 0) > 16:
            raise ValueError("expected converters of at most 16 bits together with inl or dnl, got more")
        return self


class Design(_Frozen):
    """A kind of SPU. Values in SI units; YAML may use prefixes and units (`10k`, `100pF`, `1 %`).

    Raises:
        DesignError: from `load`, `preset` and `from_dict`, one line with file, field, what came and what was expected.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
    description: str = ""
    sources: Mapping[str, str] = Field(default_factory=dict)
    """Where each number comes from, by field."""
    R0: Annotated[Ohm, _Positive]
    """Unit resistor: a matrix entry of one [ohm]."""
    C: Annotated[Farad, _Positive]
    """Cell capacitance [F]."""
    L: Annotated[Henry, _Positive] | None = None
    """Cell inductance [H]; only the RLC grid has one."""
    temperature: Annotated[Kelvin, _Positive] = 300.15
    """Of all components [K]."""
    injected_noise: Annotated[SquareAmperePerHertz, _NonNegative] = 0.0
    """Two-sided density of the white noise current injected into each cell [A^2/Hz]."""
    amplifier: Amplifier | None = None
    """`None`: only the level `ideal` can be built."""
    mismatch: Mismatch = Mismatch()
    converters: Converters = Converters()
    programming: Programming = Programming()
    tempco: TemperatureCoefficients = TemperatureCoefficients()
    corners: Corners = Corners()
    drift: Drift = Drift()

    @property
    def tau(self) -> float:
        """Time constant R0*C [s]."""
        return self.R0 * self.C

    @property
    def kappa0(self) -> float:
        """Noise strength of R0 and the injected noise, kT/C + S R0/(2C) [V^2]."""
        return (BOLTZMANN * self.temperature + self.injected_noise * self.R0 / 2) / self.C

    @model_validator(mode="before")
    @classmethod
    def _on_a_preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "preset" not in data:
            return data
        changes = {key: value for key, value in data.items() if key != "preset"}
        return _merged(cls.preset(str(data["preset"])).to_dict(), changes)

    @staticmethod
    def presets() -> tuple[str, ...]:
        """Names of the designs that come with the package."""
        return tuple(sorted(p.name.removesuffix(".yaml") for p in _PRESETS.iterdir() if p.name.endswith(".yaml")))

    @classmethod
    def preset(cls, name: str) -> "Design":
        """The preset of this name.

        Raises:
            DesignError: no such preset.
        """
        if name not in cls.presets():
            raise DesignError(
                f"unknown design {name!r}: expected one of {', '.join(cls.presets())}, or the path of a .yaml file"
            )
        return cls._from_text((_PRESETS / f"{name}.yaml").read_text(encoding="utf-8"), f"preset {name}")

    @classmethod
    def load(cls, path: str | Path) -> "Design":
        """Read a YAML file.

        Raises:
            DesignError: unreadable file, not YAML, unknown key, value out of range, wrong unit.
        """
        try:
            with Path(path).open(encoding="utf-8") as file:
                text = file.read(LONGEST_FILE + 1)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise DesignError(f"{path}: cannot read the design: {reason}") from None
        if len(text) > LONGEST_FILE:
            raise DesignError(f"{path}: expected a design of at most {LONGEST_FILE:,} characters")
        return cls._from_text(text, str(path))

    @classmethod
    def from_dict(cls, data: Any, where: str = "design") -> "Design":
        """Validate plain data, as YAML or JSON give it; with `preset`, what differs from that preset.

        Raises:
            DesignError: unknown key, value out of range, wrong unit.
        """
        if not isinstance(data, Mapping):
            raise DesignError(f"{where}: expected fields such as `R0: 1k`, got {type(data).__name__}")
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise DesignError(f"{where}: {_first_reason(error)}") from None

    @classmethod
    def _from_text(cls, text: str, where: str) -> "Design":
        try:
            data = yaml.load(text, Loader=UniqueKeys)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            raise DesignError(
                f"{where}{line}: not valid YAML: {getattr(error, 'problem', None) or 'cannot be parsed'}"
            ) from None
        return cls.from_dict(data, where)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        plain = self.model_dump(mode="json")
        for part, names in _LATER.items():
            for name, value in names.items():
                if plain[part] is not None and plain[part][name] == value:
                    del plain[part][name]
        return plain

    def to_yaml(self) -> str:
        """YAML text that `load` reads back without loss."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)

    def corner(self, name: Literal["slow", "typical", "fast"]) -> "Design":
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

    def sample(self, topology: "Topology", rng: np.random.Generator, seed: int | None = None) -> "Instance":
        """Draw one chip: every mismatch and offset, once.

        Args:
            topology: what is on the chip.
            rng: the same state gives the same chip.
            seed: recorded in the instance, when `rng` came from one.
        """
        from ._instance import Instance
        from ._topology import draw_errors

        return Instance(self, topology, draw_errors(topology, self, rng), seed)

    def sample_many(self, topology: "Topology", rng: np.random.Generator, chips: int) -> "Instances":
        """Draw many chips at once: the same as `sample` with this `rng` so many times over, without the loop.

        Raises:
            DesignError: not at least one chip.
        """
        from ._instances import Instances

        if chips < 1:
            raise DesignError(f"sample_many: expected at least 1 chip, got {chips}")
        return Instances.sample(self, topology, rng, chips)

    def nominal(self, topology: "Topology") -> "Instance":
        """The chip without mismatch and offsets."""
        from ._instance import Instance
        from ._topology import zero_errors

        return Instance(self, topology, zero_errors(topology), None)


_LATER: Mapping[str, Mapping[str, float | None]] = {
    "amplifier": {"noise_corner": 0.0, "noise_lowest": 1.0},
    "tempco": {f"{name}_tc{order}": 0.0 for name in AMPLIFIER_TEMPCOS for order in (1, 2)},
    "drift": {"flicker": 0.0, "flicker_lowest": 1e-6, "flicker_highest": 1.0},
    "converters": {"inl": 0.0, "dnl": 0.0, "hold_capacitance": None, "droop": 0.0, "hold_time": 0.0},
}
"""Fields that designs have got since; without effect they are not written, so that digests of old chips stay."""


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, Mapping) else value
    return merged


def _first_reason(error: ValidationError) -> str:
    # A key that nobody knows is likelier the cause than one that is missing.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    field = ".".join(str(part) for part in first["loc"]) or "design"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return f"{field}: unknown key; remove it or check its spelling{more}"
    if first["type"] == "missing":
        return f"{field}: missing; add it{more}"
    came = "" if "got" in message else f", got {first['input']!r}"
    return f"{field}: {message}{came}{more}"
