"""A start from which runs that do not belong can be told: each run counts by what is left of it, or by itself."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ._terms import Part, Term
from .unknowns import Parameters

_STEPS = 60
_HALVINGS = 8
_SMALL = 1e-3
"""Relative change of the cost in a step below which the start is good enough."""


_NEAR = 0.1
"""Length of a last step of a run alone, in posterior standard deviations."""


def robust_start(
    runs: Sequence[Term], used: Sequence[bool], parameters: Parameters, start: Float[np.ndarray, " p"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, " runs"]]:
    """z and the rms residual of each run there, where a run whose residual is above its noise counts by its logarithm.

    Every run has a variance of its own: with N values of rms r its part of the cost is `N r^2` up to one and
    `N (1 + log r^2)` beyond, so that most of the runs, which agree, win over one that does not (iteratively reweighted
    least squares; Huber, Robust Statistics, 1981).
    """
    z = start
    parts = [run.evaluate(parameters, z) for run in runs]
    cost = _cost(runs, parts, used, parameters, z)
    for _ in range(_STEPS):
        step = _step(parts, used, parameters, z)
        for halving in range(_HALVINGS):
            trial = z + step / 2**halving
            if not parameters.possible(trial):
                continue
            trial_parts = [run.evaluate(parameters, trial) for run in runs]
            trial_cost = _cost(runs, trial_parts, used, parameters, trial)
            if trial_cost < cost:
                break
        else:
            break
        gained = cost - trial_cost
        z, parts, cost = trial, trial_parts, trial_cost
        if gained <= _SMALL * abs(cost):
            break
    return z, np.array([part.rms for part in parts])


def fit_alone(run: Term, parameters: Parameters) -> tuple[Float[np.ndarray, " p"], float] | None:
    """The optimum of one run and its rms residual, where plain Gauss-Newton steps lead there.

    One run has few rows by the unknowns, and a step needs no matrix larger than these (Woodbury).
    """
    z = np.zeros(parameters.size)
    cost = np.inf
    for _ in range(_STEPS):
        part = run.evaluate(parameters, z)
        total = part.cost + float(parameters.precision @ z**2)
        if part.root is None or part.residual is None or not total <= cost * (1 + 1e-9):
            return None
        spread = part.root / parameters.precision
        rows = np.eye(len(part.root)) + spread @ part.root.T
        step = spread.T @ np.linalg.solve(rows, part.residual + part.root @ z) - z
        length = float(parameters.precision @ step**2) + float(np.sum((part.root @ step) ** 2))
        if length < _NEAR**2:
            return z, part.rms
        if not parameters.possible(z + step):
            return None
        z = z + step
        cost = total
    return None


def _step(
    parts: Sequence[Part], used: Sequence[bool], parameters: Parameters, z: Float[np.ndarray, " p"]
) -> Float[np.ndarray, " p"]:
    gradient, curvature = -parameters.precision * z, np.diag(parameters.precision)
    for part, use in zip(parts, used, strict=True):
        if use:
            weight = 1 / max(1.0, part.rms) ** 2
            gradient = gradient + weight * part.gradient
            curvature = curvature + weight * part.information
    return np.asarray(np.linalg.solve(curvature, gradient))


def _cost(
    runs: Sequence[Term],
    parts: Sequence[Part],
    used: Sequence[bool],
    parameters: Parameters,
    z: Float[np.ndarray, " p"],
) -> float:
    total = float(parameters.precision @ z**2)
    for run, part, use in zip(runs, parts, used, strict=True):
        if use:
            # Of a noisy record the cost has a part beside its squares: the volume of its law.
            volume = part.cost - run.values * part.rms**2
            square = part.rms**2
            total += run.values * (square if square <= 1 else 1 + np.log(square)) + volume / max(1.0, square)
    return total
