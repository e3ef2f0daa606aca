"""The slow temperature path of one chip."""

from math import exp, sqrt

import numpy as np
import scipy.signal

from ._design import Drift

_POINTS = 64
"""Points of the path in one correlation time; between them it is a straight line."""


def temperature_offset(drift: Drift, seed: int, time: float) -> float:
    """Deviation from the design's temperature at a time [s]: a stationary Ornstein-Uhlenbeck path [K].

    The path is exact on a grid of `temperature_time/64` and follows from the seed alone, so that every time asked
    for lies on the same path. Between grid points the variance is low by at most 1/128.
    """
    if drift.temperature_sigma == 0:
        return 0.0
    position = time * _POINTS / drift.temperature_time
    before = int(position)
    # The stream of normals is the same however many are asked for.
    z = np.random.default_rng(seed).standard_normal(before + 2)
    decay = exp(-1 / _POINTS)
    z[1:] *= sqrt(1 - decay**2)
    path = drift.temperature_sigma * scipy.signal.lfilter([1.0], [1.0, -decay], z)
    return float(np.interp(position - before, [0.0, 1.0], path[-2:]))
