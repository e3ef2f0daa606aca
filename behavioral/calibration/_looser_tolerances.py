"""Tolerances that the chip itself shows to be too small: its deviations are then inferred with larger ones."""

from dataclasses import replace

import numpy as np
import scipy
from jaxtyping import Bool, Float

from ..devices import tolerance_groups
from ._fit import Fit
from ._parameters import Parameters

_DOUBTFUL = 0.5
"""Probability, if the design is right, of estimates as large as these, below which a tolerance is estimated: whenever
they are larger than usual. A verdict asks for far less; of few components it stays silent where a tolerance is twice
too small, and error bars have to say it."""

_DOUBTFUL_KIND = 0.05
"""The same of one kind of deviation alone, of which there are few."""

_SHOWN = 1e-3
"""Part of the components that the measurements must tell of for their tolerance to be doubted."""

_STEPS = 500
_SETTLED = 1e-4


def widened(parameters: Parameters, found: Fit) -> Parameters:
    """The same unknowns with a larger prior where estimates of components of one tolerance are larger than it allows.

    The most probable common factor by the marginal likelihood, the deviations integrated out (expectation-maximisation
    on the fit's own normal equations; Laird and Ware, Biometrics 38, 1982); never below one.
    """
    kinds = [name.split("[")[0] for name in parameters.names]
    factor = np.ones(parameters.size)
    precise = found.normal.curvature - np.diag(parameters.precision)
    eta = found.normal.curvature @ found.z
    # Of all components of a tolerance, and of each kind: that of the drives may be another make.
    groups = [(members, _DOUBTFUL) for members in tolerance_groups(kinds).values()]
    groups += [((kind,), _DOUBTFUL_KIND) for kind in dict.fromkeys(kinds)]
    for members, doubtful in groups:
        where = np.array([kind in members for kind in kinds])
        if (factor[where] == 1).all() and _improbable(found, where, doubtful):
            factor = _estimated(precise, eta, parameters.precision, factor, where)
    return replace(parameters, precision=parameters.precision / factor**2) if (factor > 1).any() else parameters


def _improbable(found: Fit, where: Bool[np.ndarray, " p"], below: float) -> bool:
    block = np.eye(int(where.sum())) - found.covariance[np.ix_(where, where)]
    expected, variance = float(np.trace(block)), 2 * float(np.sum(block * block.T))
    # What no measurement shows is at its prior, but for rounding.
    if expected < _SHOWN * len(block):
        return False
    scale = variance / (2 * expected)
    square = float(found.z[where] @ found.z[where])
    return bool(scipy.stats.chi2.sf(square / scale, expected / scale) < below)


def _estimated(
    precise: Float[np.ndarray, "p p"],
    eta: Float[np.ndarray, " p"],
    prior: Float[np.ndarray, " p"],
    factor: Float[np.ndarray, " p"],
    where: Bool[np.ndarray, " p"],
) -> Float[np.ndarray, " p"]:
    factor = factor.copy()
    for _ in range(_STEPS):
        covariance = np.linalg.inv(precise + np.diag(prior / factor**2))
        z = covariance @ eta
        square = float(np.mean(prior[where] * (z[where] ** 2 + np.diag(covariance)[where])))
        before, now = float(factor[where][0]), max(1.0, float(np.sqrt(square)))
        factor[where] = now
        if abs(now - before) <= _SETTLED:
            break
    return factor
