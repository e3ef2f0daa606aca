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
)
from ..decks import Job
from ._agreement import trusted
from ._many import simulate_many


def measure_for_calibration(
    instance: Instance, level: Level, programs: int, seed: int, kinds: Sequence[str] | None = None
) -> list[xr.Dataset]:
    """Random programs on a chip: settled voltages and transients as the converters see them, responses, noise.

    Raises:
        SimulatorError, ValueError: what went wrong with the first run that failed.
    """
    chosen = calibration_programs(instance, programs, np.random.default_rng([seed, PROGRAM_STREAM]))
    wanted = check_kinds(kinds, instance, level)
    jobs = [job for kind in wanted for job in _jobs(instance, level, chosen, kind, seed)]
    readout = np.random.default_rng([seed, READOUT_STREAM])
    found = [_seen(job, data, readout) for job, data in zip(jobs, simulate_all(jobs), strict=True)]
    # Without amplifiers a crossbar's readout noise is white without limit and has no variance.
    return [data for data in found if data.attrs["analysis"] != "noise" or "covariance" in data]


def _jobs(instance: Instance, level: Level, programs: Sequence[Program], kind: str, seed: int) -> list[Job]:
    few = programs[: max(SPECTRA, len(programs) // PROGRAMS_PER_RESPONSE)]
    match kind:
        case "noise":
            # Of n cells it takes n (n + 1)/2 analyses.
            return [calibration_job(instance, level, program, "noise") for program in programs[:SPECTRA]]
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


def _seen(job: Job, data: xr.Dataset, readout: np.random.Generator) -> xr.Dataset:
    if job.analysis not in ("op", "tran"):
        return data
    # A noisy record keeps its equal steps.
    samples = min(SAMPLES, max(MOST_VALUES // job.program.n, SAMPLES // 8))
    times = samples if job.analysis == "tran" and not job.noise else None
    return digitise(data, job.instance.design.converters, readout, times=times)


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
