"""Durations in words."""

import pytest
from thermospice.files.quantities import duration_text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.034, "0.034 s"),
        (92.0, "92 s"),
        (99.7, "1.7 min"),
        (150.0, "2.5 min"),
        (5990.0, "1.7 h"),
        (7200.0, "2 h"),
        (432_000.0, "120 h"),
    ],
)
def test_a_duration_has_two_digits_and_no_exponent(seconds, words):
    # Catches "1e+02 s" just below a hundred, and "1.2e+02 h" of what takes days.
    assert duration_text(seconds) == words
