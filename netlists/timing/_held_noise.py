"""Covariance with held sources."""

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits.state_spaces import StateSpace
from ._rates import Rates

_HELD_BIAS = 0.05
"""Largest relative bias of a variance by the default time that a noise source is held."""


def held_noise_covariance(space: StateSpace, step: float) -> Float[np.ndarray, "n n"]:
    """Stationary readout covariance [V^2] when each noise current holds its value for `step` [s].

    Sources of density S that are redrawn every `step` have variance S/step, and the states at those instants obey
    `s' = Phi s + Gamma w` with `Phi = exp(-F step)`, `Gamma = F^-1 (1 - Phi) C^-1`: a discrete Lyapunov equation
    (Astrom, Computer-Controlled Systems, sampling of systems with zero-order hold). One RC cell, r = step/RC:
    kT/C (2/r) tanh(r/2) at the instants, against `2 (r - 1 + exp(-r))/r^2` averaged over all times.
    """
    F = space.F
    Phi = scipy.linalg.expm(-F * step)
    Gamma = np.linalg.solve(F, np.eye(len(F)) - Phi) @ np.linalg.inv(space.C)
    P = scipy.linalg.solve_discrete_lyapunov(Phi, Gamma @ space.noise @ Gamma.T / step)
    return np.asarray(space.M @ P @ space.M.T)


def stationary_covariance(space: StateSpace) -> Float[np.ndarray, "n n"]:
    """Stationary readout covariance [V^2] with white noise: `M P M^T`, `F P + P F^T = Q`."""
    P = scipy.linalg.solve_continuous_lyapunov(space.F, space.Q)
    return np.asarray(space.M @ P @ space.M.T)


def default_hold(found: Rates, space: StateSpace) -> float:
    """The largest of a row of halved times with which every variance is within 5 % of the white-noise one [s]."""
    hold = 0.5 / found.cells
    exact = np.diag(stationary_covariance(space))
    while hold * found.fastest > 1e-3:
        bias = np.diag(held_noise_covariance(space, hold)) / np.where(exact > 0, exact, 1.0) - 1
        if np.abs(np.where(exact > 0, bias, 0.0)).max() < _HELD_BIAS:
            break
        hold /= 2
    return hold
