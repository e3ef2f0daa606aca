"""Measurements that a model was not fitted to, judged by their own noise and the model's error bars."""

from collections.abc import Sequence

import numpy as np
import scipy
import xarray as xr
from jaxtyping import Float

from ...circuits import Design
from ...measurements import MeasurementError, read_measurement
from ..calibration import MODEL_ERROR, NUISANCES, Parameters, Part, Term, term_of
from ..devices import Check, DeviceModel

FALSE_ALARM = 1e-3
"""Probability that one of the records contradicts a model that is right."""

_MODEL_ERROR = 3e-5
"""Relative, where the judgement of a fit allows none of its own."""

_EXACT = 1e-9
"""Of a tolerance: the standard deviation of what is taken as known."""


def judge_records(model: DeviceModel, measurements: Sequence[xr.Dataset]) -> list[Check]:
    """Each record against the model: the mean square of its residuals by what noise and error bars together explain.

    With residuals r by their noise, their derivatives J by the unknowns and the unknowns' covariance C, the law is
    `r ~ N(0, I + J C J^T)` when both are right, so that `r^T r - g^T (C^-1 + J^T J)^-1 g` with `g = J^T r` is
    chi-square with as many degrees of freedom as there are values. A record's own baseline is unknown as it was to
    the fit.

    Raises:
        MeasurementError: a measurement that is not usable, or of another topology, size or level than the model.
    """
    data = [read_measurement(one, f"measurement {k}") for k, one in enumerate(measurements)]
    if not data:
        raise MeasurementError("held out: expected at least one measurement, got none")
    checks = []
    for k, m in enumerate(data):
        for what, mine, expected in (
            ("topology", m.topology, model.instance.topology),
            ("level", m.level, model.level),
        ):
            if mine != expected:
                raise MeasurementError(f"measurement {k}: expected the model's {what}, {expected}, got {mine}")
        run = term_of(m)
        # The design of the model has the fitted amplifier; the temperature is that of the record.
        design = model.design.model_copy(update={"temperature": m.design.temperature})
        switched_on = [kind for kind in NUISANCES if any(_kind(name) == kind for name in model.bench)]
        parameters = Parameters.of(design, model.instance.topology, model.level, switched_on, [run])
        z, C = _posterior(model, parameters, design)
        part = run.evaluate(parameters, z)
        allowed = run.signal * MODEL_ERROR[model.level].get(run.kind, _MODEL_ERROR) ** 2
        checks.append(_check(k, run.kind, _statistic(run, part, C), run.values, allowed, len(data)))
    return checks


def _statistic(run: Term, part: Part, C: Float[np.ndarray, "p p"]) -> float:
    square = run.values * part.rms**2
    if run.kind == "noisy records":
        # The information of a record's law is not that of its residuals: on the average they grow by its trace.
        return square / (1 + part.hat(C).once / run.values)
    return max(square - part.explained(C), 0.0)


def _check(k: int, kind: str, statistic: float, values: int, allowed: float, records: int) -> Check:
    # The noncentral law by Patnaik's central one, right in mean and variance.
    scale = (values + 2 * allowed) / (values + allowed)
    degrees = (values + allowed) / scale
    probability = float(scipy.stats.chi2.sf(statistic / scale, degrees))
    limit = float(scipy.stats.chi2.isf(FALSE_ALARM / records, degrees)) * scale / values
    meaning = "the residual is {:.3g} times what noise and error bars say, in square"
    passed = bool(probability >= FALSE_ALARM / records)
    return Check("held out", f"record {k}, {kind}", statistic / values, probability, passed, meaning, limit)


def _posterior(
    model: DeviceModel, parameters: Parameters, design: Design
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, "p p"]]:
    """Unknowns of a record at the model, and their covariance, in units of the tolerances."""
    p = parameters.size
    z = np.zeros(p)
    C = np.eye(p)
    for name, where in parameters.index.items():
        known = where >= 0
        sigma = parameters.sigma[where[known]]
        z[where[known]] = model.errors[name][known] / sigma
        sd = np.maximum(model.standard_errors[name][known] / sigma, _EXACT)
        C[where[known], where[known]] = sd**2
    # The design has the amplifier's fitted values, so that their unknowns are at zero.
    known_of_all = {"gain": model.gain, "gain_bandwidth": model.gain_bandwidth, "noise_scale": model.noise_scale}
    for name, k in parameters.shared.items():
        estimate = known_of_all.get(name)
        if estimate is not None and estimate.value > 0:
            C[k, k] = max(estimate.standard_error / estimate.value / parameters.sigma[k], _EXACT) ** 2
    k = parameters.shared["noise_scale"]
    z[k] = np.log(max(model.noise_scale.value, 1e-300)) / parameters.sigma[k]
    if model.posterior is None:
        return z, C
    mine = {name: k for k, name in enumerate(parameters.names) if _kind(name) != "baseline"}
    there = [j for j, name in enumerate(model.posterior.names) if name in mine]
    here = [mine[model.posterior.names[j]] for j in there]
    sigma = parameters.sigma[here]
    C[np.ix_(here, here)] = model.posterior.covariance[np.ix_(there, there)] / np.outer(sigma, sigma)
    fitted = [(k, j) for k, j in zip(here, there, strict=True) if k >= parameters.first_of_bench]
    for k, j in fitted:
        z[k] = model.posterior.values[j] / parameters.sigma[k]
    return z, C


def _kind(name: str) -> str:
    return name.split("[")[0].replace("_", "-")
