"""The device that an experiment names: a calibrated model's file, or a design's nominal chips."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..behavioral import DeviceModel, DeviceModelError, Population
from ..circuits import Crossbar, Design, DesignError, Level
from ._experiment import ExperimentError

DEFAULT_DESIGN = "board-1k-1n"


def load_population(
    device: Path | None, design: str | Mapping[str, Any] | None, correction: str | None = None
) -> Population:
    """The kind of chip that `device` (JSON of a `DeviceModel`) was drawn from, or the nominal one of `design`.

    `design` is a preset's name, a YAML file or a design's fields. With correction "calibrated" only what the
    calibration has left open remains. Raises `ExperimentError` when the device or the design cannot be used.
    """
    try:
        if device is not None:
            model = DeviceModel.load(device)
            return Population.corrected(model) if correction == "calibrated" else model.population()
        found = _design(design or DEFAULT_DESIGN)
        level: Level = "ideal" if found.amplifier is None else "macro"
        return DeviceModel.nominal(found.nominal(Crossbar(n=8)), level).population()
    except (DeviceModelError, DesignError, OSError) as error:
        raise ExperimentError(f"{'device' if device else 'design'}: {error}") from error


def _design(given: str | Mapping[str, Any]) -> Design:
    if not isinstance(given, str):
        return Design.from_dict(given)
    name = given
    return Design.load(Path(name)) if name.endswith((".yaml", ".yml")) else Design.preset(name)
