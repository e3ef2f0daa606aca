"""Single readings that are far off both their neighbours, where nothing else of the record is."""

import numpy as np
from jaxtyping import Bool, Float

_FAR = 10.0
"""Times its standard deviation: no noise does this in any record."""

_MOST = 0.02
"""Part of a record that may be such readings; of more, something else is wrong."""

_CLEARED = 0.2
"""Without the reading its neighbours lie so much nearer to their own; on a curve they would lie farther."""


def outliers(times: Float[np.ndarray, " t"], v: Float[np.ndarray, "t n"], sigma: float) -> Bool[np.ndarray, " t"]:
    """Which readings to leave out; none where there are too many of them."""
    found = np.zeros(len(times), dtype=bool)
    if sigma <= 0 or len(times) < 7:
        return found
    off = _deviations(times, v)
    for k in map(int, np.flatnonzero((np.abs(off) > _FAR * sigma * np.sqrt(1.5)).any(axis=1))):
        cell = int(np.argmax(np.abs(off[k])))
        near = np.arange(max(k - 3, 0), min(k + 4, len(times)))
        without = near[near != k]
        left = np.abs(_deviations(times[without], v[without][:, [cell]])).max()
        largest = abs(off[near, cell]).max() == abs(off[k, cell])
        found[k] = largest and left < max(_CLEARED * abs(off[k, cell]), _FAR * sigma)
    return found if found.sum() <= max(1, _MOST * len(times)) else np.zeros(len(times), dtype=bool)


def _deviations(times: Float[np.ndarray, " t"], v: Float[np.ndarray, "t n"]) -> Float[np.ndarray, "t n"]:
    """Each reading from the straight line between its neighbours [V]; zero at both ends."""
    off = np.zeros_like(v)
    weight = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None]
    off[1:-1] = v[1:-1] - (1 - weight) * v[:-2] - weight * v[2:]
    return off
