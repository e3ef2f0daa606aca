"""The design of a kind of SPU: component values, tolerances, amplifier, converters; frozen and validated."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from jaxtyping import Float
from pydantic import Field, ValidationError, model_validator

from ...files import FileError, FileKind, UnreadableFile, parse_yaml, read_json, read_text, reasons, write_atomically
from ...files.arrays import with_gaps
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
from ..networks import BOLTZMANN, Network, OpAmpModel, Parasitics, drive_columns
from ..programs import UNSCALED, Program, Scaling
from ..topologies import LEVELS, Errors, Level, Topology, Values, draw_errors, load, make_topology, mirror, zero_errors
from ._amplifier_file import measured
from ._design_file import _LATER, _PRESETS, on_a_preset
from ._drift_paths import conductance_flicker, temperature_offset
from ._instance_file import _SCHEMA

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
    def _on_a_preset(cls, data: Any, info: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        if "preset" in data:
            changes = {key: value for key, value in data.items() if key != "preset"}
            name = str(data["preset"])
            data = on_a_preset(cls.preset(name).to_dict(), changes, name)
        folder = info.context.get("folder") if isinstance(info.context, Mapping) else None
        return measured(data, Path() if folder is None else folder)

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
        return cls._from_text(text, str(path), Path(path).parent)

    @classmethod
    def from_dict(cls, data: Any, where: str = "design", folder: Path | None = None) -> "Design":
        """Validate plain data, as YAML or JSON give it; with `preset`, what differs from that preset.

        With `amplifier: {file, subcircuit, pins, supply}` the amplifier's values are measured in ngspice on that file,
        which is relative to `folder` (the current one unless given).

        Raises:
            DesignError: unknown key, value out of range, wrong unit.
        """
        if not isinstance(data, Mapping):
            raise DesignError(f"{where}: expected fields such as `R0: 1k`, got {type(data).__name__}")
        try:
            return cls.model_validate(dict(data), context={"folder": folder})
        except ValidationError as error:
            raise DesignError(f"{where}: {reasons(error)}") from None

    @classmethod
    def _from_text(cls, text: str, where: str, folder: Path | None = None) -> "Design":
        try:
            data = parse_yaml(text, where)
        except ValueError as error:
            raise DesignError(str(error)) from None
        return cls.from_dict(data, where, folder)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        plain = self.model_dump(mode="json")
        for part, names in _LATER.items():
            for name, value in names.items():
                if plain[part] is not None and plain[part].get(name) == value:
                    plain[part].pop(name, None)
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
        values = amplifier.model_dump(exclude={"offset_sigma", "supply_current", "offset", "circuit"})
        offset += amplifier.offset
        # A subcircuit has its systematic offset, and what temperature does to it, by itself.
        return OpAmpModel(offset=offset, systematic=0.0 if amplifier.circuit is None else offset, **values)

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

        return Instance(self, topology, draw_errors(topology, self.tolerances, rng), seed)

    def nominal(self, topology: Topology) -> "Instance":
        """The chip without mismatch and offsets."""

        return Instance(self, topology, zero_errors(topology), None)


@dataclass(frozen=True, eq=False)
class Instance:
    """One chip. `Design.sample` and `Design.nominal` make it; the same instance goes to SPICE and to the model.

    Args:
        design: nominal values.
        topology: what is on the chip.
        errors: deviations by name, shapes as in `topology.error_shapes()`; relative, offsets in V.
        seed: what the deviations were drawn from, if known.
        parasitics: leaks, stray capacitances and noise that the design does not have.

    Raises:
        DesignError: names, shapes or values of `errors` are not those of the topology.
    """

    design: Design
    topology: Topology
    errors: Errors
    seed: int | None = field(default=None)
    parasitics: Parasitics = field(default_factory=Parasitics)

    def __post_init__(self) -> None:
        shapes = self.topology.error_shapes()
        if set(self.errors) != set(shapes):
            raise DesignError(
                f"instance: expected the deviations {', '.join(shapes)}, got {', '.join(self.errors) or 'none'}"
            )
        errors = {name: _checked(name, self.errors[name], shape) for name, shape in shapes.items()}
        object.__setattr__(self, "errors", MappingProxyType(errors))

    def network(
        self,
        program: Program,
        level: Level = "macro",
        scaling: Scaling = UNSCALED,
        rng: np.random.Generator | None = None,
    ) -> Network:
        """The circuit of this chip with a program loaded, its conductances on the design's grid.

        Args:
            program: what to load.
            level: depth of the amplifiers.
            scaling: of the program.
            rng: stochastic rounding with this source; to the nearest step without.

        Raises:
            ProgramError: the topology cannot realise the program.
            DesignError: the level needs an amplifier that the design does not have.
        """
        loaded = load(self.design.programming, self.topology, program, scaling.conductance, rng)
        values = self.design.values(level)
        # The drive enters through a unit resistor, so that its voltage carries both factors.
        b = scaling.conductance * scaling.drive * program.b
        return self.parasitics.applied(self.topology.network(values, self.errors, loaded.weights, b))

    def drive_columns(
        self, program: Program, level: Level = "macro", scaling: Scaling = UNSCALED
    ) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "n n"]]:
        """How the drive currents into the states [A/V] and the readouts [V/V] of `state_space` follow from b.

        Raises:
            ProgramError, DesignError: as `network`.
        """
        weights = load(self.design.programming, self.topology, program, scaling.conductance).weights
        unit = scaling.conductance * scaling.drive * np.eye(program.n)
        network = self.parasitics.applied(self.topology.network(self.design.values(level), self.errors, weights, unit))
        drive, direct = drive_columns(network, program.n)
        return drive.T, direct.T

    def replace_errors(self, **errors: Float[np.ndarray, "..."]) -> "Instance":
        """The same chip with some deviations replaced."""
        return replace(self, errors={**self.errors, **errors})

    def at(self, time: float) -> "Instance":
        """This chip at a time of its life [s]: one temperature path, one ageing and one path of each conductance's 1/f
        noise, the same at every asking.

        Raises:
            DesignError: the time is negative or not finite.
        """
        if not 0 <= time < np.inf:
            raise DesignError(f"time: expected a number of seconds of at least 0, got {time}")
        drift = self.design.drift
        seed = int(self.digest[:16], 16)
        temperature = self.design.temperature + temperature_offset(drift, seed, time)
        aged = (max(time, drift.ageing_time) / drift.ageing_time) ** -drift.ageing_exponent
        factors = {name: aged * (1 + noise) for name, noise in self._flicker(seed, time).items()}
        errors = {
            name: values + (factors[name] - 1) * (1 + values) if name in factors else values
            for name, values in self.errors.items()
        }
        design = self.design.model_copy(update={"temperature": temperature})
        return replace(self, design=design, errors=errors)

    def _flicker(self, seed: int, time: float) -> Errors:
        """Relative deviations of the programmed conductances at this time by their 1/f noise."""
        drift, shapes = self.design.drift, self.topology.error_shapes()
        programmed = [name for name in shapes if name in self.topology.programmed]
        if drift.flicker == 0:
            return {name: np.zeros(shapes[name]) for name in programmed}
        # Another stream than the temperature's.
        rng = np.random.default_rng([seed, 1])
        paths = {name: conductance_flicker(drift, rng, shapes[name], time) for name in programmed}
        return mirror(self.topology, paths)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        return {
            "schema": _SCHEMA,
            "design": self.design.to_dict(),
            "topology": {"name": self.topology.name, **asdict(self.topology)},  # type: ignore[call-overload]  # all are dataclasses
            "seed": self.seed,
            "errors": {name: values.tolist() for name, values in self.errors.items()},
            # Absent without any, so that such a chip keeps its digest.
            **({"parasitics": self.parasitics.to_dict()} if self.parasitics else {}),
        }

    @classmethod
    def from_dict(cls, data: Any, where: str = "instance") -> "Instance":
        """Validate plain data.

        Raises:
            DesignError: another schema, an unknown topology, or values that do not fit.
        """
        try:
            if data["schema"] != _SCHEMA:
                raise DesignError(f"{where}: expected schema {_SCHEMA}, got {data['schema']!r}")
            sizes = {key: value for key, value in data["topology"].items() if key != "name"}
            topology = make_topology(data["topology"]["name"], **sizes)
            errors = {str(name): np.array(values, dtype=float) for name, values in data["errors"].items()}
            parasitics = Parasitics.from_dict(data["parasitics"]) if "parasitics" in data else Parasitics()
            return cls(Design.from_dict(data["design"], f"{where}: design"), topology, errors, data["seed"], parasitics)
        except (KeyError, TypeError, AttributeError) as error:
            hint = f"{error} is missing" if isinstance(error, KeyError) else "its parts have other types"
            raise DesignError(f"{where}: not an instance (instance.json, as `simulate` writes it): {hint}") from None
        except DesignError:
            raise
        except ValueError as error:
            raise DesignError(f"{where}: not an instance: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write JSON, whole or not at all."""
        write_atomically(path, json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "Instance":
        """Read JSON.

        Raises:
            DesignError: unreadable, or not an instance.
        """
        try:
            data = read_json(path)
        except UnreadableFile as error:
            raise DesignError(f"{path}: cannot read the instance: {error.reason}") from None
        except FileError as error:
            raise DesignError(str(error)) from None
        return cls.from_dict(data, str(path))

    @property
    def digest(self) -> str:
        """SHA-256 of the content without the seed."""
        content = {key: value for key, value in self.to_dict().items() if key != "seed"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _checked(name: str, values: Any, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    array = np.array(with_gaps(values), dtype=np.float64)
    if array.shape != shape:
        raise DesignError(f"instance: {name}: expected shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise DesignError(f"instance: {name}: expected finite values")
    array.flags.writeable = False
    return array
