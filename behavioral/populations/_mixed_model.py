"""From calibrated chips to the statistics of their process: a mixed model, by expectation-maximisation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

_STEPS = 300
_SETTLED = 1e-4
"""Change in a step, in units of the tolerance, below which nothing moves any more."""

_WEIGHT = 1.0
"""Chips that the prior of a chip's own part counts for, and components that the tolerance counts for."""

_INFORMED = 0.235
"""Precision of a direction by that of the tolerance, below which it is open: 0.9 of the tolerance is left."""

_ROUNDING = 1e-12
"""Of the largest precision, which what is left of a prior that was subtracted may be."""

_OWN_PART = 0.1
"""A chip's part of a deviation is a priori this part of the tolerance, which is that of the components."""


@dataclass(frozen=True, eq=False)
class MeasuredChip:
    """What the measurements of one chip say of its unknowns without their prior: `exp(eta.x - x.Lambda.x/2)`."""

    Lambda: Float[np.ndarray, "p p"]
    eta: Float[np.ndarray, " p"]

    @classmethod
    def of(
        cls,
        values: Float[np.ndarray, " p"],
        covariance: Float[np.ndarray, "p p"],
        prior: Float[np.ndarray, " p"],
        known: float = _INFORMED,
    ) -> "MeasuredChip":
        """What the measurements say, from a posterior: precisions add, so the prior's is subtracted.

        Directions of which the measurements say no more than `known`, a precision by that of the prior, do not count:
        there the posterior is no Gaussian either.
        """
        unit = np.outer(prior, prior)
        precision = np.linalg.inv(covariance / unit)
        w, U = np.linalg.eigh(precision - np.eye(len(prior)))
        seen = w > max(known, _ROUNDING * float(w.max()))
        directions = U[:, seen]
        eta = directions @ (directions.T @ (precision @ (values / prior)))
        return cls((directions * w[seen]) @ directions.T / unit, eta / prior)


@dataclass(frozen=True, eq=False)
class Mixed:
    """`x_i = mean_k + u_k + e_i` for an unknown i of kind k: u is the chip's, e the component's own.

    `u ~ N(0, common)`, `e_i ~ N(0, local_k^2)`; with standard errors from Fisher's information.
    """

    mean: Float[np.ndarray, " kinds"]
    common: Float[np.ndarray, "kinds kinds"]
    local: Float[np.ndarray, " kinds"]
    mean_error: Float[np.ndarray, " kinds"]
    common_error: Float[np.ndarray, "kinds kinds"]
    """Of the entries of `common`, variances and covariances."""
    local_error: Float[np.ndarray, " kinds"]


def fit_mixed(
    chips: Sequence[MeasuredChip],
    kind: Int[np.ndarray, " p"],
    prior: Float[np.ndarray, " p"],
    has_local: Sequence[bool],
) -> Mixed:
    """Most probable values over chips by expectation-maximisation (Laird and Ware, Biometrics 38, 1982).

    Priors settle what no chip shows: each mean is within the tolerance, and a chip's own part is that of one further
    chip, a tenth of the tolerance (and all of it for a value of the whole chip that the measurements leave open).

    Args:
        chips: what is known of each.
        kind: of each unknown, a number from zero on.
        prior: standard deviation of each by the design, where the search starts.
        has_local: whether the unknowns of a kind differ within a chip.
    """
    kinds = len(has_local)
    A = (kind[:, None] == np.arange(kinds)).astype(float)
    # In units of the tolerance every number is of order one.
    scale = np.array([prior[kind == k][0] for k in range(kinds)])
    unit = scale[kind]
    chips = [MeasuredChip(chip.Lambda * np.outer(unit, unit), chip.eta * unit) for chip in chips]
    local = np.array(has_local, dtype=float)
    prior_common = np.diag(np.where(local > 0, _OWN_PART**2, _whole(chips, A)))
    mean = np.zeros(kinds)
    common = prior_common
    for _ in range(_STEPS):
        before = np.concatenate([mean, common.ravel(), local])
        mean, common, local = _step(chips, A, common, local, prior_common)
        if np.abs(np.concatenate([mean, common.ravel(), local]) - before).max() <= _SETTLED:
            break
    errors = _errors(chips, A, common, local)
    both = np.outer(scale, scale)
    return Mixed(
        mean * scale, common * both, np.sqrt(local) * scale, errors[0] * scale, errors[1] * both, errors[2] * scale
    )


def _whole(chips: Sequence[MeasuredChip], A: Float[np.ndarray, "p kinds"]) -> Float[np.ndarray, " kinds"]:
    """Prior variance of what each chip has one value of: the tolerance where it is open, little where it is known."""
    known = [A.T @ (np.diag(chip.Lambda) / (1 + np.diag(chip.Lambda))) / A.sum(axis=0) for chip in chips]
    share = np.mean(known, axis=0)
    return np.asarray((1 - share) + _OWN_PART**2 * share)


def _step(
    chips: Sequence[MeasuredChip],
    A: Float[np.ndarray, "p kinds"],
    common: Float[np.ndarray, "kinds kinds"],
    local: Float[np.ndarray, " kinds"],
    prior_common: Float[np.ndarray, "kinds kinds"],
) -> tuple[Float[np.ndarray, " kinds"], Float[np.ndarray, "kinds kinds"], Float[np.ndarray, " kinds"]]:
    """The best mean for these variances, then better variances for that mean."""
    D = A @ local
    V = A @ common @ A.T + np.diag(D)
    seen = [_evidence(chip, V) for chip in chips]
    # Tolerances bound the means too: what no chip shows stays at the design's value.
    within = np.eye(len(local)) + sum(A.T @ W @ A for _, W in seen)
    mean = np.linalg.solve(within, sum((A.T @ g for g, _ in seen), np.zeros(len(local))))
    total = _WEIGHT * prior_common
    square = np.zeros_like(D)
    for g, W in seen:
        g = g - W @ (A @ mean)
        u = common @ A.T @ g
        total = total + np.outer(u, u) + common - common @ A.T @ W @ A @ common
        square += (D * g) ** 2 + D - D**2 * np.diag(W)
    common = total / (len(chips) + _WEIGHT)
    # One further component has the tolerance.
    variance = (square @ A + _WEIGHT) / (A.sum(axis=0) * len(chips) + _WEIGHT)
    return mean, (common + common.T) / 2, np.where(local > 0, variance, 0.0)


def _evidence(
    chip: MeasuredChip, V: Float[np.ndarray, "p p"]
) -> tuple[Float[np.ndarray, " p"], Float[np.ndarray, "p p"]]:
    """`g = (V + R)^-1 y` and `W = (V + R)^-1`, for data y of precision `R^-1 = Lambda`, singular or not."""
    solved = np.linalg.solve(np.eye(len(V)) + chip.Lambda @ V, np.column_stack([chip.eta, chip.Lambda]))
    W = solved[:, 1:]
    return solved[:, 0], (W + W.T) / 2


def _errors(
    chips: Sequence[MeasuredChip],
    A: Float[np.ndarray, "p kinds"],
    common: Float[np.ndarray, "kinds kinds"],
    local: Float[np.ndarray, " kinds"],
) -> tuple[Float[np.ndarray, " kinds"], Float[np.ndarray, "kinds kinds"], Float[np.ndarray, " kinds"]]:
    """Standard errors of means, of the entries of `common`, and of the local standard deviations."""
    kinds = len(local)
    V = A @ common @ A.T + np.diag(A @ local)
    i, j = np.tril_indices(kinds)
    own = np.flatnonzero(local > 0)
    # The priors: a tolerance for each mean, some chips for each variance and covariance.
    v = np.diag(common)
    of_mean = np.eye(kinds)
    one = _WEIGHT / np.concatenate([v[i] * v[j] * np.where(i == j, 2, 1), 2 * local[own] ** 2])
    of_variance = np.diag(one)
    for chip in chips:
        _, W = _evidence(chip, V)
        within = A.T @ W @ A
        of_mean += within
        of_variance += _variance_information(W, A, within, i, j, own)
    sd = np.sqrt(np.diag(_inverse(of_variance)))
    common_error = np.zeros((kinds, kinds))
    common_error[i, j] = common_error[j, i] = sd[: len(i)]
    local_error = np.zeros(kinds)
    # d sigma = d(sigma^2)/(2 sigma).
    local_error[own] = sd[len(i) :] / (2 * np.sqrt(local[own]))
    return np.sqrt(np.diag(_inverse(of_mean))), common_error, local_error


def _inverse(information: Float[np.ndarray, "v v"]) -> Float[np.ndarray, "v v"]:
    # Variances of unlike size: scaled to a unit diagonal first.
    scale = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    return np.asarray(np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale))


def _variance_information(
    W: Float[np.ndarray, "p p"],
    A: Float[np.ndarray, "p kinds"],
    within: Float[np.ndarray, "kinds kinds"],
    i: Int[np.ndarray, " pairs"],
    j: Int[np.ndarray, " pairs"],
    own: Int[np.ndarray, " own"],
) -> Float[np.ndarray, "v v"]:
    """`tr(W dV W dV')/2` with `dV` of a variance or covariance of `common`, or of a local variance."""
    # dV = a_i a_j^T + a_j a_i^T (once on the diagonal): the trace is a sum of products of a^T W a.
    factor = np.where(i == j, 0.5, 1.0)
    pairs = within[np.ix_(i, i)] * within[np.ix_(j, j)] + within[np.ix_(i, j)] * within[np.ix_(j, i)]
    between = A.T @ W
    mixed = 2 * (between[i][:, :, None] * between[j][:, :, None] * A[:, own]).sum(axis=1)
    squares = A[:, own].T @ W**2 @ A[:, own]
    top = np.hstack([2 * pairs * np.outer(factor, factor), mixed * factor[:, None]])
    return np.vstack([top, np.hstack([(mixed * factor[:, None]).T, squares])]) / 2
