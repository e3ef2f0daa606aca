"""How far a chip's components really scatter beside what their tolerances say, and its error bars by that."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Bool, Float

from ..devices import tolerance_groups
from ._fit import Fit
from .derivatives import inverse
from .unknowns import Parameters

_TOLD = 1.5
"""Components of a tolerance that the measurements must tell of, in all, for it to be doubted: one alone shows nothing
of how far its kind scatters, and the design's word stands."""

_FEWEST = 2.0
"""Degrees of freedom that an estimated scale is taken to have at least: fewer leave no law that is of any use."""

_LEVEL = 0.975
"""Upper end of the interval that a standard error stands for: 95 %, two-sided."""

_STEPS = 60
_FARTHEST_STEP = 0.7
"""Of the logarithm of a scale."""

_FARTHEST = 4.0
"""The same from one: beyond a factor of fifty, or where no component deviates at all."""

_SETTLED = 0.02
"""Last step of a scale's logarithm, by its own standard deviation."""


@dataclass(frozen=True, eq=False)
class ToleranceScales:
    """Factors on the prior standard deviations (p,) of the unknowns, one for each tolerance and never below one.

    The deviations of one tolerance are `N(0, s^2)` in its units, and the scale s is not known: its prior is flat in
    the logarithm. `likely` is its most probable value by the marginal likelihood, the deviations integrated out;
    estimates are made with it. Of what the measurements determine the error bar does not depend on s. What they leave
    open, such as the common factor of a row's resistors and its capacitor, is N(0, s^2) still, and its law with s
    integrated out is Student's, with the degrees of freedom `nu` that the chip's other components give s, `1/(2 var(log
    s))` (Satterthwaite 1946; of variance components Kenward and Roger, Biometrics 53, 1997). Error bars are those of
    the prior widened by `upper`, s times Student's quantile by the normal one, so that +-1.96 of them hold 95 %
    whatever s is. Below one no scale goes: that resistors of one batch agree with each other does not say that all of
    them are right.
    """

    likely: Float[np.ndarray, " p"]
    upper: Float[np.ndarray, " p"]

    @classmethod
    def of(cls, parameters: Parameters, found: Fit) -> "ToleranceScales":
        """Of a fit with the design's tolerances, from its own normal equations."""
        groups = _groups(parameters)
        logs, nu = _most_probable(parameters, found, groups)
        quantile = np.asarray(scipy.stats.t.ppf(_LEVEL, nu)) / float(scipy.stats.norm.ppf(_LEVEL))
        likely, upper = np.ones(parameters.size), np.ones(parameters.size)
        for where, log, factor in zip(groups, logs, quantile, strict=True):
            likely[where] = max(float(np.exp(log)), 1.0)
            upper[where] = max(float(np.exp(log)) * factor, 1.0)
        return cls(likely, upper)


def _groups(parameters: Parameters) -> list[Bool[np.ndarray, " p"]]:
    """Which unknowns share a tolerance; values of the whole chip are one of a kind, and a bench's have none."""
    kinds = [name.split("[")[0] for name in parameters.names]
    return [np.array([kind in mine for kind in kinds]) for mine in tolerance_groups(kinds).values()]


def _most_probable(
    parameters: Parameters, found: Fit, groups: list[Bool[np.ndarray, " p"]]
) -> tuple[Float[np.ndarray, " g"], Float[np.ndarray, " g"]]:
    """Logarithms of the scales, and the degrees of freedom that they are known by; zero and infinite where untold.

    Fisher scoring of the restricted likelihood: with `X = 1 - C/s^2` the derivative by log s of a group is what its
    squares `z^2/s^2` are above their expectation tr X, and the information is `2 tr(X_gh X_hg)`.
    """
    data = found.normal.curvature - np.diag(parameters.precision)
    eta = found.normal.curvature @ found.z + found.normal.gradient
    told = np.ones(len(groups), dtype=bool)
    logs, information = np.zeros(len(groups)), np.eye(len(groups))
    for k in range(_STEPS):
        precision = parameters.precision.copy()
        for where, log in zip(groups, logs, strict=True):
            precision[where] *= np.exp(-2 * log)
        C = found.covariance if k == 0 else inverse(data + np.diag(precision))
        X = -C * precision
        np.fill_diagonal(X, X.diagonal() + 1)
        expected = np.array([X.diagonal()[g].sum() for g in groups])
        squares = np.array([float(precision[g] @ (C[g] @ eta) ** 2) for g in groups])
        told = expected >= _TOLD if k == 0 else told
        information = _information(X, groups, told)
        step = np.where(told, np.linalg.solve(information, np.where(told, squares - expected, 0.0)), 0.0)
        moved = np.clip(logs + np.clip(step, -_FARTHEST_STEP, _FARTHEST_STEP), -_FARTHEST, _FARTHEST)
        settled = bool((np.abs(moved - logs) <= _SETTLED / np.sqrt(np.diag(information))).all())
        logs = moved
        if settled:
            break
    degrees = 1 / (2 * np.diag(np.linalg.inv(information)))
    return logs, np.where(told, np.maximum(degrees, _FEWEST), np.inf)


def _information(
    X: Float[np.ndarray, "p p"], groups: list[Bool[np.ndarray, " p"]], told: Bool[np.ndarray, " g"]
) -> Float[np.ndarray, "g g"]:
    """Fisher's, of the logarithms of the scales; one where a scale stays."""
    # Sums over the groups' blocks of X and X^T, entry by entry.
    member = np.array(groups, dtype=float).reshape(len(groups), len(X))
    found = 2 * member @ (X * X.T) @ member.T
    both = np.outer(told, told)
    return np.where(both, found, np.eye(len(groups)))
