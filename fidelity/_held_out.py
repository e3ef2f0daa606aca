"""Programs and a temperature that a calibration never saw: SPICE against the calibrated model."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from ..behavioral import Calibration, Correction, DeviceModel, compare
from ..behavioral.calibration import judge_held_out
from ..circuits import Instance, Scaling
from ..measurements import Analysis, calibration_programs, read_measurement
from ..netlists import Job
from ..netlists.runs import calibration_job, simulate_all
from .subjects import amplifier_band, limit

HeldOutRow = dict[str, Any]

WARMER = 30.0
"""Every second program is measured this much above the temperature of the calibration [K]."""

_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "nrms": "tran",
        "covariance_error": "noise",
        "variance_error": "noise",
        "psd_error_db": "spectra",
        "worst_db": "spectra",
    }
)
"""By metric, what its limit is called."""
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "nrms": "mean waveform, normalised rms",
        "covariance_error": "covariance, Frobenius",
        "variance_error": "variance within the five decades",
        "psd_error_db": "noise densities, dB",
        "worst_db": "response within 60 dB of its peak, dB",
    }
)
_ANALYSES: tuple[Analysis, ...] = ("tran", "ac", "noise")
_STREAM = 5


def rows(instance: Instance, fitted: Calibration, count: int, seed: int) -> list[HeldOutRow]:
    """The worst of each metric over the held-out programs, at the temperature of the calibration and above."""
    device = fitted.model
    programs = calibration_programs(instance, count, np.random.default_rng([seed, _STREAM]))
    warmer = instance.design.temperature + WARMER
    pairs = [(instance, device), (_at(instance, warmer), replace(device, instance=_at(device.instance, warmer)))]
    jobs = []
    models = []
    for k, program in enumerate(programs):
        chip, model = pairs[k % 2]
        for analysis in _ANALYSES:
            options: dict[str, Any] = (
                {} if analysis == "tran" else {"frequencies": amplifier_band(chip.design, device.level)}
            )
            jobs.append(calibration_job(chip, device.level, program, analysis, **options))
            models.append(model)
    worst: dict[tuple[str, str, float], HeldOutRow] = {}
    measured = simulate_all(jobs)
    for job, model, data in zip(jobs, models, measured, strict=True):
        found = compare(data, model)
        more = {"variance_error": _variance_error(data, model)} if _is_band(job) else {}
        found = replace(found, metrics={**found.metrics, **more})
        for name in _LIMITS:
            if name in found.metrics:
                row = _row(job, found.row(limit(_LIMITS[name], job.level), name))
                key = (row["analysis"], name, row["temperature"])
                if key not in worst or not row["value"] <= worst[key]["value"]:
                    worst[key] = row
    return [*worst.values(), *_by_its_error_bars(fitted, jobs, measured)]


def _by_its_error_bars(fitted: Calibration, jobs: list[Job], measured: list[xr.Dataset]) -> list[HeldOutRow]:
    """Waveforms by the error that the calibration says they have; a row for each temperature.

    Transistors have no row: of them the macro-model errs by what no error bar holds, and the bands above say how far.
    """
    found = []
    for temperature in dict.fromkeys(job.instance.design.temperature for job in jobs):
        mine = [
            (job, data)
            for job, data in zip(jobs, measured, strict=True)
            if job.analysis == "tran" and job.instance.design.temperature == temperature
        ]
        if fitted.model.level == "transistor" or not mine:
            continue
        check = judge_held_out(fitted, [data for _, data in mine])
        job, _ = mine[0]
        row = {
            "topology": job.instance.topology.name,
            "level": job.level,
            "size": job.instance.topology.n,
            "analysis": "tran",
            "metric": "held out: waveforms, squared error by its error bar",
            "value": check.statistic,
            "limit": check.limit,
            "passed": check.passed,
            "temperature": temperature,
        }
        found.append(row)
    return found


def corrected(instance: Instance, device: DeviceModel, count: int, seed: int) -> dict[str, float]:
    """Relative error of the settled answer in SPICE, worst of the held-out programs: as it is, and with the drive
    corrected by the calibration. Empty for a device that answers by a covariance."""
    if instance.topology.answer != "mean":
        return {}
    programs = calibration_programs(instance, count, np.random.default_rng([seed, _STREAM]))
    jobs = [calibration_job(instance, device.level, program, "op") for program in programs]
    better = [
        replace(job, program=Correction.of(device, job.program, job.scaling).program(job.program)) for job in jobs
    ]
    settled = [data["v"].values for data in simulate_all([*jobs, *better])]
    errors = [
        float(np.linalg.norm(v / job.scaling.drive - program.solution) / np.linalg.norm(program.solution))
        for v, job, program in zip(settled, [*jobs, *better], [*programs, *programs], strict=True)
    ]
    return {"before": max(errors[:count]), "after": max(errors[count:])}


def _is_band(job: Job) -> bool:
    return job.analysis == "noise" and job.frequencies is not None


def _variance_error(data: xr.Dataset, model: DeviceModel) -> float:
    """Largest relative error of a readout's variance over the band that was measured."""
    frequency = data["frequency"].values
    psd = data["psd"].values
    scaling = Scaling(data.attrs["conductance_scale"], data.attrs["drive_scale"])
    expected = model.response(read_measurement(data).program, scaling, allow_clipping=True).psd(frequency)
    gaps = np.diff(frequency)
    measured, modelled = (gaps @ (values[1:] + values[:-1]) / 2 for values in (psd, expected))
    return float(np.max(np.abs(modelled / measured - 1)))


def _row(job: Job, row: HeldOutRow) -> HeldOutRow:
    return {**row, "metric": f"held out: {_NAMES[row['metric']]}", "temperature": job.instance.design.temperature}


def _at(instance: Instance, temperature: float) -> Instance:
    design = instance.design.model_copy(update={"temperature": temperature})
    return replace(instance, design=design)
