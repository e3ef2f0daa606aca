"""A kind of chip and one chip of it: the pair that knows each other, each read from its file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float
from pydantic import ValidationError, model_validator

from ...files import FileKind, UnreadableFile, parse_yaml, read_text, reasons, write_atomically
from ...files.arrays import with_gaps
from .._exceptions import DesignError
from ..networks import Network, Parasitics
from ..programs import UNSCALED, Program, Scaling
from ..state_spaces import drive_columns
from ..topologies import Errors, Level, Topology, draw_errors, load, mirror, zero_errors
from ._amplifier_file import measured
from ._design_fields import DesignFields
from ._design_file import _LATER, _PRESETS, on_a_preset
from ._drift_paths import conductance_flicker, temperature_offset
from ._instance_file import made_of_plain, plain_instance, read_plain

_DESIGN_FILE = FileKind("a design", 100_000)


class Design(DesignFields):
    """A kind of SPU. Values in SI units; text may use prefixes and units (`10k`, `100pF`, `1 %`, `27 C`).

    Raises:
        DesignError: from `load`, `preset` and `from_dict`, one line with file, field, what came and what was expected.
    """

    @model_validator(mode="before")
    @classmethod
    def _on_a_preset(cls, data: Any, info: Any) -> Any:
        # `info` is pydantic's `ValidationInfo`, a protocol that no run-time check of types can take.
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
            DesignError: the time is negative, not finite or too long, or what drifts goes below zero.
        """
        if not 0 <= time < np.inf:
            raise DesignError(f"time: expected a number of seconds of at least 0, got {time}")
        drift = self.design.drift
        seed = int(self.digest[:16], 16)
        temperature = self.design.temperature + temperature_offset(drift, seed, time)
        if not temperature > 0:
            raise DesignError(
                f"drift.temperature_sigma: expected a path above 0 K, got {temperature:.4g} K at {time:g} s; make it"
                " smaller"
            )
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
        drift = self.design.drift
        shapes = self.topology.error_shapes()
        programmed = [name for name in shapes if name in self.topology.programmed]
        if drift.flicker == 0:
            return {name: np.zeros(shapes[name]) for name in programmed}
        # Another stream than the temperature's.
        rng = np.random.default_rng([seed, 1])
        paths = {name: conductance_flicker(drift, rng, shapes[name], time) for name in programmed}
        lowest = min((float(path.min()) for path in paths.values() if path.size), default=0.0)
        if lowest <= -1:
            raise DesignError(
                f"drift.flicker: expected conductances above zero, got one changed by {lowest:.0%} at {time:g} s; make"
                " it smaller, or its band narrower"
            )
        return mirror(self.topology, paths)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        return plain_instance(self.design.to_dict(), self.topology, self.errors, self.seed, self.parasitics)

    @classmethod
    def from_dict(cls, data: Any, where: str = "instance") -> "Instance":
        """Validate plain data.

        Raises:
            DesignError: another schema, an unknown topology, or values that do not fit.
        """

        def make(design: Any, topology: Topology, errors: Errors, seed: Any, parasitics: Parasitics) -> Instance:
            return cls(Design.from_dict(design, f"{where}: design"), topology, errors, seed, parasitics)

        return made_of_plain(data, where, make)

    def save(self, path: str | Path) -> None:
        """Write JSON, whole or not at all."""
        write_atomically(path, json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "Instance":
        """Read JSON.

        Raises:
            DesignError: unreadable, or not an instance.
        """
        return cls.from_dict(read_plain(path), str(path))

    @cached_property
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
