"""Maximum posterior by Levenberg-Marquardt, with runs that do not belong left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float

from ._calibrate_parameters import Parameters
from ._calibrate_runs import Normal, Run
from ._measurement import MeasurementError

_STEPS = 30
_SMALL = 0.1
"""Length, in posterior standard deviations, of a last step: the next one would be of the order of its square."""

_OUTLIER = 3.0
"""A run whose rms residual is this many times that of the median run (or of its own noise) does not belong."""


@dataclass(frozen=True, eq=False)
class Fit:
    """z with the normal equations there, which runs were used, and the standard deviations of z."""

    z: Float[np.ndarray, " p"]
    normal: Normal
    used: tuple[bool, ...]
    excess: float
    """The rms residual where it is above one: the model or the stated noise is that much too optimistic."""

    @cached_property
    def covariance(self) -> Float[np.ndarray, "p p"]:
        """Of z, posterior."""
        unit = np.eye(len(self.z))
        return np.asarray(np.linalg.inv((self.normal.curvature - unit) / self.excess**2 + unit))

    @property
    def sd(self) -> Float[np.ndarray, " p"]:
        """Posterior standard deviations in units of the prior's."""
        # Rounding must not leave a parameter without data above its prior.
        return np.asarray(np.sqrt(np.clip(np.diag(self.covariance), 0.0, 1.0)))

    def draws(self, count: int) -> Float[np.ndarray, "count p"]:
        """Values of z that the measurements allow, always the same ones."""
        normals = np.random.default_rng(0).standard_normal((count, len(self.z)))
        return np.asarray(self.z + normals @ np.linalg.cholesky(self.covariance).T)


def fit(runs: Sequence[Run], parameters: Parameters) -> Fit:
    """Fit all runs; while one stands out, leave it out and fit again.

    Raises:
        MeasurementError: half of the runs or more contradict the others, or no chip explains them.
    """
    z, everything = np.zeros(parameters.size), (True,) * len(runs)
    normal = Normal.of(runs, everything, parameters, z)
    used = tuple(not far or _plausible(run, parameters) for run, far in zip(runs, _far(normal.rms), strict=True))
    while True:
        if 2 * sum(used) <= len(runs):
            raise MeasurementError(
                f"calibrate: {len(runs) - sum(used)} of {len(runs)} runs contradict the others or the design;"
                " expected most of them to be of one chip and to be well measured"
            )
        if used != everything:
            normal = Normal.of(runs, used, parameters, z)
        z, normal = _levenberg(runs, used, parameters, z, normal)
        rms = np.where(used, normal.rms, 0.0)
        if not _far(rms[np.array(used)]).any():
            break
        # Only the worst: it may have pulled others away.
        used = tuple(use and k != int(np.argmax(rms)) for k, use in enumerate(used))
    values = np.array([run.v.size for run in runs]) * used
    return Fit(z, normal, used, max(1.0, float(np.sqrt(values @ rms**2 / values.sum()))))


def _far(rms: Float[np.ndarray, " runs"]) -> Bool[np.ndarray, " runs"]:
    """Of two runs that contradict each other nobody can say which one is wrong."""
    return (rms > _OUTLIER * max(1.0, float(np.median(rms)))) & (len(rms) >= 3)


def _plausible(run: Run, parameters: Parameters) -> bool:
    """Whether some chip of the design gives this run: far from the nominal chip is also what is measured well."""
    z = np.zeros(parameters.size)
    try:
        _, normal = _levenberg([run], [True], parameters, z, Normal.of([run], [True], parameters, z))
    except MeasurementError:
        return False
    # With the prior's part the cost is chi-square with as many degrees of freedom as there are values.
    return normal.cost <= _OUTLIER**2 * normal.values


def _levenberg(
    runs: Sequence[Run], used: Sequence[bool], parameters: Parameters, z: Float[np.ndarray, " p"], normal: Normal
) -> tuple[Float[np.ndarray, " p"], Normal]:
    if not len(z):
        return z, normal
    damping = 0.0
    for _ in range(_STEPS):
        factor = scipy.linalg.cho_factor(normal.curvature + damping * np.eye(len(z)))
        step = scipy.linalg.cho_solve(factor, normal.gradient)
        trial = Normal.of(runs, used, parameters, z + step) if parameters.possible(z + step) else None
        # Rounding of the sum of squares must not refuse the last step.
        if trial is None or trial.cost > normal.cost * (1 + 1e-9):
            damping = max(10 * damping, 1.0)
            continue
        z, normal, damping = z + step, trial, damping / 10 if damping > 1e-3 else 0.0
        # |step| in the metric of the curvature bounds every step by its posterior standard deviation.
        if damping == 0 and step @ normal.curvature @ step < _SMALL**2:
            return z, normal
    raise MeasurementError(
        "calibrate: the fit does not settle; the measurements contradict the design (check units, scales and programs)"
    )
