"""Arrays that come from outside, as plain ones."""

from typing import Any

import numpy as np


def with_gaps(value: object) -> object:
    """The value itself; of a masked array its numbers, with nan where the mask hides one.

    `np.asarray` would give what stands below the mask as if it were measured.
    """
    if not isinstance(value, np.ma.MaskedArray) or np.iscomplexobj(value):
        return value
    return np.where(np.ma.getmaskarray(value), np.nan, np.asarray(value, dtype=float))


def real_numbers(value: Any, what: str) -> np.ndarray:
    """The numbers as a float array, with nan in gaps.

    Raises:
        ValueError: complex numbers, of which numpy would take the real part.
    """
    value = with_gaps(value)
    if np.iscomplexobj(value):
        raise ValueError(f"{what}: expected real numbers, got complex ones.")
    return np.array(value, dtype=float)
