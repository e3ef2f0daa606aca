"""The slow paths of one chip: its temperature, and the 1/f noise of its conductances."""

from math import ceil, exp, log, log10, pi, sqrt

import numpy as np
import scipy.signal
from jaxtyping import Float

from ._design_parts import Drift

_POINTS = 64
"""Points of the path in one correlation time; between them it is a straight line."""

_LINES = 8
"""Lines of the 1/f spectrum in a decade."""


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


def conductance_flicker(
    drift: Drift, rng: np.random.Generator, shape: tuple[int, ...], time: float
) -> Float[np.ndarray, "*shape"]:
    """Relative deviations of conductances at a time [s] by their 1/f noise.

    A stationary Gaussian path for each: lines spaced evenly in the logarithm of the frequency, each of the variance
    that the density `flicker^2/f` has around it (spectral representation; Shinozuka and Deodatis, Appl. Mech. Rev.
    44, 191, 1991). The same state of `rng` gives the same paths, whatever the time.
    """
    decades = log10(drift.flicker_highest / drift.flicker_lowest)
    count = ceil(decades * _LINES)
    width = decades * log(10) / count
    frequencies = drift.flicker_lowest * np.exp(width * (np.arange(count) + 0.5))
    phase = 2 * pi * frequencies * time
    cosines, sines = rng.standard_normal((2, count, *shape))
    path = np.tensordot(np.cos(phase), cosines, 1) + np.tensordot(np.sin(phase), sines, 1)
    return np.asarray(drift.flicker * sqrt(width) * path)
