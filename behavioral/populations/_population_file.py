"""The parts of a population's file: spreads with their errors, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import files
from ...circuits import LEVELS, TOPOLOGIES, Design
from ...files import FileError, UnreadableFile
from .._exceptions import DeviceModelError
from ..devices import Estimate, Provenance, checked_number, checked_texts, file_in


@dataclass(frozen=True, slots=True)
class Spread:
    """One kind of deviation over the chips of a process: a component has `mean`, plus what its chip has in common with
    standard deviation `chip`, plus its own part with standard deviation `local` (none where a chip has one value).

    Relative, V for offsets, logarithms for amplifier values and the noise scale.
    """

    mean: Estimate
    chip: Estimate
    local: Estimate | None

    @property
    def total(self) -> float:
        """Root mean square of the parts that differ."""
        return float(np.hypot(self.chip.value, self.local.value if self.local else 0.0))

    @property
    def error(self) -> float:
        """Standard error of `total`."""
        parts = [part for part in (self.chip, self.local) if part is not None]
        square = sum((part.value * part.standard_error) ** 2 for part in parts)
        return float(np.sqrt(square)) / self.total if self.total > 0 else 0.0


def read_json(path: str | Path) -> Any:
    try:
        return files.read_json(path, finite=False)
    except UnreadableFile as error:
        raise DeviceModelError(f"{path}: cannot read it: {error.reason}{file_in(path)}") from None
    except FileError as error:
        raise DeviceModelError(str(error)) from None


def pair(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "standard_error": estimate.standard_error}


def plain_spread(spread: Spread) -> dict[str, Any]:
    plain: dict[str, Any] = {"mean": pair(spread.mean), "chip": pair(spread.chip)}
    return plain | ({"local": pair(spread.local)} if spread.local else {})


def parsed(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of a population model from plain data.

    Raises:
        DeviceModelError, KeyError, TypeError, AttributeError, ValueError: values that do not fit.
    """
    if data["topology"] not in TOPOLOGIES:
        raise DeviceModelError(f"topology: expected one of {', '.join(TOPOLOGIES)}, got {data['topology']!r}")
    if data["level"] not in LEVELS:
        raise DeviceModelError(f"level: expected one of {', '.join(LEVELS)}, got {data['level']!r}")
    provenance = data["provenance"]
    return {
        "design": Design.from_dict(data["design"], f"{where}: design"),
        "topology": data["topology"],
        "level": data["level"],
        "spreads": {str(name): _spread(values, f"spreads.{name}") for name, values in data["spreads"].items()},
        "correlations": {_between(row): _estimate(row, "correlations", 1.0) for row in data["correlations"]},
        "instances": checked_texts(data["instances"], "instances"),
        "cells": _cells(data.get("cells")),
        "provenance": Provenance(
            source=str(provenance["source"]),
            measurements=checked_texts(provenance["measurements"], "provenance.measurements"),
            discarded={str(key): str(value) for key, value in provenance["discarded"].items()},
            simulators=checked_texts(provenance["simulators"], "provenance.simulators"),
            residual=checked_number(provenance["residual"], "provenance.residual"),
            samples=int(checked_number(provenance["samples"], "provenance.samples")),
        ),
    }


def _cells(value: Any) -> int | None:
    """Files of before do not say on how many cells the chips were measured."""
    if value is None:
        return None
    cells = checked_number(value, "cells")
    if cells < 1 or cells != int(cells):
        raise DeviceModelError(f"cells: expected a whole number of at least 1, got {value}")
    return int(cells)


def _spread(data: Any, name: str) -> Spread:
    parts = {part: _estimate(data[part], f"{name}.{part}") for part in ("mean", "chip", "local") if part in data}
    for part in ("chip", "local"):
        if part in parts and parts[part].value < 0:
            raise DeviceModelError(f"{name}.{part}: expected a standard deviation, got {parts[part].value}")
    return Spread(parts["mean"], parts["chip"], parts.get("local"))


def _estimate(data: Any, name: str, largest: float = np.inf) -> Estimate:
    value, error = (checked_number(data[key], f"{name}.{key}") for key in ("value", "standard_error"))
    if error < 0 or abs(value) > largest:
        raise DeviceModelError(f"{name}: expected a value and an error of at least zero, got {value} and {error}")
    return Estimate(value, error)


def _between(row: Any) -> tuple[str, str]:
    first, second = checked_texts(row["between"], "correlations.between")
    return first, second
