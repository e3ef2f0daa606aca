"""Arguments and results of a process, checked."""

import numpy as np
from jaxtyping import Float

from ...files.arrays import real_numbers
from ..propagation import Time


def frozen(name: str, value: np.ndarray) -> np.ndarray:
    """A copy that nobody can write to.

    Raises:
        ValueError: an entry that is not finite.
    """
    array = real_numbers(value, f"OrnsteinUhlenbeck: {name}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"OrnsteinUhlenbeck: expected finite numbers in {name}, got nan or inf.")
    array.flags.writeable = False
    return array


def times_of(what: str, t: Time) -> Float[np.ndarray, " times"]:
    """One time, or a row of them, as a row.

    Raises:
        ValueError: a time below zero, one that is no number, or more than one row.
    """
    times = np.atleast_1d(real_numbers(t, what))
    if times.ndim != 1 or np.any(np.isnan(times)) or np.any(times < 0.0):
        raise ValueError(f"{what}: expected times of at least 0, one number or one row, got {t!r}.")
    return times


def checked(what: str, values: np.ndarray) -> np.ndarray:
    """What was computed.

    Raises:
        ValueError: an entry that is not finite.
    """
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{what}: the unstable drift overflows within the time asked for.")
    return values
