"""Programs that a fit did not see: its error there, judged by its own error bars."""

from collections.abc import Sequence

import numpy as np
import scipy
import xarray as xr
from jaxtyping import Float

from ...circuits import Design
from ...measurements import MeasurementError, read_measurement
from ..devices import Check
from ._calibrate import Calibration
from ._terms import Term
from ._waveform_terms import term_of
from .unknowns import NUISANCES, Parameters

FALSE_ALARM = 1e-3
"""Probability that held-out programs contradict a model that is right."""

_TOLD = 1e-3
"""Variance of a direction's prediction, by that of the data, below which the data cannot say anything of it."""


def judge_held_out(calibration: Calibration, measurements: Sequence[xr.Dataset]) -> Check:
    """Whether the model errs on other measurements of its chip as much as its error bars say.

    With posterior covariance C and the data's information I of the unknowns, the score `g = J^T r/sigma^2` of the
    residuals r has the law `N(0, I + I C I)` when both are right: its squared length in that metric is chi-square, one
    degree of freedom for each direction in which the error bars are not far below what the data resolve. What no
    unknown explains of the residuals is not in it, but in the distance that `compare` gives.

    Raises:
        MeasurementError: measurements that are not usable, or not of the calibrated kind of chip.
    """
    data = [read_measurement(dataset, f"measurement {k}") for k, dataset in enumerate(measurements)]
    if not data:
        raise MeasurementError("held out: expected at least one measurement, got none")
    model = calibration.model
    score, information = np.zeros(len(calibration.names)), np.zeros((len(calibration.names),) * 2)
    for m in data:
        for what, mine, expected in (
            ("topology", m.topology, model.instance.topology),
            ("level", m.level, model.level),
        ):
            if mine != expected:
                raise MeasurementError(f"held out: expected the {what} of the calibration, {expected}, got {mine}")
        gradient, curvature = _at(calibration, term_of(m), m.design)
        score, information = score + gradient, information + curvature
    statistic, count = _distance(
        score, information, calibration.covariance / np.outer(calibration.prior, calibration.prior)
    )
    meaning = "the error is {:.3g} times what its error bars say, in square"
    if count == 0:
        return Check("held out", "programs", 0.0, 1.0, passed=True, meaning=meaning, limit=1.0)
    probability, limit = scipy.stats.chi2.sf(statistic, count), scipy.stats.chi2.isf(FALSE_ALARM, count) / count
    passed = bool(probability >= FALSE_ALARM)
    return Check("held out", "programs", statistic / count, float(probability), passed, meaning, float(limit))


def information_of(calibration: Calibration, measurement: xr.Dataset) -> Float[np.ndarray, "p p"]:
    """What another measurement of the chip would tell of the unknowns, in units of their priors.

    What is of the measurement alone, its baseline, is unknown in it and taken out.

    Raises:
        MeasurementError: a measurement that is not usable.
    """
    data = read_measurement(measurement)
    model, run = calibration.model, term_of(data)
    switched_on = [kind for kind in NUISANCES if any(_kind(name) == kind for name in calibration.names)]
    parameters = Parameters.of(data.design, model.instance.topology, model.level, switched_on, [run])
    place = {name: k for k, name in enumerate(parameters.names)}
    shared = [k for k, name in enumerate(calibration.names) if name in place]
    there = [place[calibration.names[k]] for k in shared]
    alone = [k for k in range(parameters.size) if k not in set(there)]
    z = np.zeros(parameters.size)
    z[there] = (calibration.values / calibration.prior)[shared]
    told = run.evaluate(parameters, z).information
    across = told[np.ix_(there, alone)]
    own = told[np.ix_(alone, alone)] + np.diag(parameters.precision[alone])
    information = np.zeros((len(calibration.names),) * 2)
    information[np.ix_(shared, shared)] = told[np.ix_(there, there)] - across @ np.linalg.solve(own, across.T)
    return information


def _at(
    calibration: Calibration, run: Term, design: Design
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, "p p"]]:
    """Score and information of a run at the fit, for the unknowns of the calibration."""
    model = calibration.model
    switched_on = [kind for kind in NUISANCES if any(_kind(name) == kind for name in calibration.names)]
    parameters = Parameters.of(design, model.instance.topology, model.level, switched_on, [run])
    place = {name: k for k, name in enumerate(parameters.names)}
    shared = [k for k, name in enumerate(calibration.names) if name in place]
    there = [place[calibration.names[k]] for k in shared]
    z = np.zeros(parameters.size)
    z[there] = (calibration.values / calibration.prior)[shared]
    part = run.evaluate(parameters, z)
    p = len(calibration.names)
    score, information = np.zeros(p), np.zeros((p, p))
    score[shared] = part.gradient[there]
    information[np.ix_(shared, shared)] = part.information[np.ix_(there, there)]
    return score, information


def _kind(name: str) -> str:
    return name.split("[")[0].replace("_", "-")


def _distance(
    score: Float[np.ndarray, " p"], information: Float[np.ndarray, "p p"], covariance: Float[np.ndarray, "p p"]
) -> tuple[float, int]:
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    told, directions = np.linalg.eigh(root.T @ information @ root)
    seen = told > _TOLD
    projected = directions[:, seen].T @ (root.T @ score)
    return float(np.sum(projected**2 / (told[seen] + told[seen] ** 2))), int(seen.sum())
