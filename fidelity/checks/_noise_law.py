"""The full law of a noisy transient: variance, normality, memory; with the sample size that its correlation leaves."""

import math
from collections.abc import Iterator

import numpy as np
import scipy
import xarray as xr
from jaxtyping import Float

from ...circuits.state_spaces import StateSpace
from ...netlists.timing import held_noise_covariance
from ..subjects import Z_SCORE, Row, Subject

_INDEPENDENT = 200

# The first samples are left out: each of a rail pair starts at half its difference and settles
# millivolts away, and the noise is microvolts.
_FORGOTTEN = 4

# In time constants of the slowest mode: its memory is then exp(-1/2).
_LAG = 0.5

# For a distance between distributions, the chance that a z-score of four has.
_SIGNIFICANCE = 6e-5


def rows(subject: Subject) -> Iterator[Row]:
    """Sum of squares, Kolmogorov-Smirnov distance and autocovariance of one seeded record."""
    space = subject.space()
    slowest = 1 / float(np.abs(space.poles.real).min())
    # Six time constants apart, two samples share exp(-12) of their variance: they count as independent.
    spacing = 6 * slowest
    duration = (_INDEPENDENT + _FORGOTTEN) * spacing
    data = subject.measure("tran", noise=True, seed=subject.seed, duration=duration, x0=space.settled)
    if data is None:
        for metric, limit in _METRICS.items():
            yield subject.row("tran", metric, math.nan, limit)
        return
    data = data.isel(time=data["time"].values > _FORGOTTEN * spacing)
    white = _whitened(data, space, spacing)
    z, distance, memory = _METRICS
    yield subject.row("tran", z, abs(_chi_square_z(white)), Z_SCORE, interval=_around(_chi_square_z(white)))
    test = scipy.stats.kstest(white.ravel(), "norm")
    critical = float(scipy.stats.kstwo.isf(_SIGNIFICANCE, white.size))
    yield subject.row("tran", distance, float(test.statistic), critical)
    score = _memory_z(data, space, _LAG * slowest)
    yield subject.row("tran", memory, abs(score), Z_SCORE, interval=_around(score))


_METRICS = {
    "seeded noise, sum of squares, z-score": Z_SCORE,
    "seeded noise, whole law, Kolmogorov-Smirnov": 1.0,
    "seeded noise, autocovariance, z-score": Z_SCORE,
}


def _around(score: float) -> tuple[float, float]:
    return abs(score) - 1.96, abs(score) + 1.96


def _whitened(data: xr.Dataset, space: StateSpace, spacing: float) -> Float[np.ndarray, "times n"]:
    """Independent samples, whitened by the exact covariance of held noise: standard normal when the law is right."""
    hold = float(data.attrs["noise_step"])
    stride = math.ceil(spacing / hold)
    v = data["v"].values[stride - 1 :: stride]
    # About their own mean: SPICE's amplifiers of gain 1e7 settle some microvolts away, as far as the noise itself.
    v = v - v.mean(axis=0)
    root = np.linalg.cholesky(held_noise_covariance(space, hold))
    return np.asarray(scipy.linalg.solve_triangular(root, v.T, lower=True).T)


def _chi_square_z(white: Float[np.ndarray, "times n"]) -> float:
    # A chi-square of N degrees of freedom has mean N and variance 2 N; the mean has taken one for each cell.
    freedom = white.size - white.shape[1]
    return float((np.sum(white**2) - freedom) / math.sqrt(2 * freedom))


def _memory_z(data: xr.Dataset, space: StateSpace, lag: float) -> float:
    """The autocovariance at a lag against `M exp(-F lag) P M^T`, as a normal deviate.

    Products of samples a lag apart, taken along the normalised sum of the cells, once in six time constants. With
    correlation rho their mean has variance `(1 + rho^2)/N` of that of the cell (Isserlis, 1918).
    """
    hold = float(data.attrs["noise_step"])
    steps = max(round(lag / hold), 1)
    stride = math.ceil(12 * lag / hold)
    v = data["v"].values
    u = (v - v.mean(axis=0)) @ np.ones(v.shape[1])
    now = u[: len(u) - steps : stride]
    later = u[steps::stride]
    count = min(len(now), len(later))
    variance, covariance = _expected(space, hold, steps)
    found = float(np.mean(now[:count] * later[:count]))
    rho = covariance / variance
    return (found - covariance) / (variance * math.sqrt((1 + rho**2) / count))


def _expected(space: StateSpace, hold: float, steps: int) -> tuple[float, float]:
    """Variance and autocovariance of the sum of the readouts, with noise held for each step.

    Every source is redrawn at each step, so that what comes later is new: the lag acts by the drift alone.
    """
    Phi = scipy.linalg.expm(-space.F * hold)
    Gamma = np.linalg.solve(space.F, np.eye(len(Phi)) - Phi) @ np.linalg.inv(space.C)
    P = scipy.linalg.solve_discrete_lyapunov(Phi, Gamma @ space.noise @ Gamma.T / hold)
    m = np.ones(len(space.M)) @ space.M
    return float(m @ P @ m), float(m @ np.linalg.matrix_power(Phi, steps) @ P @ m)
