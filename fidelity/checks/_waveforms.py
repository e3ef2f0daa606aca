"""SPICE against the behavioural model: settled voltages, waveforms, responses, covariances, spectra."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import scipy
import xarray as xr

from ...behavioral import DeviceModel, compare
from ...measurements import Analysis
from ..subjects import DECADES, Asked, Row, Subject, amplifier_band, decibels, limit, relative

EXACT: Mapping[str, float] = {
    # An ideal amplifier is a source of gain 1e7 in SPICE and a nullor in the model: rows of conductances up to 8 and
    # a condition number of 10 make that 1e-5 at most. The iteration itself stops at reltol 1e-6.
    "op": 1e-5,
    "ac": 1e-5,
    # Local errors of reltol 1e-6 add up over some hundred steps.
    "tran": 1e-4,
    # The integral over frequency is made for 1e-5, ngspice's own Boltzmann constant is 3.6e-7 off, and the ideal
    # amplifier's gain enters as above.
    "noise": 1e-4,
    # A density that is 1e-4 off is 4.3e-4 dB off.
    "spectra": 5e-4,
}
NAMES = {
    "relative_error": "relative error",
    "nrms": "normalised rms",
    "covariance_error": "covariance, Frobenius",
}


def limits(subject: Subject) -> Mapping[str, float]:
    """Limits by analysis."""
    if subject.level != "transistor" and not subject.calibrated:
        return EXACT
    return {name: limit(name, subject.level) for name in EXACT}


def rows(subject: Subject) -> Iterator[Row]:
    """Each analysis of one chip."""
    subject.measure_side_by_side([asked(subject, analysis) for analysis in subject.analyses])
    for analysis in subject.analyses:
        yield from compared(subject, analysis, subject.measure(analysis), subject.model)


def large_rows(subject: Subject) -> Iterator[Row]:
    """Rows of a chip for which covariances and waveforms cost minutes: settled voltages, and a coarse response."""
    if subject.mean:
        yield from compared(subject, "op", subject.measure("op"), subject.model)
    yield from compared(subject, "ac", subject.measure("ac", points_per_decade=5), subject.model)


def compared(
    subject: Subject, analysis: Analysis, data: xr.Dataset | None, model: DeviceModel, of: str = "SPICE against model"
) -> Iterator[Row]:
    """One measurement against a model; a failed simulation is a failed row."""
    wanted = limits(subject)
    if data is None:
        yield subject.row(analysis, "simulation", math.nan, wanted[analysis])
        return
    if analysis != "noise" or "covariance" in data:
        row = compare(data, model).row(wanted[analysis])
        yield {**row, "metric": f"{of}, {NAMES[row['metric']]}"}
    if analysis == "noise":
        error = spectrum_error(subject, data, model)
        yield subject.row("noise", f"{of}, densities over {DECADES} decades, dB", error, wanted["spectra"])


def spectrum_error(subject: Subject, data: xr.Dataset, model: DeviceModel) -> float:
    """Largest ratio of densities [dB] over five decades, from a hundredth of the slowest pole upwards."""
    slowest = float(np.abs(subject.space().poles.real).min()) / (2 * math.pi)
    f = data["frequency"].values
    psd = data["psd"].values
    inside = (f >= slowest / 100) & (f <= slowest / 100 * 10**DECADES)
    expected = model.response(subject.program, subject.scaling, allow_clipping=True).psd(f[inside])
    return decibels(expected / psd[inside])


def transistor_rows(subject: Subject, waveforms: bool) -> Iterator[Row]:
    """Transistors against the macro-model that stands for them."""
    analyses = [analysis for analysis in subject.analyses if analysis != "tran" or waveforms]
    subject.measure_side_by_side([asked(subject, analysis) for analysis in analyses])
    for analysis in analyses:
        if analysis == "noise":
            yield from band_rows(subject, subject.model)
        elif analysis == "ac":
            yield from compared(subject, "ac", subject.measure("ac", frequencies=_band(subject)), subject.model)
        else:
            yield from compared(subject, analysis, subject.measure(analysis), subject.model)


def band_rows(subject: Subject, model: DeviceModel, of: str = "SPICE against model") -> Iterator[Row]:
    """Noise within the band of the amplifiers."""
    power, spectra = band_errors(subject, model)
    yield subject.row("noise", f"{of}, noise power in the amplifiers' band", power, limits(subject)["noise"])
    metric = f"{of}, densities over {DECADES} decades, dB"
    yield subject.row("noise", metric, spectra, limits(subject)["spectra"])


def band_errors(subject: Subject, model: DeviceModel) -> tuple[float, float]:
    """Relative error of the power and largest ratio of densities [dB] within the band of the amplifiers."""
    data = subject.measure("noise", frequencies=_band(subject))
    if data is None:
        return math.nan, math.nan
    f = data["frequency"].values
    psd = data["psd"].values
    expected = model.response(subject.program, subject.scaling, allow_clipping=True).psd(f)
    found, wanted = (np.asarray(scipy.integrate.trapezoid(density, f, axis=0)) for density in (psd, expected))
    return relative(found - wanted, found), decibels(expected / psd)


def asked(subject: Subject, analysis: Analysis) -> Asked:
    """An analysis as it is measured here: spectra of transistors within the band of the amplifiers."""
    if subject.level == "transistor" and analysis in ("ac", "noise"):
        return Asked(analysis, options={"frequencies": _band(subject)})
    return Asked(analysis)


def _band(subject: Subject) -> tuple[float, float] | None:
    return amplifier_band(subject.instance.design, subject.level)
