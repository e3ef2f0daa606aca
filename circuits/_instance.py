"""One physical chip: the design, what is on it, and its deviations, drawn once."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from ..files import FileError, UnreadableFile, read_json, write_atomically
from ..files.arrays import with_gaps
from ._cascade import Cascade
from ._crossbar import Crossbar
from ._design import Design
from ._differential_mesh import DifferentialRCMesh
from ._drift import conductance_flicker, temperature_offset
from ._errors import DesignError
from ._network import Network
from ._parasitics import Parasitics
from ._program import Program
from ._programming import load
from ._rc_mesh import RCMesh
from ._rlc_grid import RLCGrid
from ._stacked_space import drive_columns
from ._topology import Errors, Level, Topology, mirror

_KINDS: tuple[type[Topology], ...] = (RCMesh, DifferentialRCMesh, Crossbar, Cascade, RLCGrid)

TOPOLOGIES: Mapping[str, type[Topology]] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""Topologies by their name on the command line."""

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Scaling:
    """How a program is fitted to the device: A is loaded as `conductance * A`, the drive as `conductance * drive * b`.

    Neither changes the solution but for the units: circuit volts are `drive * A^-1 b`, and the relaxation is
    `conductance` times as fast.
    """

    conductance: float = 1.0
    drive: float = 1.0


UNSCALED = Scaling()


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


def make_topology(name: str, n: int, **sizes: int) -> Topology:
    """The topology of a command-line name with n cells (and other sizes, such as the rank `r` of a cascade).

    Raises:
        DesignError: unknown name, or a size is not a whole number of at least one.
    """
    if name not in TOPOLOGIES:
        raise DesignError(f"unknown topology {name!r}: expected one of {', '.join(TOPOLOGIES)}")
    return TOPOLOGIES[name](n, **sizes)  # type: ignore[call-arg]  # every topology takes its size first


def _checked(name: str, values: Any, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    array = np.array(with_gaps(values), dtype=np.float64)
    if array.shape != shape:
        raise DesignError(f"instance: {name}: expected shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise DesignError(f"instance: {name}: expected finite values")
    array.flags.writeable = False
    return array
