"""The slow paths of one chip: its temperature, and the 1/f noise of its conductances."""

from math import ceil, exp, log, pi, sqrt

import numpy as np
import scipy
from jaxtyping import Float

from .._exceptions import DesignError
from ..components import Drift

_POINTS = 64
"""Points of the path in one correlation time; between them it is a straight line."""

_LONGEST = 3e7
"""Points of the longest path: a quarter of a gigabyte. A year at the usual correlation time of 100 s has 2e7."""

FLICKER_ACCURACY = 0.1
"""Relative scatter, from one path of 1/f noise to another, of the mean square by which a path changes within a time."""

# That scatter's square is at most this many times the distance of two lines in the logarithm of the frequency: by the
# cosine integral it is less than that at all times, of a band of one decade; of six decades a fifth of it.
_SCATTER_BY_DISTANCE = 0.25


def temperature_offset(drift: Drift, seed: int, time: float) -> float:
    """Deviation from the design's temperature at a time [s]: a stationary Ornstein-Uhlenbeck path [K].

    The path is exact on a grid of `temperature_time/64` and follows from the seed alone, so that every time asked
    for lies on the same path. Between grid points the variance is low by at most 1/128.

    Raises:
        DesignError: so many correlation times that the path does not fit into memory.
    """
    if drift.temperature_sigma == 0:
        return 0.0
    position = time * _POINTS / drift.temperature_time
    if position > _LONGEST:
        raise DesignError(
            f"time: expected at most {_LONGEST / _POINTS:,.0f} correlation times of the temperature path"
            f" (drift.temperature_time, {drift.temperature_time:g} s), got {time:g} s"
        )
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

    A stationary path for each: one line in each of equal steps of the logarithm of the frequency, from end to end of
    the band, of the variance that the density `flicker^2/f` has there, at a frequency drawn evenly within its step
    (spectral representation with random frequencies; Shinozuka and Deodatis, Appl. Mech. Rev. 44, 191, 1991). The mean
    over paths is then exact at every distance in time, `E[x(0) x(t)] = flicker^2 integral cos(2 pi f t)/f df`, however
    many lines there are: lines at fixed frequencies would beat together at times longer than their period by the
    number of them. How many there are decides how much a single path differs from a Gaussian one; see
    `FLICKER_ACCURACY`. The same state of `rng` gives the same paths, whatever the time.
    """
    length = log(drift.flicker_highest / drift.flicker_lowest)
    count = ceil(length * _SCATTER_BY_DISTANCE / FLICKER_ACCURACY**2)
    width = length / count
    path = np.zeros(shape)
    for k in range(count):
        phase = 2 * pi * time * drift.flicker_lowest * np.exp(width * (k + rng.random(shape)))
        cosine, sine = rng.standard_normal((2, *shape))
        path += np.cos(phase) * cosine + np.sin(phase) * sine
    return np.asarray(drift.flicker * sqrt(width) * path)
