"""The onset of ringing against gain-bandwidth: measured in SPICE, against the poles of the symbolic macro-model."""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

from ...circuits import DesignError, Instance, Program, stability_limit, with_gain_bandwidth
from ._row import Row
from ._subject import Subject

_LIMIT = 0.1
_FACTORS = (1.1, 1.25)
"""Gain-bandwidths above the limit at which the decay is measured."""
_GAIN = 4.0
"""A loop gain at which slow amplifiers ring; the drive is small, so that rails and slew stay out of it."""
_SMALL = 1e-2
_PERIODS = 40


def rows(subject: Subject) -> Iterator[Row]:
    """Of a cascade at level macro: its stages have no capacitor, so that their delay turns the feedback round."""
    J, H, damping = subject.program.factors or (np.zeros((0, 0)), np.zeros((0, 0)), 0.0)
    program = Program.from_factors(J, _GAIN * H, _GAIN * damping, _SMALL * subject.program.b)
    loud = Subject(subject.instance, program, subject.level, type(subject.scaling)(), subject.model, subject.seed)
    yield _onset(subject, loud)


def _onset(subject: Subject, loud: Subject) -> Row:
    metric = "onset of ringing, SPICE against symbolic gain-bandwidth"
    try:
        limit = stability_limit(loud.instance, loud.program)
    except DesignError as error:
        subject.failures.append(str(error))
        limit = None
    if limit is None:
        return subject.row("tran", metric, math.nan, _LIMIT)
    rates = [_decay(loud, with_gain_bandwidth(loud.instance, factor * limit)) for factor in _FACTORS]
    subject.failures.extend(loud.failures)
    # The decay of the ringing falls to zero at the onset.
    slope = (rates[1] - rates[0]) / (_FACTORS[1] - _FACTORS[0])
    return subject.row("tran", metric, abs(_FACTORS[0] - rates[0] / slope - 1), _LIMIT)


def _decay(loud: Subject, chip: Instance) -> float:
    """Decay rate [1/s] of the last ringing: energies of two windows of many periods."""
    space_poles = Subject(chip, loud.program, loud.level, loud.scaling, loud.model, loud.seed).space().poles
    slowest = space_poles[np.argmax(space_poles.real)]
    period = 2 * math.pi / abs(slowest.imag)
    data = loud.measure("tran", chip, duration=_PERIODS * period, max_step=period / 100)
    settled = loud.measure("op", chip)
    return math.nan if data is None or settled is None else _rate(data, settled["v"].values, period)


def _rate(data: xr.Dataset, settled: np.ndarray, period: float) -> float:
    half = _PERIODS / 2 * period
    energy = ((data["v"].values - settled) ** 2).sum(axis=1)
    grid = np.linspace(half, 2 * half, 4001)
    energy = np.interp(grid, data["time"].values, energy)
    return float(np.log(energy[:2000].sum() / energy[2001:].sum()) / half)
