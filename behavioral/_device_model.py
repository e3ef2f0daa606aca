"""The behavioural model of one chip: an inferred instance with standard errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from ..circuits import (
    BOLTZMANN,
    LEVELS,
    Design,
    DesignError,
    Instance,
    Level,
    Program,
    Scaling,
    choose_scaling,
    converter,
)
from ..files import FileError, UnreadableFile, read_json, write_atomically
from ._effects import Effects
from ._prepared import Prepared
from ._response import Response

if TYPE_CHECKING:
    from ._population import Population

_SCHEMA = 1
_KIND = "device-model"


class DeviceModelError(ValueError):
    """A file or value is not a device model."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its standard error, in the unit of the quantity."""

    value: float
    standard_error: float = 0.0


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a model comes from.

    `source` is "design" or "measurements"; `measurements` are SHA-256 of the data used, `discarded` those left out
    with the reason, `simulators` who measured, `instance_digest` of the chip measured, `residual` the rms of the
    residuals in units of their standard deviation, `parameters` and `samples` how many were fitted from how many.
    """

    source: str = "design"
    instance_digest: str = ""
    measurements: tuple[str, ...] = ()
    discarded: Mapping[str, str] = field(default_factory=dict)
    simulators: tuple[str, ...] = ()
    residual: float | None = None
    parameters: int = 0
    samples: int = 0


@dataclass(frozen=True, eq=False)
class DeviceModel:
    """Behavioural model of one chip: what is known about its deviations, and how well.

    `nominal` takes an instance as it was drawn; `calibrate` infers it from measurements. The model answers for any
    program by the same circuit equations that the instance has, so it holds for programs that were not measured.

    Args:
        instance: the inferred chip; its design's amplifier carries the inferred gain and gain-bandwidth.
        level: depth of the circuit.
        standard_errors: of `errors`, same names and shapes; relative, offsets in V. Zeros: taken as exact.
        gain, gain_bandwidth: of all amplifiers at the design's reference temperature [V/V], [Hz]; None at level ideal.
        noise_scale: factor on every noise density of the design.
        not_identified: parameters such as `conductance[0,3]` whose standard error is still that of the design's
            tolerance: the data say nothing about them.
        provenance: where the model comes from.

    Raises:
        DeviceModelError: names or shapes of `standard_errors` that are not those of the instance, or negative values.
    """

    instance: Instance
    level: Level
    standard_errors: Mapping[str, Float[np.ndarray, "..."]]
    gain: Estimate | None
    gain_bandwidth: Estimate | None
    noise_scale: Estimate = Estimate(1.0)
    not_identified: tuple[str, ...] = ()
    provenance: Provenance = Provenance()

    def __post_init__(self) -> None:
        shapes = {name: values.shape for name, values in self.instance.errors.items()}
        errors = {name: np.array(values, dtype=float) for name, values in self.standard_errors.items()}
        if {name: values.shape for name, values in errors.items()} != shapes:
            raise DeviceModelError("standard_errors: expected the names and shapes of the instance's deviations")
        if any(not (np.isfinite(values).all() and (values >= 0).all()) for values in errors.values()):
            raise DeviceModelError("standard_errors: expected finite values of at least zero")
        for values in errors.values():
            values.flags.writeable = False
        object.__setattr__(self, "standard_errors", MappingProxyType(errors))

    @classmethod
    def nominal(cls, instance: Instance, level: Level = "macro") -> "DeviceModel":
        """The model of a chip whose deviations are known exactly.

        Raises:
            DesignError: the level needs an amplifier that the design does not have.
        """
        amplifier = instance.design.amplifier
        if level not in LEVELS:
            raise DesignError(f"unknown level {level!r}: expected one of {', '.join(LEVELS)}")
        if level != "ideal" and amplifier is None:
            raise DesignError(f"design {instance.design.name} has no amplifier: expected level ideal, got {level}")
        exact = {name: np.zeros_like(values) for name, values in instance.errors.items()}
        known = amplifier if level != "ideal" else None
        return cls(
            instance,
            level,
            exact,
            Estimate(known.gain) if known else None,
            Estimate(known.gain_bandwidth) if known else None,
            provenance=Provenance(instance_digest=instance.digest),
        )

    @property
    def design(self) -> Design:
        """The design, with the amplifier as inferred."""
        return self.instance.design

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.instance.topology.n

    @property
    def errors(self) -> Mapping[str, Float[np.ndarray, "..."]]:
        """Inferred deviations, named and shaped as `Instance.errors`."""
        return self.instance.errors

    def scaling(self, program: Program) -> Scaling:
        """How `response` loads the program when it is not told: `choose_scaling` of the inferred chip."""
        return choose_scaling(self.instance, program, self.level)

    def response(
        self,
        program: Program,
        scaling: Scaling | None = None,
        allow_clipping: bool = False,
        rounding: np.random.Generator | None = None,
    ) -> Response:
        """What this chip does with a program.

        Args:
            program: A and b [V].
            scaling: how it is loaded; None chooses it.
            allow_clipping: give the linear circuit's answer even beyond the rails.
            rounding: source of stochastic rounding of the program; to the nearest step without.

        Raises:
            ProgramError: the topology cannot realise the program.
            ClippedError: the settled device is beyond an amplifier's rails.
        """
        scaling = self.scaling(program) if scaling is None else scaling
        noise = self.noise_scale.value
        return Response.of(self.instance, program, self.level, scaling, noise, allow_clipping, rounding)

    def at(self, time: float) -> "DeviceModel":
        """The chip at a time of its life [s], as `Instance.at`: one temperature path, the same at every asking.

        A chip's path is drawn from its deviations: a calibrated model has the spread of the true chip's path, not
        the path itself.

        Raises:
            DesignError: the time is negative or not finite.
        """
        return replace(self, instance=self.instance.at(time))

    def with_effects(self, effects: Effects) -> "DeviceModel":
        """The model with some imperfections left out; their standard errors are those of exact values."""
        instance, level = effects.apply(self.instance, self.level)
        known = instance.design.amplifier if level != "ideal" else None
        errors = {
            name: values if np.array_equal(instance.errors[name], self.errors[name]) else np.zeros_like(values)
            for name, values in self.standard_errors.items()
        }
        return replace(
            self,
            instance=instance,
            level=level,
            standard_errors=errors,
            gain=_kept(self.gain, known.gain) if known else None,
            gain_bandwidth=_kept(self.gain_bandwidth, known.gain_bandwidth) if known else None,
        )

    def driven(self, program: Program, scaling: Scaling) -> Program:
        """The program as the DAC puts it out: b on the levels of this chip's codes.

        It goes to `response` or to SPICE alike. The drive's voltage is `conductance * drive * b`.
        """
        factor = scaling.conductance * scaling.drive
        b = converter(self.instance, "dac").to_volts(factor * program.b) / factor
        if program.factors is None:
            return Program(program.A, b)
        return Program.from_factors(*program.factors, b)

    def read_out(self, v: Float[np.ndarray, "*batch n"], rng: np.random.Generator) -> Float[np.ndarray, "*batch n"]:
        """What the digital side reads of readouts v [V]: held (noise kT/C and droop), then on this chip's ADC codes.

        Values beyond the range read as its ends.
        """
        converters = self.design.converters
        held = np.asarray(v, dtype=float) - converters.droop * converters.hold_time
        if converters.hold_capacitance is not None:
            sd = np.sqrt(BOLTZMANN * self.design.temperature / converters.hold_capacitance)
            held = held + sd * rng.standard_normal(held.shape)
        return converter(self.instance, "adc").to_codes(held)

    def prepared(self, program: Program, scaling: Scaling | None = None) -> Prepared:
        """This chip with the matrix of a program loaded, ready for many drives; the scaling follows from the program's.

        Raises:
            ProgramError: the topology cannot realise the program.
            ClippedError: the settled device is beyond an amplifier's rails.
        """
        scaling = self.scaling(program) if scaling is None else scaling
        return Prepared.of(self.response(program, scaling), *self.instance.drive_columns(program, self.level, scaling))

    def population(self) -> "Population":
        """Spreads of the chips that this one may come from; see `Population.estimate`."""
        from ._population import Population

        return Population.estimate([self])

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        return {
            "kind": _KIND,
            "schema": _SCHEMA,
            "instance": self.instance.to_dict(),
            "level": self.level,
            "standard_errors": {name: values.tolist() for name, values in self.standard_errors.items()},
            "gain": _pair(self.gain),
            "gain_bandwidth": _pair(self.gain_bandwidth),
            "noise_scale": _pair(self.noise_scale),
            "not_identified": list(self.not_identified),
            "provenance": _plain(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Any, where: str = "device model") -> "DeviceModel":
        """Validate plain data.

        Raises:
            DeviceModelError: another kind or schema, or values that do not fit.
        """
        try:
            _check_kind(data, where)
            return cls(
                Instance.from_dict(data["instance"], f"{where}: instance"),
                _level(data["level"]),
                {str(name): np.array(values, dtype=float) for name, values in data["standard_errors"].items()},
                _estimate(data["gain"], "gain"),
                _estimate(data["gain_bandwidth"], "gain_bandwidth"),
                _required(data["noise_scale"], "noise_scale"),
                checked_texts(data["not_identified"], "not_identified"),
                _provenance(data["provenance"]),
            )
        except (DeviceModelError, DesignError) as error:
            message = str(error)
            raise DeviceModelError(message if message.startswith(where) else f"{where}: {message}") from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise DeviceModelError(f"{where}: not a device model: {type(error).__name__}: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write JSON, whole or not at all."""
        write_atomically(path, json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "DeviceModel":
        """Read JSON.

        Raises:
            DeviceModelError: unreadable, or not a device model of this schema.
        """
        try:
            data = read_json(path, finite=False)
        except UnreadableFile as error:
            raise DeviceModelError(f"{path}: cannot read the device model: {error.reason}") from None
        except FileError as error:
            raise DeviceModelError(str(error)) from None
        return cls.from_dict(data, str(path))


def _kept(estimate: Estimate | None, value: float) -> Estimate:
    return estimate if estimate is not None and estimate.value == value else Estimate(value)


def _check_kind(data: Any, where: str) -> None:
    if not isinstance(data, Mapping) or data.get("kind") != _KIND:
        raise DeviceModelError(f"{where}: expected a device model as `calibrate` saves it, got something else")
    if data.get("schema") != _SCHEMA:
        raise DeviceModelError(f"{where}: expected schema {_SCHEMA}, got {data.get('schema')!r}; calibrate again")


def _level(value: Any) -> Level:
    for level in LEVELS:
        if value == level:
            return level
    raise DeviceModelError(f"level: expected one of {', '.join(LEVELS)}, got {value!r}")


def _pair(estimate: Estimate | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "standard_error": estimate.standard_error}


def _estimate(data: Any, name: str) -> Estimate | None:
    if data is None:
        return None
    value, error = (checked_number(data[key], f"{name}.{key}") for key in ("value", "standard_error"))
    # A chip without noise is possible, an amplifier without gain is not.
    if value < 0 or error < 0 or (value == 0 and name != "noise_scale"):
        raise DeviceModelError(f"{name}: expected a value above zero and an error of at least zero, got {data}")
    return Estimate(value, error)


def _required(data: Any, name: str) -> Estimate:
    found = _estimate(data, name)
    if found is None:
        raise DeviceModelError(f"{name}: expected a value with its standard error, got none")
    return found


def checked_number(value: Any, name: str) -> float:
    """A finite number, or `DeviceModelError` with its name."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise DeviceModelError(f"{name}: expected a finite number, got {value!r}")
    return float(value)


def _plain(provenance: Provenance) -> dict[str, Any]:
    plain = {name: getattr(provenance, name) for name in provenance.__slots__}
    return {
        **plain,
        "measurements": list(provenance.measurements),
        "discarded": dict(provenance.discarded),
        "simulators": list(provenance.simulators),
    }


def _provenance(data: Any) -> Provenance:
    for name in ("source", "instance_digest"):
        if not isinstance(data[name], str):
            raise DeviceModelError(f"provenance.{name}: expected text, got {data[name]!r}")
    discarded, residual = data["discarded"], data["residual"]
    if not isinstance(discarded, Mapping):
        raise DeviceModelError(f"provenance.discarded: expected reasons by measurement, got {discarded!r}")
    checked = {
        "measurements": checked_texts(data["measurements"], "provenance.measurements"),
        "simulators": checked_texts(data["simulators"], "provenance.simulators"),
        "discarded": dict(zip(discarded, checked_texts([*discarded.values()], "provenance.discarded"), strict=True)),
        "residual": None if residual is None else checked_number(residual, "provenance.residual"),
        "parameters": _count(data["parameters"], "provenance.parameters"),
        "samples": _count(data["samples"], "provenance.samples"),
    }
    return Provenance(**{**data, **checked})


def checked_texts(values: Any, name: str) -> tuple[str, ...]:
    """A list of texts, or `DeviceModelError` with its name."""
    # A plain text is a sequence of letters too.
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise DeviceModelError(f"{name}: expected a list of texts, got {values!r}")
    return tuple(values)


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise DeviceModelError(f"{name}: expected a whole number of at least zero, got {value!r}")
    return value
