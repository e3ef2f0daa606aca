"""How noisy the chip is, by the noise that its design predicts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.optimize

from ..circuits import Instance
from ._device_model import Estimate
from ._innovations import innovations, log_likelihood
from ._measurement import Measurement
from ._response import Response

SPREAD = 0.5
"""Prior standard deviation of log(noise scale)."""

_SAMPLES = 300
"""Samples of a noisy transient that are used."""


def noise_scale(measurements: Sequence[Measurement], chip: Instance) -> Estimate:
    """Factor on every noise density, from `noise` measurements and noisy transients, by precision.

    Without any the prior stands: one, with a standard error of `SPREAD`.
    """
    logs = [(0.0, SPREAD)]
    if variances := [m for m in measurements if "covariance" in m.values]:
        logs.append(_from_covariance(variances, chip))
    logs += [_from_transient(m, chip) for m in measurements if m.noisy]
    mean, sd = np.array(logs).T
    weights = sd**-2
    value = float(np.exp(weights @ mean / weights.sum()))
    return Estimate(value, value / float(np.sqrt(weights.sum())))


def _response(m: Measurement, chip: Instance) -> Response:
    return Response.of(chip, m.program, m.level, m.scaling, allow_clipping=True)


def _from_covariance(measurements: Sequence[Measurement], chip: Instance) -> tuple[float, float]:
    """From the ratio of the readouts' variances; their scatter over cells and runs gives the error."""
    logs = [
        np.log(np.diag(m.values["covariance"]) / np.diag(_response(m, chip).stationary_covariance()))
        for m in measurements
    ]
    ratios = np.concatenate(logs)
    spread = float(np.std(ratios, ddof=1)) if len(ratios) > 1 else SPREAD
    # A simulator's integral over frequency is itself good to about this.
    return float(np.mean(ratios)), max(spread / float(np.sqrt(len(ratios))), 1e-4)


def _from_transient(m: Measurement, chip: Instance) -> tuple[float, float]:
    """Maximum likelihood with the prior; the error from the curvature."""
    times = m.values["time"]
    keep = np.unique(np.linspace(0, len(times) - 1, _SAMPLES).astype(int))
    keep = keep[times[keep] > 0]
    response = _response(m, chip)

    def cost(log_scale: float) -> float:
        scaled = replace(response, noise_scale=float(np.exp(log_scale)))
        e, spreads = innovations(
            scaled, times[keep], m.values["v"][keep], m.values["v0"], m.readout_sigma, m.noise_step
        )
        return (log_scale / SPREAD) ** 2 / 2 - log_likelihood(e, spreads)

    found = scipy.optimize.minimize_scalar(cost, bracket=(-SPREAD, SPREAD), options={"xtol": 1e-4})
    h = 0.05
    curvature = (cost(found.x + h) - 2 * cost(found.x) + cost(found.x - h)) / h**2
    # The prior is counted once, with all the data.
    precision = max(curvature - SPREAD**-2, 1e-12)
    return float(found.x * curvature / precision), float(precision**-0.5)
