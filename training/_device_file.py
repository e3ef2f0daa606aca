"""The device that an experiment names: a calibrated model's file, or a design's nominal chips."""

from pathlib import Path

from ..behavioral import DeviceModel, DeviceModelError, Population
from ..circuits import Crossbar, Design, DesignError, Level
from ._experiment import ExperimentError

DEFAULT_DESIGN = "board-1k-1n"


def load_population(device: Path | None, design: str | None) -> Population:
    """The kind of chip that `device` (JSON of a `DeviceModel`) was drawn from, or the nominal one of `design`.

    `design` is a preset's name or a YAML file. Raises `ExperimentError` when either cannot be used.
    """
    try:
        if device is not None:
            return DeviceModel.load(device).population()
        found = _design(design or DEFAULT_DESIGN)
        level: Level = "ideal" if found.amplifier is None else "macro"
        return DeviceModel.nominal(found.nominal(Crossbar(n=8)), level).population()
    except (DeviceModelError, DesignError, OSError) as error:
        raise ExperimentError(f"{'device' if device else 'design'}: {error}") from error


def _design(name: str) -> Design:
    return Design.load(Path(name)) if name.endswith((".yaml", ".yml")) else Design.preset(name)
