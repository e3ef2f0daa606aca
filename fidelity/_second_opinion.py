"""ngspice against VACASK, two simulators without common code, on the same network."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from ..measurements import Analysis
from ..netlists import SimulationFailed, second_opinion
from .checks import NAMES
from .subjects import Row, Subject, relative

_LIMITS: Mapping[str, float] = {
    # The same equations, piecewise linear: both iterations end on the solution, stopped at 3e-7 and 1e-7.
    "op": 1e-6,
    # ngspice stretches its grid by up to 1e-9, which a resonance multiplies by some tens.
    "ac": 1e-6,
    # Twice the local errors of level `tran` of one simulator, and the linear interpolation between ngspice's points:
    # steps of a fortieth of a time constant err by (1/40)^2/8 = 8e-5.
    "tran": 3e-4,
    # Boltzmann's constant is 1.38064852e-23 J/K in ngspice and 1.3806503e-23 J/K in VACASK, 1.3e-6 apart; ngspice
    # writes the root of a density.
    "noise": 5e-6,
}
# A readout with white noise without limit has densities but no covariance.
_COMPARED = {
    "covariance": NAMES["covariance_error"],
    "psd": "densities, relative error",
    "v_re": NAMES["relative_error"],
    "v": NAMES["relative_error"],
}

_WHOLE = 4

# Densities are compared down to this part of the peak. VACASK loses what is far fainter: beyond
# 1e11 Hz the density of one readout of a cascade of 8 cells is 36 times that of ngspice and of the
# model. Integrated, that is 2e-4 of a covariance, and of many cells only the densities are compared.
_FAINT = 1e-6


def rows(subject: Subject) -> Iterator[Row]:
    """None for transistors, which VACASK is not asked about."""
    if subject.level != "transistor":
        yield from (_opinion(subject, analysis) for analysis in subject.analyses)


def _opinion(subject: Subject, analysis: Analysis) -> Row:
    first = subject.measure(analysis)
    try:
        second = second_opinion(subject.instance, subject.program, analysis, subject.level, scaling=subject.scaling)
    except SimulationFailed:
        second = None
    name = "simulation"
    error = math.nan
    if first is not None and second is not None:
        name, error = _disagreement(first, second)
    return subject.row(analysis, f"ngspice against VACASK, {name}", error, _LIMITS[analysis])


def _disagreement(first: xr.Dataset, second: xr.Dataset) -> tuple[str, float]:
    """Name and value of the distance between two measurements of one network."""
    if "time" in second:
        times = second["time"].values
        v = second["v"].values
        between = [np.interp(times, first["time"].values, cell) for cell in first["v"].values.T]
        return NAMES["nrms"], relative(np.stack(between, axis=1) - v, v)
    whole = second.sizes["cell"] <= _WHOLE
    name = next(name for name in _COMPARED if name in second and (whole or name != "covariance"))
    a, b = (_values(data, name) for data in (first, second))
    if name == "psd":
        a, b = (np.where(b >= _FAINT * b.max(axis=0), values, 0.0) for values in (a, b))
    return _COMPARED[name], relative(a - b, b)


def _values(data: xr.Dataset, name: str) -> np.ndarray:
    values = data[name].values
    return values + 1j * data["v_im"].values if name == "v_re" else values
