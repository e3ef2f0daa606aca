"""Measuring a chip for its calibration, and the fit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..behavioral import digitise
from ..circuits import (
    Cascade,
    Instance,
    Level,
    Program,
    RLCGrid,
    Scaling,
    Topology,
    choose_scaling,
    random_program,
    state_space,
)
from ..files import check_count
from ..netlists import Analysis, Job, load_measurement, simulate_many, trusted
from ._errors import InputError
from ._folder import write_dataset

SAMPLES = 400
"""Readouts of each transient; a 12-bit step is then averaged down to 2e-4 of the swing."""
_VALUES = 3200
"""Readouts of all cells together: of more cells each needs fewer, as there are more programs."""
PROGRAMS_PER_CELL = 3
"""With fewer, some combinations of entries that another program uses are hardly measured."""
MOST_PROGRAMS = 10_000
"""The readings of one take some hundred kilobytes."""
_CASCADE_PROGRAMS = 16
KINDS = ("op", "tran", "ac", "noise", "record")
"""What a chip can be measured by; `record` is a transient with noise."""
_FEW = 4
"""Programs for each response: one holds as much as several transients."""
_SPECTRA = 2
"""Programs for noise, and at least for responses: one symmetric and one general."""
_RECORD = 100
"""Time constants that a noisy record lasts."""
_RANGE = 0.5
"""Part of the converters' range that the settled voltages may use."""
# Streams of a seed: one for each thing that is drawn.
CALIBRATION, _READOUT = 2, 4


def load(paths: Sequence[Path]) -> list[xr.Dataset]:
    """Measurements from files."""
    return [load_measurement(path) for path in paths]


def check_programs(programs: int | None, topology: Topology) -> int:
    """How many programs to measure: three for each cell, and for a cascade at least so many as tell its arrays apart.

    Raises:
        InputError: fewer than one, or more than can be kept.
    """
    if programs is not None and programs < 1:
        raise InputError(f"programs: expected at least 1, got {programs}")
    if programs is not None:
        check_count("programs", programs, MOST_PROGRAMS, ", whose readings take some gigabytes")
    least = _CASCADE_PROGRAMS if isinstance(topology, Cascade) else 1
    return max(least, PROGRAMS_PER_CELL * topology.n) if programs is None else programs


def check_kinds(kinds: Sequence[str] | None, instance: Instance, level: Level) -> tuple[str, ...]:
    """What to measure. Responses tell the arrays of a cascade apart, a grid's settled mean is zero, and transistors
    have poles of their own.

    Raises:
        InputError: an unknown kind.
    """
    for kind in kinds or ():
        if kind not in KINDS:
            raise InputError(f"analysis: expected some of {', '.join(KINDS)}, got {kind!r}")
    if kinds:
        return tuple(dict.fromkeys(kinds))
    responses = level == "transistor" or isinstance(instance.topology, Cascade | RLCGrid)
    return ("tran", "ac", "noise") if responses else ("tran", "noise")


def measure(
    instance: Instance, level: Level, programs: int, seed: int, kinds: Sequence[str] | None = None
) -> list[xr.Dataset]:
    """Random programs on a chip: settled voltages and transients as the converters see them, responses, noise.

    Raises:
        SimulatorError, ValueError: what went wrong with the first run that failed.
    """
    chosen = random_programs(instance, programs, np.random.default_rng([seed, CALIBRATION]))
    wanted = check_kinds(kinds, instance, level)
    jobs = [job for kind in wanted for job in _jobs(instance, level, chosen, kind, seed)]
    readout = np.random.default_rng([seed, _READOUT])
    found = [_seen(job, data, readout) for job, data in zip(jobs, simulated(jobs), strict=True)]
    # Without amplifiers a crossbar's readout noise is white without limit and has no variance.
    return [data for data in found if data.attrs["analysis"] != "noise" or "covariance" in data]


def _jobs(instance: Instance, level: Level, programs: Sequence[Program], kind: str, seed: int) -> list[Job]:
    few = programs[: max(_SPECTRA, len(programs) // _FEW)]
    match kind:
        case "noise":
            # Of n cells it takes n (n + 1)/2 analyses.
            return [job_of(instance, level, program, "noise") for program in programs[:_SPECTRA]]
        case "record":
            long = _RECORD * instance.design.tau
            return [job_of(instance, level, programs[0], "tran", noise=True, seed=seed, duration=long)]
        case "ac":
            return [job_of(instance, level, program, "ac") for program in few]
        case "op":
            return [job_of(instance, level, program, "op") for program in programs]
        case _:
            return [job_of(instance, level, program, "tran") for program in programs]


def job_of(instance: Instance, level: Level, program: Program, analysis: Analysis, **options: Any) -> Job:
    """A run in the scaling that the calibration uses."""
    return Job(instance, program, analysis, level, scaling=scaling(instance, program, level), **options)


def scaling(instance: Instance, program: Program, level: Level) -> Scaling:
    """As `choose_scaling`, with the settled voltages within half the converters' range."""
    found = choose_scaling(instance, program, level)
    swing = float(np.abs(state_space(instance.network(program, level, found)).settled).max())
    largest = _RANGE * instance.design.converters.full_scale
    halvings = max(0, int(np.ceil(np.log2(swing / largest)))) if swing > 0 else 0
    return Scaling(found.conductance, found.drive / 2**halvings)


def _seen(job: Job, data: xr.Dataset, readout: np.random.Generator) -> xr.Dataset:
    if job.analysis not in ("op", "tran"):
        return data
    # A noisy record keeps its equal steps.
    samples = min(SAMPLES, max(_VALUES // job.program.n, SAMPLES // 8))
    times = samples if job.analysis == "tran" and not job.noise else None
    return digitise(data, job.instance.design.converters, readout, times=times)


def random_programs(instance: Instance, count: int, rng: np.random.Generator) -> list[Program]:
    """Symmetric ones as training loads them, and general ones, which tell rows from columns."""
    kinds = ((10.0, True), (3.0, False))
    return [random_program(instance.topology, rng, *kinds[k % 2]) for k in range(count)]


def transients(instance: Instance, level: Level, programs: Sequence[Program]) -> list[xr.Dataset]:
    """Each program in ngspice, from rest until settled.

    Raises:
        SimulatorError, ValueError: what went wrong with the first that failed.
    """
    return simulated([job_of(instance, level, program, "tran") for program in programs])


def simulated(jobs: Sequence[Job]) -> list[xr.Dataset]:
    """All of them in ngspice.

    Raises:
        SimulatorError, ValueError: what went wrong with the first that failed.
    """
    found = simulate_many(jobs)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return [trusted(result) for result in found if isinstance(result, xr.Dataset)]


def save_all(measured: Sequence[xr.Dataset], folder: Path) -> None:
    """One numbered file for each measurement."""
    for k, data in enumerate(measured):
        write_dataset(folder / f"{k}.nc", data)


def load_all(folder: Path) -> list[xr.Dataset]:
    """What `save_all` wrote, in order."""
    return [load_measurement(path) for path in sorted(folder.glob("*.nc"), key=lambda p: int(p.stem))]
