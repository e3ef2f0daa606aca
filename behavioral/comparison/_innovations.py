"""Innovations of a noisy record: what each sample adds to what the model expected from those before it."""

import numpy as np
import scipy
from jaxtyping import Float

from ..devices import Response
from ..processes import OrnsteinUhlenbeck
from ..propagation import Transition, transition


def innovations(
    response: Response,
    times: Float[np.ndarray, " times"],
    v: Float[np.ndarray, "times n"],
    v0: Float[np.ndarray, " n"],
    readout_sigma: float,
    hold: float | None = None,
) -> tuple[Float[np.ndarray, "times n"], Float[np.ndarray, "times n"]]:
    """Standardised innovations, independent N(0, 1) when the model is true (Kalman, 1960), and their scales [V].

    The record starts from known cell voltages v0 [V] at time 0; each sample has independent readout noise of
    standard deviation `readout_sigma` [V]. With `hold` [s] the noise is that of a simulator whose random sources keep
    their value so long; times are whole multiples of it.
    """
    process = response.process
    M = response.M
    offset = response.space.y_drive + response.space.y_bias
    mean = response.initial(v0)
    P = np.diag(response.start_sd**2)
    R = readout_sigma**2 * np.eye(response.n)
    out = np.zeros_like(v)
    scales = np.ones_like(v)
    previous = 0.0
    steps = {}
    for k, time in enumerate(times):
        step = float(f"{time - previous:.9g}")  # steps that differ by rounding of the times are one
        if step not in steps:
            one = _step(process, step, hold)
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


def _step(process: OrnsteinUhlenbeck, t: float, hold: float | None) -> Transition:
    if hold is None:
        return transition(process.drift, process.diffusion, t)
    # s' = Phi s + F^-1 (1 - Phi) C^-1 w with Cov(w) = S/hold (Astrom, Computer-Controlled Systems, 1984).
    once = transition(process.drift, np.zeros_like(process.drift), hold)
    inflow = np.linalg.solve(process.drift, -once.change)
    return Transition(once.change, inflow @ process.diffusion @ inflow.T / hold).repeated(round(t / hold))


def log_likelihood(e: Float[np.ndarray, "times n"], scales: Float[np.ndarray, "times n"]) -> float:
    """Log density of a record with these innovations and scales, without the constant."""
    return -float(np.sum(e**2) / 2 + np.sum(np.log(scales)))
