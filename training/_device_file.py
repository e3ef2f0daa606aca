"""The device that an experiment names: a calibrated model's file, or a design's nominal chips."""

from pathlib import Path

from ..behavioral import DeviceModel, DeviceModelError
from ..circuits import Crossbar, Design, DesignError, Level
from ._ageing import Ageing
from ._experiment import Experiment, ExperimentError
from ._population import HasPopulation, PopulationLike

DEFAULT_DESIGN = "board-1k-1n"


def load_device(e: Experiment) -> tuple[PopulationLike | HasPopulation, Ageing | None]:
    """What `device` (JSON of a `DeviceModel`) or `design` describe, and how it drifts when `step_time` is given.

    A population of the model's kind, or the model itself when the chip is the measured one. `design` is a preset's name
    or a YAML file. Raises `ExperimentError` when either cannot be used.
    """
    try:
        model = _model(e.device, e.design)
        return model if e.chip == "measured" else model.population(), _ageing(e, model.design)
    except (DeviceModelError, DesignError, OSError) as error:
        raise ExperimentError(f"{'device' if e.device else 'design'}: {error}") from error


def _model(device: Path | None, design: str | None) -> DeviceModel:
    if device is not None:
        return DeviceModel.load(device)
    found = _design(design or DEFAULT_DESIGN)
    level: Level = "ideal" if found.amplifier is None else "macro"
    return DeviceModel.nominal(found.nominal(Crossbar(n=8)), level)


def _ageing(e: Experiment, design: Design) -> Ageing | None:
    if e.step_time is None:
        return None
    if design.drift.temperature_sigma == 0.0 and design.drift.ageing_exponent == 0.0:
        raise ExperimentError(
            f"step_time: the design {design.name} does not drift; give it `drift: temperature_sigma` or "
            "`ageing_exponent`, or leave step_time out"
        )
    return Ageing.of(design, e.step_time, e.recalibrate_every or 0)


def _design(name: str) -> Design:
    return Design.load(Path(name)) if name.endswith((".yaml", ".yml")) else Design.preset(name)
