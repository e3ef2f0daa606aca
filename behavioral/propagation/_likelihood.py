"""Exact log-probability of observed paths, and its gradient by reverse mode through the transitions."""

import math
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

from ...files.arrays import real_numbers
from ._linear_process import DenseProcess
from ._sampling import Spacings
from ._transitions import Transition, pull_back, transitions

# Transitions held at once, in numbers per matrix kind.
_HELD = 1 << 20


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of a log-probability: `dl = <drift, dF> + <mean, dm> + <diffusion, dQ>` for symmetric dQ."""

    drift: Float[np.ndarray, "n n"]
    mean: Float[np.ndarray, " n"]
    diffusion: Float[np.ndarray, "n n"]


@dataclass(frozen=True, eq=False)
class ObservedSteps:
    """All observed steps of some durations: deviations from the mean before and after, (*paths, steps, n).

    `before` is None for a first value from the stationary law.
    """

    times: Float[np.ndarray, " distinct"]
    index: np.ndarray
    before: Float[np.ndarray, "*paths steps n"] | None
    after: Float[np.ndarray, "*paths steps n"]

    def laws(self, process: DenseProcess) -> Transition:
        if self.before is None:
            P = process.stationary_covariance()[None]
            return Transition(np.zeros_like(P) - np.eye(process.n), P)
        return transitions(process.drift, process.diffusion, self.times)

    def residuals(self, law: Transition, k: int) -> tuple[np.ndarray, np.ndarray | None]:
        rows = np.flatnonzero(self.index == k)
        after = self.after[..., rows, :]
        if self.before is None:
            return after, None
        before = self.before[..., rows, :]
        # after - Phi before, with Phi = 1 + E: the small change keeps its digits for short steps.
        return after - before - before @ law.change[k].T, before

    def log_prob(self, process: DenseProcess) -> np.ndarray:
        law = self.laws(process)
        total = np.zeros(self.after.shape[:-2])
        for k in range(len(self.times)):
            L, sd, logdet = _factor(law.covariance[k])
            r, _ = self.residuals(law, k)
            white = scipy.linalg.solve_triangular(L, (r / sd).reshape(-1, process.n).T, lower=True)
            square = np.sum(white**2, axis=0).reshape(r.shape[:-1])
            total = total - 0.5 * np.sum(square + logdet + process.n * math.log(2.0 * math.pi), axis=-1)
        return np.asarray(total)

    def gradient(self, process: DenseProcess) -> Gradient:
        law = self.laws(process)
        n = process.n
        decay_bar = np.zeros_like(law.change)
        covariance_bar = np.zeros_like(law.covariance)
        mean_bar = np.zeros(n)
        for k in range(len(self.times)):
            L, sd, _ = _factor(law.covariance[k])
            r, before = self.residuals(law, k)
            flat = r.reshape(-1, n)
            e = scipy.linalg.cho_solve((L, True), (flat / sd).T).T / sd
            inverse = scipy.linalg.cho_solve((L, True), np.eye(n)) / np.outer(sd, sd)
            covariance_bar[k] = 0.5 * (e.T @ e - len(flat) * (inverse + inverse.T) / 2)
            mean_bar -= law.change[k].T @ np.sum(e, axis=0)
            if before is not None:
                decay_bar[k] = e.T @ before.reshape(-1, n)
        if self.before is None:
            Lambda = process.lyapunov.solve(covariance_bar[0], adjoint=True)
            return Gradient(-2.0 * Lambda @ law.covariance[0], mean_bar, Lambda)
        F_bar, Q_bar = pull_back(process.drift, process.diffusion, self.times, decay_bar, covariance_bar)
        return Gradient(F_bar, mean_bar, Q_bar)


def observed_steps(
    process: DenseProcess,
    times: Float[np.ndarray, " times"],
    values: Float[np.ndarray, "*paths times n"],
    x0: Float[np.ndarray, " n"] | None,
    given_first: bool,
) -> list[ObservedSteps]:
    """The record as groups of steps, few enough durations in each to hold their transitions."""
    times = real_numbers(times, "log_prob: times")
    values = real_numbers(values, "log_prob: values")
    if times.ndim != 1 or values.shape[-2:] != (len(times), process.n) or values.ndim not in (2, 3):
        raise ValueError(
            f"log_prob: expected values (times, n) or (paths, times, n) with {len(times)} times and "
            f"n = {process.n}, got {values.shape}."
        )
    if not (np.all(np.isfinite(times)) and np.all(np.isfinite(values))):
        raise ValueError("log_prob: expected finite times and values, got nan or inf.")
    if np.any(np.diff(times) <= 0.0) or (len(times) and times[0] < 0.0):
        raise ValueError("log_prob: expected times of at least 0 that rise strictly.")
    if not len(times):
        return []
    y = values - process.mean
    once = np.zeros(1, dtype=np.int64)
    result = []
    if x0 is not None and times[0] > 0.0 and not given_first:
        start = np.broadcast_to(real_numbers(x0, "log_prob: x0") - process.mean, y[..., :1, :].shape)
        result.append(ObservedSteps(times[:1], once, start, y[..., :1, :]))
    elif x0 is None and not given_first:
        result.append(ObservedSteps(np.zeros(1), once, None, y[..., :1, :]))
    spacings = Spacings.of(times)
    held = max(1, _HELD // process.n**2)
    for first in range(0, len(spacings.values), held):
        rows = np.flatnonzero((spacings.index >= first) & (spacings.index < first + held))
        part = spacings.values[first : first + held]
        before = y[..., rows, :]
        after = y[..., rows + 1, :]
        result.append(ObservedSteps(part, spacings.index[rows] - first, before, after))
    return result


def log_prob_and_gradient(process: DenseProcess, steps: list[ObservedSteps]) -> tuple[float, Gradient]:
    n = process.n
    value = 0.0
    drift = np.zeros((n, n))
    mean = np.zeros(n)
    diffusion = np.zeros((n, n))
    for part in steps:
        value += float(np.sum(part.log_prob(process)))
        gradient = part.gradient(process)
        drift = drift + gradient.drift
        mean = mean + gradient.mean
        diffusion = diffusion + gradient.diffusion
    return value, Gradient(drift, mean, diffusion)


def _factor(S: Float[np.ndarray, "n n"]) -> tuple[np.ndarray, np.ndarray, float]:
    """Cholesky factor of the correlations, standard deviations, log determinant."""
    sd = np.sqrt(np.diag(S))
    try:
        if not np.all(sd > 0.0):
            raise np.linalg.LinAlgError
        L = np.linalg.cholesky(S / np.outer(sd, sd))
    except np.linalg.LinAlgError:
        raise ValueError(
            "log_prob: the covariance of a step is singular, so there is no density: "
            "some direction of the state carries no noise, or too little for the step."
        ) from None
    return L, sd, 2.0 * float(np.sum(np.log(np.diag(L))) + np.sum(np.log(sd)))
