"""Spreads of a kind of device from the posteriors of its chips, by marginal likelihood: no deviation is an estimate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Bool, Float, Int

from ..devices import OFFSETS, Posterior
from ._mixed_model import MeasuredChip

_STEPS = 2000
_SETTLED = 1e-6
"""Relative change of a standard deviation in a step of expectation-maximisation below which it stays."""

_OTHER = -1


@dataclass(frozen=True)
class Spreads:
    """Standard deviations by field of `Population`, the mean offset [V], and their standard errors."""

    values: Mapping[str, float]
    errors: Mapping[str, float]


def estimate_spreads(
    posteriors: Sequence[Posterior], kinds: Mapping[str, Sequence[str]], start: Mapping[str, float]
) -> Spreads:
    """Most probable standard deviations of the kinds, over all chips together.

    Each chip's data say `exp(eta.x - x.Lambda.x/2)` of its deviations x: the posterior without the prior that it was
    found with, with every correlation, such as that of a row's conductances with its capacitor. Then `x ~ N(mean,
    sigma^2)` by kind is integrated out (expectation-maximisation; Laird and Ware, Biometrics 38, 1982): that the
    estimates were drawn towards zero by a tolerance which is not theirs plays no part. Offsets have a mean. Values of
    the whole chip, and the bench's, keep their priors. Standard errors are Fisher's.

    Args:
        posteriors: one of each chip, all of the same unknowns.
        kinds: names of deviations by field.
        start: standard deviations from where the search starts, by field.
    """
    names = [name.split("[")[0] for name in posteriors[0].names]
    fields = [field for field in kinds if start[field] > 0 and any(name in kinds[field] for name in names)]
    group = np.array([next((k for k, field in enumerate(fields) if name in kinds[field]), _OTHER) for name in names])
    has_mean = np.array([name in OFFSETS for name in names])
    chips = [MeasuredChip.of(one.values, one.covariance, one.prior, known=0.0) for one in posteriors]
    prior = posteriors[0].prior
    sigma = np.array([start[field] for field in fields])
    mean = 0.0
    for _ in range(_STEPS):
        before = sigma
        sigma, mean = _step(chips, group, has_mean, prior, sigma, mean)
        if np.all(np.abs(sigma - before) <= _SETTLED * before):
            break
    errors, mean_error = _errors(chips, group, has_mean, prior, sigma)
    values = dict(zip(fields, map(float, sigma), strict=True))
    found = dict(zip(fields, map(float, errors), strict=True))
    if has_mean.any():
        values["offset_mean"], found["offset_mean"] = mean, mean_error
    return Spreads(values, found)


def _variances(
    group: Int[np.ndarray, " p"], prior: Float[np.ndarray, " p"], sigma: Float[np.ndarray, " kinds"]
) -> Float[np.ndarray, " p"]:
    return np.where(group == _OTHER, prior**2, np.append(sigma, 0.0)[group] ** 2)


def _step(
    chips: Sequence[MeasuredChip],
    group: Int[np.ndarray, " p"],
    has_mean: Bool[np.ndarray, " p"],
    prior: Float[np.ndarray, " p"],
    sigma: Float[np.ndarray, " kinds"],
    mean: float,
) -> tuple[Float[np.ndarray, " kinds"], float]:
    D = _variances(group, prior, sigma)
    a = has_mean.astype(float)
    seen = [_evidence(chip, D) for chip in chips]
    weight = sum(float(a @ W @ a) for _, W in seen)
    mean = sum(float(a @ g) for g, _ in seen) / weight if weight > 0 else 0.0
    square = np.zeros_like(D)
    for g, W in seen:
        g = g - W @ (a * mean)
        square += (D * g) ** 2 + D - D**2 * np.diag(W)
    members = [group == k for k in range(len(sigma))]
    return np.array([sqrt(float(square[mine].mean()) / len(chips)) for mine in members]), mean


def _evidence(
    chip: MeasuredChip, D: Float[np.ndarray, " p"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, "p p"]]:
    """`g = (D + R)^-1 y` and `W = (D + R)^-1` for data y of precision `R^-1 = Lambda`, singular or not."""
    # Scaled to unit variance, or volts and per cents would lose each other's digits.
    d = np.sqrt(D)
    A = chip.Lambda * np.outer(d, d)
    solved = np.linalg.solve(np.eye(len(D)) + A, np.column_stack([chip.eta * d, A]))
    W = solved[:, 1:] / np.outer(d, d)
    return solved[:, 0] / d, (W + W.T) / 2


def _errors(
    chips: Sequence[MeasuredChip],
    group: Int[np.ndarray, " p"],
    has_mean: Bool[np.ndarray, " p"],
    prior: Float[np.ndarray, " p"],
    sigma: Float[np.ndarray, " kinds"],
) -> tuple[Float[np.ndarray, " kinds"], float]:
    """Of standard deviations and of the mean: Fisher's information `tr(W dV W dV')/2`, `dV = 2 sigma` on a kind."""
    D = _variances(group, prior, sigma)
    members = np.array([group == k for k in range(len(sigma))], dtype=float)
    information = np.zeros((len(sigma), len(sigma)))
    of_mean = 0.0
    for chip in chips:
        _, W = _evidence(chip, D)
        information += 2 * np.outer(sigma, sigma) * (members @ W**2 @ members.T)
        of_mean += float(has_mean @ W @ has_mean)
    known = np.diag(information) > 0
    errors = np.full(len(sigma), np.inf)
    errors[known] = np.sqrt(np.diag(np.linalg.inv(information[np.ix_(known, known)])))
    return errors, 1 / sqrt(of_mean) if of_mean > 0 else np.inf
