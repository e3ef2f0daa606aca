"""The design of a kind of SPU: component values, tolerances, amplifier, converters; frozen and validated."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import Field, ValidationError, model_validator

from ..files import FileKind, UnreadableFile, parse_yaml, read_text, reasons
from ..files.quantities import Farad, Henry, Kelvin, Ohm, SquareAmperePerHertz
from ._constants import BOLTZMANN
from ._design_amplifier import AMPLIFIER_TEMPCOS, Amplifier, TemperatureCoefficients
from ._design_parts import Converters, Corners, Drift, Mismatch, NonNegative, Part, Positive, Programming, Tolerances
from ._errors import DesignError
from ._network import OpAmpModel
from ._topology import LEVELS, Level, Topology, Values, draw_errors, zero_errors

if TYPE_CHECKING:
    from ._instance import Instance

_PRESETS = files(__package__) / "presets"

_DESIGN_FILE = FileKind("a design", 100_000)


class Design(Part):
    """A kind of SPU. Values in SI units; text may use prefixes and units (`10k`, `100pF`, `1 %`, `27 C`).

    Raises:
        DesignError: from `load`, `preset` and `from_dict`, one line with file, field, what came and what was expected.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)]
    description: str = ""
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
            text = read_text(path, _DESIGN_FILE)
        except UnreadableFile as error:
            raise DesignError(f"{path}: cannot read the design: {error.reason}") from None
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
            raise DesignError(f"{where}: {reasons(error)}") from None

    @classmethod
    def _from_text(cls, text: str, where: str) -> "Design":
        try:
            data = parse_yaml(text, where)
        except ValueError as error:
            raise DesignError(str(error)) from None
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
        dT = self.temperature - tempco.reference
        return Values(
            R0=self.R0 * (1 + tempco.resistor_tc1 * dT + tempco.resistor_tc2 * dT**2),
            C=self.C * (1 + tempco.capacitor_tc1 * dT + tempco.capacitor_tc2 * dT**2),
            temperature=self.temperature,
            injected_noise=self.injected_noise,
            amplifier=self._amplifier_model(level, tempco.offset_tc * dT),
            L=self.L,
            switch_resistance=self.programming.switch_resistance,
        )

    def _amplifier_model(self, level: Level, offset: float) -> OpAmpModel | None:
        # At level `transistor` too the elements carry the macro-model: it is what the linear analyses use there,
        # with the values that were extracted from the transistors; the netlist puts the subcircuit in its place.
        if level == "ideal" or self.amplifier is None:
            return None
        amplifier = self.tempco.amplifier_at(self.amplifier, self.temperature)
        values = amplifier.model_dump(exclude={"offset_sigma", "supply_current"})
        return OpAmpModel(offset=offset, **values)

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

    def sample(self, topology: Topology, rng: np.random.Generator, seed: int | None = None) -> "Instance":
        """Draw one chip: every mismatch and offset, once.

        Args:
            topology: what is on the chip.
            rng: the same state gives the same chip.
            seed: recorded in the instance, when `rng` came from one.
        """
        from ._instance import Instance

        return Instance(self, topology, draw_errors(topology, self.tolerances, rng), seed)

    def nominal(self, topology: Topology) -> "Instance":
        """The chip without mismatch and offsets."""
        from ._instance import Instance

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
