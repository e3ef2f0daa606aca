"""A drawn chip measured and calibrated in the run that trains with it."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...behavioral import Calibration, DeviceModel
from ...circuits import Crossbar, Design, Instance, Level, Program
from ...measurements import (
    PROGRAMS_PER_CELL,
    SAMPLES,
    calibration_programs,
    calibration_scaling,
    dataset,
    digitise,
)

# Of the chip that is calibrated, as of the one by which a design's population is told; chosen by hand.
CELLS = 8

# Of each transient [tau]. The slowest mode of a program decays at a tenth of 1/tau, to e^-10 by then.
DURATION = 100.0

# Stream of the chip's seed for programs and readout; the chip itself is drawn from the seed alone.
_STREAM = 3

# What is connected to a cell, and that cell.
_CELL = re.compile(r"(conductance|drive|capacitance)\[(\d+)")

# Deviations by the kind of spread that they belong to.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "conductance_sigma": ("conductance", "drive"),
    "capacitor_sigma": ("capacitance",),
    "inverter_sigma": ("inverter",),
    "offset_sigma": ("offset", "inverter_offset"),
}


def left_open(found: Calibration) -> dict[str, float]:
    """Spreads of a `Population` of what a crossbar's calibration does not know: rms standard errors by kind.

    A common factor of all that is connected to a cell, its capacitor and its resistors, changes nothing that the chip
    does, and nothing can measure it: the errors are those about each cell's common factor.
    """
    return {kind: _rms(_open(found, names)) for kind, names in _KINDS.items()}


def calibrated(design: Design, seed: int, cells: int = CELLS) -> Calibration:
    """The fit of chip number `seed` to readouts by the design's own converters, as `thermospice calibrate` takes them.

    Three random programs for each cell, each relaxing from rest and read 400 times. The waveforms are the circuit's
    equations for that chip, solved exactly (`verify` compares them with ngspice), so that no simulator is needed; of
    noise they have that of the readout.
    Raises `MeasurementError` where the readouts do not fit the design.
    """
    chip = design.sample(Crossbar(n=cells), np.random.default_rng(seed))
    level: Level = "ideal" if design.amplifier is None else "macro"
    rng = np.random.default_rng([seed, _STREAM])
    programs = calibration_programs(chip, PROGRAMS_PER_CELL * cells, rng)
    return Calibration.of([_transient(chip, level, program, rng) for program in programs])


def _open(found: Calibration, names: Sequence[str]) -> Float[np.ndarray, " k"]:
    """Standard errors of the deviations with these names; relative, about each cell's common factor, or in V."""
    covariance = _about_cells(found)
    own = [k for k, name in enumerate(found.names) if name.partition("[")[0] in names]
    return np.sqrt(np.diag(covariance)[own].clip(0.0))


def _about_cells(found: Calibration) -> Float[np.ndarray, "p p"]:
    covariance = found.covariance
    for cell in range(found.model.n):
        tied = [k for k, name in enumerate(found.names) if (of := _CELL.match(name)) and int(of[2]) == cell]
        common = 1.0 + found.values[tied]
        project = np.eye(len(found.names))
        project[np.ix_(tied, tied)] -= np.outer(common, common) / (common @ common)
        covariance = project @ covariance @ project.T
    return covariance


def _transient(chip: Instance, level: Level, program: Program, rng: np.random.Generator) -> xr.Dataset:
    """The program relaxing from rest, as the design's converters read it."""
    scaling = calibration_scaling(chip, program, level)
    tau = chip.design.tau
    times = np.geomspace(tau / 4, DURATION * tau, SAMPLES)
    response = DeviceModel.nominal(chip, level).response(program, scaling)
    variables = {
        "v": (("time", "cell"), response.mean_at(times, np.zeros(program.n)), "V"),
        "time": (("time",), times, "s"),
    }
    exact = {"analysis": "tran", "simulator": "circuit equations"}
    return digitise(dataset(chip, program, level, scaling, variables, exact), chip.design.converters, rng)


def _rms(values: Float[np.ndarray, " k"]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else 0.0
