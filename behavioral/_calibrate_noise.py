"""How noisy the chip is, by the noise that its design predicts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.optimize
from jaxtyping import Float

from ..circuits import Instance
from ._device_model import Estimate
from ._innovations import innovations, log_likelihood
from ._measurement import Measurement
from ._response import Response

SPREAD = 0.5
"""Prior standard deviation of log(noise scale)."""

_SAMPLES = 300
"""Samples of a noisy transient that are used."""

_DETERMINISTIC = 1e-4
"""Relative error of a simulator's spectrum, which has no scatter of its own."""

_NOTHING = 1e-12
"""Precision of a record whose readout noise hides the device's own."""


def noise_scale(measurements: Sequence[Measurement], chip: Instance, allowed: Sequence[Instance]) -> Estimate:
    """Factor on every noise density, from `noise` measurements and noisy transients, by precision.

    `allowed` are chips drawn from what the other measurements leave open: how far they change the answer is part of
    its standard error. Without any noise measured the prior stands: one, with a standard error of `SPREAD`.
    """
    logs = [(0.0, SPREAD)]
    if spectra := [m for m in measurements if m.analysis == "noise"]:
        logs.append(_from_spectra(spectra, chip, allowed))
    logs += [_from_transient(m, chip, allowed) for m in measurements if m.noisy]
    mean, sd = np.array(logs).T
    weights = sd**-2
    value = float(np.exp(weights @ mean / weights.sum()))
    return Estimate(value, value / float(np.sqrt(weights.sum())))


def _response(m: Measurement, chip: Instance) -> Response:
    return Response.of(chip, m.program, m.level, m.scaling, allow_clipping=True)


def _from_spectra(
    measurements: Sequence[Measurement], chip: Instance, allowed: Sequence[Instance]
) -> tuple[float, float]:
    """From the densities on the plateau below the cells' corner, where capacitors and amplifiers have no part."""
    ratios = _plateau(measurements, chip)
    trials = [float(np.mean(_plateau(measurements, other))) for other in allowed]
    scatter = float(np.std(ratios)) / float(np.sqrt(len(ratios)))
    return float(np.mean(ratios)), float(np.hypot(max(scatter, _DETERMINISTIC), np.std(trials)))


def _plateau(measurements: Sequence[Measurement], chip: Instance) -> Float[np.ndarray, " cells"]:
    """Mean log ratio of measured and expected density for each run and cell."""
    found = []
    for m in measurements:
        expected = _response(m, chip).psd(m.values["frequency"])
        for density, model in zip(m.values["psd"].T, expected.T, strict=True):
            flat = density >= density.max() / 2
            found.append(float(np.mean(np.log(density[flat] / model[flat]))))
    return np.array(found)


def _from_transient(m: Measurement, chip: Instance, allowed: Sequence[Instance]) -> tuple[float, float]:
    """Maximum likelihood with the prior; the error from the curvature and from the chips that are allowed."""
    times = m.values["time"]
    keep = np.unique(np.linspace(0, len(times) - 1, _SAMPLES).astype(int))
    keep = keep[times[keep] > 0]

    def record(response: Response, log_scale: float) -> tuple[np.ndarray, np.ndarray]:
        scaled = replace(response, noise_scale=float(np.exp(log_scale)))
        v, v0 = m.values["v"][keep], m.values["v0"]
        return innovations(scaled, times[keep], v, v0, m.readout_sigma, m.noise_step)

    response = _response(m, chip)

    def cost(log_scale: float) -> float:
        return (log_scale / SPREAD) ** 2 / 2 - log_likelihood(*record(response, log_scale))

    found = float(scipy.optimize.minimize_scalar(cost, bracket=(-SPREAD, SPREAD), options={"xtol": 1e-4}).x)
    h = 0.05
    curvature = (cost(found + h) - 2 * cost(found) + cost(found - h)) / h**2
    # The prior is counted once, with all the data.
    precision = max(curvature - SPREAD**-2, _NOTHING)
    # Another chip's scale differs by about as much as its innovations are larger.
    sizes = [float(np.log(np.mean(record(_response(m, other), found)[0] ** 2))) for other in allowed]
    return found * curvature / precision, float(np.hypot(precision**-0.5, np.std(sizes)))
