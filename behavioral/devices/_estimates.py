"""Numbers with errors, where they come from, and both in files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...circuits import LEVELS, Level
from ...files import one_of
from .._exceptions import DeviceModelError


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


def read_level(value: Any) -> Level:
    return one_of(value, LEVELS, "level", DeviceModelError)


def plain_pair(estimate: Estimate | None) -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "standard_error": estimate.standard_error}


def read_estimate(data: Any, name: str) -> Estimate | None:
    if data is None:
        return None
    value, error = (checked_number(data[key], f"{name}.{key}") for key in ("value", "standard_error"))
    # A chip without noise is possible, an amplifier without gain is not.
    if value < 0 or error < 0 or (value == 0 and name != "noise_scale"):
        raise DeviceModelError(f"{name}: expected a value above zero and an error of at least zero, got {data}")
    return Estimate(value, error)


def required(data: Any, name: str) -> Estimate:
    found = read_estimate(data, name)
    if found is None:
        raise DeviceModelError(f"{name}: expected a value with its standard error, got none")
    return found


def checked_number(value: Any, name: str) -> float:
    """A finite number, or `DeviceModelError` with its name."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise DeviceModelError(f"{name}: expected a finite number, got {value!r}")
    return float(value)


def plain_provenance(provenance: Provenance) -> dict[str, Any]:
    plain = {name: getattr(provenance, name) for name in provenance.__slots__}
    return {
        **plain,
        "measurements": list(provenance.measurements),
        "discarded": dict(provenance.discarded),
        "simulators": list(provenance.simulators),
    }


def read_provenance(data: Any) -> Provenance:
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


_FILES = ("device.json", "population.json")
"""What `calibrate` leaves, of a chip and of a process."""


def file_in(path: str | Path) -> str:
    """The file of a chip to give in place of a calibration's folder, for a message; empty where it is none."""
    there = next((file for file in _FILES if (Path(path) / file).is_file()), _FILES[0])
    return f"; give {Path(path) / there}" if Path(path).is_dir() else ""
