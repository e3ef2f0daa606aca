"""The behavioural model of one chip: an inferred instance with standard errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from ...circuits import LEVELS, Design, DesignError, Instance, Level, Program, Scaling, choose_scaling
from ...circuits.chips import converter
from ...circuits.loaded_chips import count_of_chips, possible_chips
from ...circuits.networks import BOLTZMANN
from ...circuits.topologies import mirror
from ...files import FileError, UnreadableFile, read_json, write_atomically
from .._exceptions import DeviceModelError
from ._effects import Effects
from ._estimates import (
    Estimate,
    Provenance,
    checked_number,
    checked_texts,
    file_in,
    plain_pair,
    plain_provenance,
    read_estimate,
    read_level,
    read_provenance,
    required,
)
from ._posterior import Posterior
from ._prepared import Prepared
from ._response import Response
from ._verdict import Verdict

_SCHEMA = 1
_SCHEMA_OF_BYTES = 2
"""Of a file whose correlations are the text of their bytes, which readers of the first schema do not understand."""
CIRCUIT_KIND = "thermospice circuit"
"""Of a calibrated netlist, which is no chip of a design."""

_KIND = "device-model"


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
        verdict: whether a chip of the design explains its measurements; of a contradicted model the error bars are no
            smaller than the design's tolerances.
        bench: what the calibration found of the bench, by name such as `trigger_delay`; see `NUISANCES` for units.
            Leaks, stray capacitances and noise of a cell are part of `instance` too.
        posterior: of all unknowns together, as the measurements give it; None for a model that was not fitted.

    Raises:
        DeviceModelError: names or shapes of `standard_errors` that are not those of the instance, or negative values.
    """

    instance: Instance
    level: Level
    standard_errors: Mapping[str, Float[np.ndarray, "..."]]
    gain: Estimate | None
    gain_bandwidth: Estimate | None
    noise_scale: Estimate = Estimate(1.0)  # noqa: RUF009  # frozen, so that it can be shared
    not_identified: tuple[str, ...] = ()
    provenance: Provenance = Provenance()  # noqa: RUF009  # frozen, so that it can be shared
    verdict: Verdict = field(default_factory=Verdict)
    bench: Mapping[str, Estimate] = field(default_factory=lambda: MappingProxyType({}))
    posterior: Posterior | None = None

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

    def possible_chips(self, rng: np.random.Generator) -> list[Instance]:
        """Chips that this one may be: within the standard errors of its calibration, or, where there was none, within
        the tolerances of its design.
        """
        if self.provenance.source != "measurements":
            return possible_chips(self.instance, rng)
        return [self._drawn(rng) for _ in range(count_of_chips(self.instance))]

    def _drawn(self, rng: np.random.Generator) -> Instance:
        spread = {name: sd * rng.standard_normal(sd.shape) for name, sd in self.standard_errors.items()}
        spread = dict(mirror(self.instance.topology, spread))
        return self.instance.replace_errors(**{name: self.errors[name] + part for name, part in spread.items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        posterior = self.posterior.to_dict() if self.posterior else None
        packed = posterior is not None and isinstance(posterior["correlations"], str)
        return {
            "kind": _KIND,
            "schema": _SCHEMA_OF_BYTES if packed else _SCHEMA,
            "instance": self.instance.to_dict(),
            "level": self.level,
            "standard_errors": {name: values.tolist() for name, values in self.standard_errors.items()},
            "gain": plain_pair(self.gain),
            "gain_bandwidth": plain_pair(self.gain_bandwidth),
            "noise_scale": plain_pair(self.noise_scale),
            "not_identified": list(self.not_identified),
            "provenance": plain_provenance(self.provenance),
            "verdict": self.verdict.to_dict(),
            "bench": {name: plain_pair(estimate) for name, estimate in self.bench.items()},
            # Absent where nothing was fitted.
            **({"posterior": posterior} if posterior else {}),
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
                read_level(data["level"]),
                {str(name): np.array(values, dtype=float) for name, values in data["standard_errors"].items()},
                read_estimate(data["gain"], "gain"),
                read_estimate(data["gain_bandwidth"], "gain_bandwidth"),
                required(data["noise_scale"], "noise_scale"),
                checked_texts(data["not_identified"], "not_identified"),
                read_provenance(data["provenance"]),
                # Models of earlier versions have none of them.
                Verdict.from_dict(data["verdict"]) if "verdict" in data else Verdict(),
                {str(name): _signed(pair, f"bench.{name}") for name, pair in data.get("bench", {}).items()},
                Posterior.from_dict(data["posterior"]) if "posterior" in data else None,
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
            reason = f"{error.reason}{file_in(path)}"
            raise DeviceModelError(f"{path}: cannot read the device model: {reason}") from None
        except FileError as error:
            raise DeviceModelError(str(error)) from None
        return cls.from_dict(data, str(path))


def _kept(estimate: Estimate | None, value: float) -> Estimate:
    return estimate if estimate is not None and estimate.value == value else Estimate(value)


def _check_kind(data: Any, where: str) -> None:
    if isinstance(data, Mapping) and data.get("kind") == CIRCUIT_KIND:
        raise DeviceModelError(
            f"{where}: is of a netlist, and a chip is expected here; a calibrated netlist is compared with measurements"
            " of it"
        )
    if not isinstance(data, Mapping) or data.get("kind") != _KIND:
        raise DeviceModelError(f"{where}: expected a device model as `calibrate` saves it, got something else")
    # Files of large chips that were written between the two have text under the first schema, and are read too.
    if data.get("schema") not in (_SCHEMA, _SCHEMA_OF_BYTES):
        raise DeviceModelError(
            f"{where}: expected schema {_SCHEMA} or {_SCHEMA_OF_BYTES}, got {data.get('schema')!r}; calibrate again"
        )


def _signed(data: Any, name: str) -> Estimate:
    value, error = (checked_number(data[key], f"{name}.{key}") for key in ("value", "standard_error"))
    if error < 0:
        raise DeviceModelError(f"{name}: expected an error of at least zero, got {error}")
    return Estimate(value, error)
