"""Long records in fewer values."""

import numpy as np
import pytest
from thermospice.measurements import averaged


def test_every_reading_counts_once():
    # Catches a last group that is lost, and readings at time zero that are of no group.
    times = np.linspace(0.0, 1.0, 100_001)
    v = np.stack([2 + 3 * times, np.ones_like(times)], axis=1)
    t, mean, count = averaged(times, v)
    assert count.sum() == len(times)
    assert len(t) < 3000
    np.testing.assert_allclose(count @ mean, v.sum(axis=0), rtol=1e-12)
    # The mean of a straight line is the line at the mean time.
    np.testing.assert_allclose(mean, np.stack([2 + 3 * t, np.ones_like(t)], axis=1), rtol=1e-12)


def test_readings_far_apart_stay_as_they_are():
    times = np.geomspace(1e-9, 1e-3, 200)
    t, mean, count = averaged(times, times[:, None])
    assert (count == 1).all()
    np.testing.assert_array_equal(t, times)
    np.testing.assert_array_equal(mean[:, 0], times)


def test_no_exponential_is_averaged_away():
    times = np.linspace(1e-6, 1.0, 1_000_001)
    tau = np.geomspace(1e-5, 10.0, 25)
    t, mean, _ = averaged(times, np.exp(-times[:, None] / tau))
    # Two readings apart by a part of the time have a variance of a quarter of that squared, more of them have less;
    # half of it by the steepest bend, 4 exp(-2)/t^2, and a hundredth more where that grows within the step.
    assert np.abs(mean - np.exp(-t[:, None] / tau)).max() < 1.01 * (0.0025**2 / 8) * 4 * np.exp(-2)


@pytest.mark.parametrize("quality", [3.0, 30.0])
def test_no_oscillation_is_averaged_away(quality):
    """Catches means over a part of the time that is short for a real exponential alone: they look like damping."""
    times = np.linspace(1e-6, 1.0, 1_000_001)
    poles = -np.geomspace(0.1, 300.0, 9) * (1 - 2j * quality)
    t, mean, _ = averaged(times, np.exp(times[:, None] * poles).real, ringing=np.hypot(1.0, 2 * quality))
    # As for exponentials: with this ratio of a pole to its real part, steps so much shorter see bends no larger.
    assert np.abs(mean - np.exp(t[:, None] * poles).real).max() < 1.01 * (0.0025**2 / 8) * 4 * np.exp(-2)
