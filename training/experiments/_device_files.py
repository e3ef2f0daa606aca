"""The device that an experiment names: a calibrated model's file, or a design's nominal chips."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...behavioral import DeviceModel, DeviceModelError, Population, load_device
from ...circuits import Cascade, Crossbar, Design, DesignError, Instance, Level
from ...circuits.trials import find_design
from ...measurements import MeasurementError
from .._exceptions import ExperimentError
from ._chip_calibration import calibrated, left_open

DEFAULT_DESIGN = "board-1k-1n"


def load_population(
    device: Path | None, design: str | Mapping[str, Any] | None, correction: str | None = None, seed: int = 0
) -> Population:
    """The kind of chip that `device` (JSON of a `DeviceModel` or a `PopulationModel`) tells of, or that of `design`.

    `design` is a preset's name, a YAML file or a design's fields. With correction "calibrated" only what the
    calibration has left open remains: that of `device`, or of chip number `seed` of `design`, measured and
    calibrated here.
    Raises `ExperimentError` when the device or the design cannot be used.
    """
    try:
        if device is not None:
            model = load_device(device)
            if correction != "calibrated":
                return Population.estimate([model]) if isinstance(model, DeviceModel) else model.population()
            if not isinstance(model, DeviceModel):
                raise ExperimentError(f"correction: {device} is a process; only a calibrated chip can be corrected")
            return Population.corrected(model)
        found = _design(design or DEFAULT_DESIGN)
        level: Level = "ideal" if found.amplifier is None else "macro"
        population = Population.estimate([DeviceModel.nominal(found.nominal(Crossbar(n=8)), level)])
        if correction != "calibrated":
            return population
        left: dict[str, Any] = {**left_open(calibrated(found, seed)), "offset_mean": 0.0}
        return replace(population, **left)
    except (DeviceModelError, MeasurementError, DesignError, OSError) as error:
        raise ExperimentError(f"{'device' if device else 'design'}: {error}") from error


def load_design(device: Path | None, design: str | Mapping[str, Any] | None) -> Design:
    """The design of `device`, or `design` itself, where it says how its chips drift. Raises `ExperimentError`."""
    try:
        found = _design(design or DEFAULT_DESIGN) if device is None else load_device(device).design
    except (DeviceModelError, DesignError, OSError) as error:
        raise ExperimentError(f"{'device' if device else 'design'}: {error}") from error
    if found.drift.temperature_sigma == 0.0 and found.drift.ageing_exponent == 0.0:
        raise ExperimentError(
            f"step_time: the design {found.name} does not drift; give it temperature_sigma or ageing_exponent under "
            "drift, or leave step_time out"
        )
    return found


def load_measured(device: Path) -> DeviceModel:
    """The model of one chip. Raises `ExperimentError` for a file that is none, or tells of many."""
    model = _one_chip(device)
    if not isinstance(model.instance.topology, Cascade):
        raise ExperimentError(
            f"chip: measured needs the model of a cascade, and {device} is one of a {model.instance.topology.name}; "
            "calibrate a cascade, or use the solver model-spu for a crossbar"
        )
    return model


def _one_chip(device: Path) -> DeviceModel:
    try:
        model = load_device(device)
    except (DeviceModelError, DesignError, OSError) as error:
        raise ExperimentError(f"device: {error}") from error
    if not isinstance(model, DeviceModel):
        raise ExperimentError(
            f"device: {device} tells of many chips, and the model of one is needed; calibrate one chip"
        )
    return model


def _design(given: str | Mapping[str, Any]) -> Design:
    return find_design(given) if isinstance(given, str) else Design.from_dict(given)


CHIP = "instance.json"
"""The chip that a device file was calibrated on, beside it."""


def load_chip(device: Path | None, design: str | Mapping[str, Any] | None, cells: int, seed: int) -> Instance:
    """The chip that `device` was calibrated on, or a crossbar of `design` drawn by `seed`.

    Raises `ExperimentError` when there is none, or it has another number of cells.
    """
    if device is None:
        return _sized(_design(design or DEFAULT_DESIGN).sample(Crossbar(n=cells), np.random.default_rng(seed)), cells)
    model = _one_chip(device)
    path = device.with_name(CHIP)
    try:
        chip = Instance.load(path)
    except (DesignError, OSError) as error:
        raise ExperimentError(f"device: expected the chip of {device.name} beside it: {error}") from error
    if model.provenance.instance_digest not in ("", chip.digest):
        raise ExperimentError(f"device: {path} is another chip than the one {device.name} was calibrated on")
    return _sized(chip, cells)


def load_model(device: Path | None, design: str | Mapping[str, Any] | None, cells: int, seed: int) -> DeviceModel:
    """The calibrated model, or that of the chip which `load_chip` draws. Raises `ExperimentError`, as it does."""
    if device is None:
        try:
            chip = load_chip(None, design, cells, seed)
            return DeviceModel.nominal(chip, "ideal" if chip.design.amplifier is None else "macro")
        except (DeviceModelError, DesignError, OSError) as error:
            raise ExperimentError(f"design: {error}") from error
    model = _one_chip(device)
    _sized(model.instance, cells)
    return model


def _sized(chip: Instance, cells: int) -> Instance:
    if chip.topology.n != cells:
        raise ExperimentError(f"device: expected a chip of {cells} cells, as many as parameters, got {chip.topology.n}")
    return chip
