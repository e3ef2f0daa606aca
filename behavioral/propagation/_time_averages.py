"""What a readout averages over time, in closed form."""

import itertools
import math

import numpy as np
from jaxtyping import Float, Inexact

from ._gaussian import Gaussian
from ._linear_process import DenseProcess
from ._transitions import transition


def time_average(process: DenseProcess, duration: float, x0: Float[np.ndarray, " n"] | None, wait: float) -> Gaussian:
    """Law of the average of x over `[wait, wait + duration]`.

    The running average `z`, `dz = y dt / duration`, is one more linear state for every state, so its law is that of
    a transition of the doubled process: a sum of positive terms, accurate for short and long windows alike.
    """
    if not (math.isfinite(duration) and duration >= 0.0 and wait >= 0.0):
        raise ValueError(f"time_average: expected a duration and a wait of at least 0, got {duration} and {wait}.")
    n = process.n
    if x0 is None:
        start = np.zeros(n)
        spread = process.stationary_covariance()
    else:
        start = process.mean_at(wait, x0) - process.mean
        spread = process.covariance_at(wait)
    if duration == 0.0:
        return Gaussian(process.mean + start, spread)
    zero = np.zeros((n, n))
    drift = np.block([[process.drift, zero], [-np.eye(n) / duration, zero]])
    noise = np.block([[process.diffusion, zero], [zero, zero]])
    step = transition(drift, noise, duration)
    K = step.change[n:, :n]
    covariance = step.covariance[n:, n:] + K @ spread @ K.T
    return Gaussian(process.mean + K @ start, (covariance + covariance.T) / 2)


def second_moment_variance(process: DenseProcess, duration: float) -> Float[np.ndarray, "n n"]:
    """Variances of `(1/T) * integral of y y^T` for a stationary Gaussian y with autocovariance R (Isserlis):

    `Var_ij = (2/T^2) * integral over s in [0, T] of (T - s) [R_ii(s) R_jj(s) + R_ij(s) R_ji(s)]`.
    """
    if not (math.isfinite(duration) and duration > 0.0):
        raise ValueError(f"second_moment_variance: expected a duration above 0, got {duration}.")
    modal = process.modes
    P = process.stationary_covariance()
    if modal is None:
        return _by_quadrature(process, duration)
    # R(s) = V exp(-lam s) U: every product of two entries is a double sum of exponentials.
    V = modal.V
    U = modal.W @ P
    weight = _triangle_weight((modal.lam[:, None] + modal.lam) * duration)
    own = V * U.T
    first = own @ weight @ own.T
    second = np.stack([_crossed(V, U, weight, i) for i in range(process.n)])
    return np.asarray((first + second).real)


def _crossed(V: np.ndarray, U: np.ndarray, weight: np.ndarray, i: int) -> np.ndarray:
    # sum_kl V_ik U_kj weight_kl V_jl U_li, for all j.
    pair = V[i][:, None] * weight * U[:, i]
    return np.asarray(np.sum(U * (pair @ V.T), axis=0))


def _triangle_weight(z: Inexact[np.ndarray, "..."]) -> Inexact[np.ndarray, "..."]:
    """`2 * integral over u in [0, 1] of (1 - u) exp(-z u) = 2 (exp(-z) - 1 + z) / z^2`."""
    small = np.abs(z) < 0.5
    safe = np.where(small, 1.0, z)
    closed = 2.0 * (np.expm1(-safe) + safe) / safe**2
    series = np.zeros_like(z)
    for k in range(17, 1, -1):
        # 2 (-z)^(k-2) / k!, by Horner from the last term.
        series = series * -np.where(small, z, 0.0) + 2.0 / math.factorial(k)
    return np.where(small, series, closed)


def _by_quadrature(process: DenseProcess, duration: float) -> Float[np.ndarray, "n n"]:
    # 20 Gauss points are exact to rounding on a panel that spans a few radians and a few time constants; later
    # panels are longer, since what is fast has decayed there, but what rings must still be resolved.
    nodes, weights = np.polynomial.legendre.leggauss(20)
    rates = np.linalg.eigvals(process.drift)
    shortest = 1.0 / float(np.max(np.abs(rates)))
    ringing = float(np.max(np.abs(rates.imag)))
    edges = [0.0, min(duration, shortest)]
    while edges[-1] < duration:
        width = min(edges[-1], 2.0 / ringing if ringing > 0.0 else math.inf)
        edges.append(min(duration, edges[-1] + width))
    total = np.zeros((process.n, process.n))
    for low, high in itertools.pairwise(edges):
        s = low + (high - low) * (nodes + 1.0) / 2.0
        R = process.autocovariance(s)
        own = np.diagonal(R, axis1=1, axis2=2)
        pair = own[:, :, None] * own[:, None, :] + R * np.swapaxes(R, 1, 2)
        total += np.tensordot(weights * (high - low) / 2.0 * (duration - s), pair, axes=1)
    return np.asarray(2.0 / duration**2 * total)
