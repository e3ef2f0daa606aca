"""Long records in fewer values: neighbouring readings, whose errors are independent, in one."""

import numpy as np
from jaxtyping import Float

MANY_TIMES = 4_000
"""Readings of a waveform beyond which a fit takes means of neighbours: what it costs grows with their number."""

_TOGETHER = 0.0025
"""Longest part of the time since the start that is averaged: a few thousand means, whatever the record is."""


def averaged(
    times: Float[np.ndarray, " times"], v: Float[np.ndarray, "times n"], ringing: float = 1.0
) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, "k n"], Float[np.ndarray, " k"]]:
    """Means of neighbouring times [s] and of the voltages [V] there, and how many readings are in each.

    No exponential `exp(-t/tau)` bends more at t than by `4 exp(-2)/t^2`: of two readings t/400 apart the mean is off
    its value at their mean time by 4e-7 of its amplitude, that of many by a third of it. A million readings of
    a thousandth each do not see that. An oscillation `exp(p t)` bends `(|p| / |Re p|)^2` times as much, so that so much
    less is put together: `ringing` is the largest such ratio, without the square.
    """
    logarithm = np.log(np.maximum(times, np.finfo(float).tiny))
    first = np.flatnonzero(np.diff(np.floor(logarithm * ringing / _TOGETHER), prepend=-np.inf))
    count = np.diff(first, append=len(times)).astype(float)
    return np.add.reduceat(times, first) / count, np.add.reduceat(v, first) / count[:, None], count
