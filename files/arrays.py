"""Arrays that come from outside, as plain ones."""

import numpy as np


def with_gaps(value: object) -> object:
    """The value itself; of a masked array its numbers, with nan where the mask hides one.

    `np.asarray` would give what stands below the mask as if it were measured.
    """
    if not isinstance(value, np.ma.MaskedArray):
        return value
    return np.where(np.ma.getmaskarray(value), np.nan, np.asarray(value, dtype=float))
