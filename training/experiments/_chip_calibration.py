"""A drawn chip measured and calibrated in the run that trains with it."""

import json
import re
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from ...behavioral import Calibration, DeviceModel
from ...circuits import Crossbar, Design, Instance, Level, Program, Scaling, choose_scaling, random_program
from ...measurements import digitise

CELLS = 8
PROGRAMS_PER_CELL = 3
SAMPLES = 400
"""Readouts of each transient and cell."""
DURATION = 100.0
"""Of each transient [tau]."""
_RANGE = 0.5
"""Part of the converters' range that the settled voltages may use."""
_STREAM = 3
"""Of the chip's seed, for programs and readout; the chip itself is drawn from the seed alone."""


_CELL = re.compile(r"(conductance|drive|capacitance)\[(\d+)")
"""What is connected to a cell, and that cell."""
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
    # symmetric programs as training loads them, and general ones, which tell rows from columns
    kinds = ((10.0, True), (3.0, False))
    programs = [random_program(chip.topology, rng, *kinds[k % 2]) for k in range(PROGRAMS_PER_CELL * cells)]
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
    model, converters, tau = DeviceModel.nominal(chip, level), chip.design.converters, chip.design.tau
    scaling = _within_range(model, program, converters.full_scale)
    times = np.geomspace(tau / 4, DURATION * tau, SAMPLES)
    v = model.response(program, scaling).mean_at(times, np.zeros(program.n))
    found = xr.Dataset(
        {
            "A": (("cell", "cell_in"), program.A, {"units": "1"}),
            "b": ("cell", program.b, {"units": "V"}),
            "v": (("time", "cell"), v, {"units": "V"}),
        },
        {"time": ("time", times, {"units": "s"})},
        {
            "analysis": "tran",
            "topology": chip.topology.name,
            "n": program.n,
            "level": level,
            "design": json.dumps(chip.design.to_dict()),
            "temperature": chip.design.temperature,
            "instance_digest": chip.digest,
            "conductance_scale": scaling.conductance,
            "drive_scale": scaling.drive,
            "simulator": "circuit equations",
        },
    )
    return digitise(found, converters, rng)


def _within_range(model: DeviceModel, program: Program, full_scale: float) -> Scaling:
    found = choose_scaling(model.instance, program, model.level)
    peak = float(np.abs(model.response(program, found, allow_clipping=True).settled).max())
    return Scaling(found.conductance, found.drive * min(1.0, _RANGE * full_scale / peak)) if peak > 0.0 else found


def _rms(values: Float[np.ndarray, " k"]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else 0.0
