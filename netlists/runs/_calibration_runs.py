"""A chip measured for its calibration."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from ...circuits import Instance, Level, Program
from ...measurements import (
    MOST_VALUES,
    PROGRAM_STREAM,
    PROGRAMS_PER_RESPONSE,
    READOUT_STREAM,
    RECORD_TIME_CONSTANTS,
    SAMPLES,
    SPECTRA,
    Analysis,
    calibration_programs,
    calibration_scaling,
    check_kinds,
    digitise,
    settled_readings,
    spectrum_grid,
    transients_of,
)
from ..decks import Job
from ._agreement import trusted
from ._many import simulate_many


def measure_for_calibration(
    instance: Instance, level: Level, programs: int, seed: int, kinds: Sequence[str] | None = None
) -> list[xr.Dataset]:
    """Random programs on a chip: settled voltages and transients as the converters see them, responses, noise.

    Without `kinds` each program is watched while it settles; of many cells a few are, and the others are read settled.

    Raises:
        SimulatorError, ValueError: what went wrong with the first run that failed.
    """
    chosen = calibration_programs(instance, programs, np.random.default_rng([seed, PROGRAM_STREAM]))
    wanted = check_kinds(kinds, instance, level)
    watched = None if kinds else transients_of(instance, level)
    parts = {"tran": chosen[:watched], "op": chosen if watched is None else chosen[watched:]}
    jobs = [job for kind in wanted for job in _jobs(instance, level, parts.get(kind, chosen), kind, seed)]
    readout = np.random.default_rng([seed, READOUT_STREAM])
    reads = 1 if watched is None else settled_readings(programs)
    found = [_seen(job, data, readout, reads) for job, data in zip(jobs, simulate_all(jobs), strict=True)]
    # Without amplifiers a crossbar's readout noise is white without limit and has no variance.
    white = spectrum_grid(instance, level) is None
    return [data for data in found if data.attrs["analysis"] != "noise" or "covariance" in data or not white]


def _jobs(instance: Instance, level: Level, programs: Sequence[Program], kind: str, seed: int) -> list[Job]:
    few = programs[: max(SPECTRA, len(programs) // PROGRAMS_PER_RESPONSE)]
    match kind:
        case "noise":
            grid = spectrum_grid(instance, level)
            if grid is None:
                return [calibration_job(instance, level, program, "noise") for program in programs[:SPECTRA]]
            options = {"frequencies": grid[0], "points_per_decade": grid[1]}
            return [calibration_job(instance, level, program, "noise", **options) for program in programs[:1]]
        case "record":
            long = RECORD_TIME_CONSTANTS * instance.design.tau
            return [calibration_job(instance, level, programs[0], "tran", noise=True, seed=seed, duration=long)]
        case "ac":
            return [calibration_job(instance, level, program, "ac") for program in few]
        case "op":
            return [calibration_job(instance, level, program, "op") for program in programs]
        case _:
            return [calibration_job(instance, level, program, "tran") for program in programs]


def calibration_job(instance: Instance, level: Level, program: Program, analysis: Analysis, **options: Any) -> Job:
    """A run in the scaling that the calibration uses."""
    return Job(instance, program, analysis, level, scaling=calibration_scaling(instance, program, level), **options)


def _seen(job: Job, data: xr.Dataset, readout: np.random.Generator, reads: int) -> xr.Dataset:
    converters = job.instance.design.converters
    if job.analysis == "op":
        return digitise(data, converters, readout, reads=reads)
    if job.analysis != "tran":
        return data
    # A noisy record keeps its equal steps.
    samples = min(SAMPLES, max(MOST_VALUES // job.program.n, SAMPLES // 8))
    return digitise(data, converters, readout, times=None if job.noise else samples)


def measure_transients(instance: Instance, level: Level, programs: Sequence[Program]) -> list[xr.Dataset]:
    """Each program in ngspice, from rest until settled.

    Raises:
        SimulatorError, ValueError: what went wrong with the first that failed.
    """
    return simulate_all([calibration_job(instance, level, program, "tran") for program in programs])


def simulate_all(jobs: Sequence[Job]) -> list[xr.Dataset]:
    """All of them in ngspice.

    Raises:
        SimulatorError, ValueError: what went wrong with the first that failed.
    """
    found = simulate_many(jobs)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return [trusted(result) for result in found if isinstance(result, xr.Dataset)]
