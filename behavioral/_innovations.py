"""Innovations of a noisy record: what each sample adds to what the model expected from those before it."""

import numpy as np
import scipy.linalg
from jaxtyping import Float

from ._response import Response
from ._transition import transition


def innovations(
    response: Response,
    times: Float[np.ndarray, " times"],
    v: Float[np.ndarray, "times n"],
    v0: Float[np.ndarray, " n"],
    readout_sigma: float,
) -> tuple[Float[np.ndarray, "times n"], Float[np.ndarray, "times n"]]:
    """Standardised innovations, independent N(0, 1) when the model is true (Kalman, 1960), and their scales [V].

    The record starts from known cell voltages v0 [V] at time 0; each sample has independent readout noise of
    standard deviation `readout_sigma` [V].
    """
    process, M = response.process, response.space.M
    offset = response.space.y_drive + response.space.y_bias
    mean, P = response.initial(v0), np.zeros_like(process.drift)
    R = readout_sigma**2 * np.eye(response.n)
    out, scales = np.zeros_like(v), np.ones_like(v)
    previous, steps = 0.0, {}
    for k, time in enumerate(times):
        step = round(float(time - previous), 18)
        if step not in steps:
            one = transition(process.drift, process.diffusion, step)
            steps[step] = one.decay, one.covariance
        decay, covariance = steps[step]
        mean = process.mean + decay @ (mean - process.mean)
        P = decay @ P @ decay.T + covariance
        S = M @ P @ M.T + R
        innovation = v[k] - (M @ mean + offset)
        # Before any noise has come in the readout is the mean itself.
        if np.any(S):
            L = np.linalg.cholesky((S + S.T) / 2)
            scales[k] = np.diag(L)
            out[k] = scipy.linalg.solve_triangular(L, innovation, lower=True)
            gain = scipy.linalg.solve_triangular(L, M @ P, lower=True)
            mean = mean + gain.T @ out[k]
            P = P - gain.T @ gain
        previous = float(time)
    return out, scales


def log_likelihood(e: Float[np.ndarray, "times n"], scales: Float[np.ndarray, "times n"]) -> float:
    """Of a record with these innovations and scales, without the constant."""
    return -float(np.sum(e**2) / 2 + np.sum(np.log(scales)))
