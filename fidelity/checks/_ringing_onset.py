"""The onset of ringing against gain-bandwidth: measured in SPICE, against the poles of the symbolic macro-model."""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr

from ...behavioral import DeviceModel
from ...circuits import Cascade, Crossbar, DesignError, Instance, Program, Scaling, stability_limit
from ...circuits.loaded_chips import with_gain_bandwidth
from ..subjects import Row, Subject

_LIMIT = 0.1
_FACTORS = (1.1, 1.25)
"""Gain-bandwidths above the limit at which the decay is measured."""
_GAIN = 4.0
"""A loop gain at which slow amplifiers ring; the drive is small, so that rails and slew stay out of it."""
_SMALL = 1e-2
_TURNING = ((0.05, -1.0), (1.0, 0.05))
_STREAM = 23
_PERIODS = 40


def rows(subject: Subject) -> Iterator[Row]:
    """Rows of loops through amplifiers, at level macro.

    Passive cells have none, and a crossbar with real eigenvalues has no limit.
    """
    loud = _loud(subject)
    if loud is not None:
        yield _onset(loud)


def _loud(subject: Subject) -> Subject | None:
    """A chip that rings with slow amplifiers: a cascade, whose stages have no capacitor, so that their delay turns the
    feedback round; or two cells of a crossbar that turn into each other.
    """
    chip = subject.instance
    factors = subject.program.factors
    if isinstance(chip.topology, Cascade) and factors is not None:
        J, H, damping = factors
        program = Program.from_factors(J, _GAIN * H, _GAIN * damping, _SMALL * subject.program.b)
    elif isinstance(chip.topology, Crossbar):
        chip = chip.design.sample(Crossbar(2), np.random.default_rng([subject.seed, _STREAM]))
        program = Program(_TURNING, [_SMALL, _SMALL])
    else:
        return None
    model = DeviceModel.nominal(chip, subject.level)
    return Subject(chip, program, subject.level, Scaling(), model, subject.seed, failures=subject.failures)


def _onset(loud: Subject) -> Row:
    metric = "onset of ringing, SPICE against symbolic gain-bandwidth"
    try:
        limit = stability_limit(loud.instance, loud.program)
    except DesignError as error:
        loud.failures.append(str(error))
        limit = None
    if limit is None:
        return loud.row("tran", metric, math.nan, _LIMIT)
    rates = [_decay(loud, with_gain_bandwidth(loud.instance, factor * limit)) for factor in _FACTORS]
    # The decay of the ringing falls to zero at the onset.
    slope = (rates[1] - rates[0]) / (_FACTORS[1] - _FACTORS[0])
    return loud.row("tran", metric, abs(_FACTORS[0] - rates[0] / slope - 1), _LIMIT)


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
