"""Arrays that come from outside."""

import numpy as np
import pytest
from thermospice.files.arrays import real_numbers


@pytest.mark.parametrize("value", [np.array([1.0 + 0.1j]), [1j], 2 + 0j, np.ma.masked_array([1j, 2.0], [True, False])])
def test_complex_numbers_are_refused(value):
    # Catches numpy's real part alone, with a warning that scripts swallow.
    with pytest.raises(ValueError, match="drift: expected real numbers, got complex ones"):
        real_numbers(value, "drift")


def test_what_a_mask_hides_is_a_gap():
    np.testing.assert_array_equal(real_numbers(np.ma.masked_array([99.0, 2.0], [True, False]), "v"), [np.nan, 2.0])
    np.testing.assert_array_equal(real_numbers([[1, 2]], "v"), np.array([[1.0, 2.0]]))
