"""Maximum posterior by Levenberg-Marquardt, with runs that do not belong left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float

from ._calibrate_parameters import Parameters
from ._calibrate_runs import Normal, Run
from ._measurement import MeasurementError

_STEPS = 30
_SMALL = 0.1
"""Length, in posterior standard deviations, of a last step: the next one would be of the order of its square."""

_OUTLIER = 3.0
"""A run whose rms residual is this many times that of the median run (or of its own noise) does not belong."""

_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Fit:
    """z with the normal equations there, which runs were used, and the standard deviations of z."""

    z: Float[np.ndarray, " p"]
    normal: Normal
    used: tuple[bool, ...]
    excess: float
    """The rms residual where it is above one: the model or the stated noise is that much too optimistic."""

    @property
    def sd(self) -> Float[np.ndarray, " p"]:
        """Posterior standard deviations in units of the prior's."""
        p = len(self.z)
        data = self.normal.curvature - np.eye(p)
        covariance = scipy.linalg.inv(data / self.excess**2 + np.eye(p))
        # Rounding must not leave a parameter without data above its prior.
        return np.asarray(np.sqrt(np.clip(np.diag(covariance), 0.0, 1.0)))


def fit(runs: Sequence[Run], parameters: Parameters) -> Fit:
    """Fit all runs, leave out those that stand out, fit again until the choice is stable.

    Raises:
        MeasurementError: half of the runs or more contradict the others.
    """
    z, used = np.zeros(parameters.size), (True,) * len(runs)
    normal = Normal.of(runs, used, parameters, z)
    for _ in range(_ROUNDS):
        better = _belonging(normal.rms, used)
        if better != used:
            used, normal = better, Normal.of(runs, better, parameters, z)
        z, normal = _levenberg(runs, used, parameters, z, normal)
        if _belonging(normal.rms, used) == used:
            break
    if 2 * sum(used) <= len(runs):
        raise MeasurementError(
            f"calibrate: {len(runs) - sum(used)} of {len(runs)} runs contradict the others;"
            " expected most of them to be of one chip and to be well measured"
        )
    values = np.array([run.v.size for run, use in zip(runs, used, strict=True) if use])
    rms = normal.rms[np.array(used)]
    return Fit(z, normal, used, max(1.0, float(np.sqrt(values @ rms**2 / values.sum()))))


def _belonging(rms: Float[np.ndarray, " runs"], used: tuple[bool, ...]) -> tuple[bool, ...]:
    if len(rms) < 3:
        # Of two runs that contradict each other nobody can say which one is wrong.
        return (True,) * len(rms)
    typical = max(1.0, float(np.median(rms[np.array(used)])))
    return tuple(bool(value <= _OUTLIER * typical) for value in rms)


def _levenberg(
    runs: Sequence[Run], used: Sequence[bool], parameters: Parameters, z: Float[np.ndarray, " p"], normal: Normal
) -> tuple[Float[np.ndarray, " p"], Normal]:
    damping = 0.0
    for _ in range(_STEPS):
        factor = scipy.linalg.cho_factor(normal.curvature + damping * np.eye(len(z)))
        step = scipy.linalg.cho_solve(factor, normal.gradient)
        trial = Normal.of(runs, used, parameters, z + step)
        # Rounding of the sum of squares must not refuse the last step.
        if trial.cost > normal.cost * (1 + 1e-9):
            damping = max(10 * damping, 1.0)
            continue
        z, normal, damping = z + step, trial, damping / 10 if damping > 1e-3 else 0.0
        # |step| in the metric of the curvature bounds every step by its posterior standard deviation.
        if damping == 0 and step @ normal.curvature @ step < _SMALL**2:
            return z, normal
    raise MeasurementError(
        "calibrate: the fit does not settle; the measurements contradict the design (check units, scales and programs)"
    )
