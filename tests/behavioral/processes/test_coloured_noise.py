"""1/f noise: its spectrum within the stated error, and what it does to a device."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from thermospice.behavioral import FlickerNoise, OrnsteinUhlenbeck
from thermospice.behavioral.processes import with_coloured_noise

from .test_ornstein_uhlenbeck import error, process


@pytest.mark.parametrize(("per_decade", "stated"), [(1, 0.06), (2, 0.003), (3, 0.001)])
@pytest.mark.parametrize("band", [(1.0, 10.0), (0.1, 1e6)])
def test_spectrum_within_the_stated_error(per_decade: int, stated: float, band: tuple[float, float]) -> None:
    # On a grid that is not the one of `spectrum_error`. Catches a factor two (one-sided), rad/s for Hz, bare ends.
    noise = FlickerNoise(level=3e-12, low=band[0], high=band[1], per_decade=per_decade)
    f = np.geomspace(*band, 1237)
    worst = np.max(np.abs(noise.psd(f) * f / 3e-12 - 1.0))
    assert worst < stated
    assert_allclose(worst, noise.spectrum_error, rtol=0.02)


def test_process_has_that_spectrum() -> None:
    # The states' own spectral densities, by another route; independent, so their densities add.
    noise = FlickerNoise(level=1.0, low=1.0, high=1e4)
    f = np.geomspace(0.1, 1e5, 9)
    ou = noise.process()
    assert_allclose(ou.psd(f, readout=np.ones((1, ou.n)))[:, 0], noise.psd(f), rtol=1e-10)
    assert_allclose(np.diag(ou.stationary_covariance()), noise.variances, rtol=1e-13)


def test_device_with_flicker_noise() -> None:
    # S(f) = white part + H gains S_noise gains^T H^H. Catches the sign or transpose of the gains and sources that
    # are not independent of each other.
    ou, noise = process("unequal noise"), FlickerNoise(level=0.5, low=0.01, high=10.0, per_decade=3)
    gains = np.array([[1.0, 0.0], [2.0, -1.0], [0.0, 3.0]])
    both = with_coloured_noise(ou, gains, noise)
    f = np.array([0.0, 0.03, 0.5, 4.0])
    M = np.eye(3, both.n)
    for one, frequency in zip(both.cross_spectrum(f, M), f, strict=True):
        H = np.linalg.inv(ou.drift + 2j * np.pi * frequency * np.eye(3))
        coloured = noise.psd(np.array([frequency]))[0] / 2.0 * gains @ gains.T
        assert error(one, H @ (ou.diffusion + coloured) @ H.conj().T) < 1e-10
    assert_allclose(both.mean[:3], ou.mean)


def test_without_level_nothing_changes() -> None:
    ou = process("symmetric")
    both = with_coloured_noise(ou, np.ones((3, 1)), FlickerNoise(level=0.0, low=1.0, high=100.0))
    assert error(both.stationary_covariance()[:3, :3], ou.stationary_covariance()) < 1e-12
    assert isinstance(both, OrnsteinUhlenbeck)


def test_sampled_spectrum() -> None:
    # Averaged periodograms of sampled paths against the density: chi-square with 2 * paths degrees of freedom, so a
    # relative error 1/sqrt(paths) per bin; aliasing folds in what lies above Nyquist, so compare with the folded sum.
    noise, paths, count, dt = FlickerNoise(level=1.0, low=0.1, high=10.0), 400, 512, 0.02
    x = noise.process().sample(np.arange(count) * dt, None, np.random.default_rng(6), paths=paths).sum(axis=2)
    window = np.hanning(count)
    spectrum = np.abs(np.fft.rfft(x * window, axis=1)) ** 2 * 2.0 * dt / np.sum(window**2)
    f = np.fft.rfftfreq(count, dt)
    keep = (f > 0.5) & (f < 5.0)
    folded = sum(noise.psd(np.abs(f + k / dt)) for k in range(-200, 201))
    z = (spectrum.mean(axis=0) / folded - 1.0)[keep] * np.sqrt(paths)
    # Neighbouring bins share the window: the mean of all has less spread than one bin.
    assert abs(np.mean(z)) < 2.0
    assert np.max(np.abs(z)) < 5.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": -1.0}, "level"),
        ({"low": 0.0}, "band"),
        ({"high": 0.5}, "band"),
        ({"per_decade": 0}, "per decade"),
    ],
)
def test_bad_input_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FlickerNoise(**{"level": 1.0, "low": 1.0, "high": 10.0, **options})
