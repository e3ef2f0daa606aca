"""A model calibrated on measurements of the chip, against SPICE on programs that the calibration did not see."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...behavioral import DeviceModel, calibrate, compare
from ...circuits import Program, ProgramError
from ...measurements import Analysis, calibration_programs, calibration_scaling, check_programs
from ...netlists import SimulatorError, measure_for_calibration
from ..subjects import DECADES, Row, Subject, limit
from ._waveforms import asked, band_errors, spectrum_error

_HELD_OUT = 2
_STREAM = 22
_METRICS: dict[str, tuple[Analysis, str]] = {
    "tran": ("tran", "calibrated, held-out programs, normalised rms"),
    "noise": ("noise", "calibrated, held-out programs, covariance, Frobenius"),
    "spectra": ("noise", f"calibrated, held-out programs, densities over {DECADES} decades, dB"),
}

_BAND: dict[str, tuple[Analysis, str]] = {
    "noise": ("noise", "calibrated, held-out programs, noise power in the amplifiers' band")
}


def verdict_row(subject: Subject) -> Iterator[Row]:
    """How many checks of its own calibration contradict the model; none for a model that was not fitted."""
    verdict = subject.model.verdict
    if verdict.status == "unjudged":
        return
    metric = f"checks of its calibration that contradict it, of {len(verdict.checks)}"
    row = subject.row("calibration", metric, float(len(verdict.contradictions)), 0.0)
    yield {**row, "reason": str(verdict)} if verdict.contradicted else row


def rows(subject: Subject) -> Iterator[Row]:
    """The worst of the held-out programs."""
    found = _worst(subject)
    metrics = _METRICS | (_BAND if subject.level == "transistor" else {})
    for name, (analysis, metric) in metrics.items():
        if name in found:
            yield subject.row(analysis, metric, found[name], limit(name, subject.level))


def _worst(subject: Subject) -> dict[str, float]:
    rng = np.random.default_rng([subject.seed, _STREAM])
    count = check_programs(None, subject.instance.topology)
    try:
        measured = measure_for_calibration(subject.instance, subject.level, count, subject.seed)
        model = calibrate(measured)
        programs = calibration_programs(subject.instance, _HELD_OUT, rng)
    except (SimulatorError, ValueError, ProgramError) as error:
        subject.failures.append(f"calibration: {error}")
        return dict.fromkeys(_METRICS, math.nan)
    each = [_errors(subject, model, program) for program in programs]
    # A NaN is the worst.
    return {name: float(np.max([errors[name] for errors in each])) for name in each[0]}


def _errors(subject: Subject, model: DeviceModel, program: Program) -> dict[str, float]:
    scaling = calibration_scaling(subject.instance, program, subject.level)
    seen = replace(subject, program=program, scaling=scaling, calibrated=True, _found={})
    seen.measure_side_by_side([asked(seen, "tran"), asked(seen, "noise")])
    tran = seen.measure("tran")
    found = {"tran": math.nan if tran is None else compare(tran, model).value}
    if subject.level == "transistor":
        found["noise"], found["spectra"] = band_errors(seen, model)
        return found
    noise = seen.measure("noise")
    # Without amplifiers a crossbar's readout noise is white without limit and has no variance.
    if noise is None or "covariance" in noise:
        found["noise"] = math.nan if noise is None else compare(noise, model).value
    found["spectra"] = math.nan if noise is None else spectrum_error(seen, noise, model)
    return found
