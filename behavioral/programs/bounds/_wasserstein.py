"""Distance of two Gaussian laws, and the heat of the best way from one to the other."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Float

from ..._exceptions import ProblemError
from ...processes import OrnsteinUhlenbeck


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A law of voltages: mean [V] and covariance [V^2]."""

    mean: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n n"]


def wasserstein(start: Gaussian, end: Gaussian) -> float:
    """Square of the Wasserstein distance [V^2]: `|m0 - m1|^2 + tr(S0 + S1 - 2 (S0^1/2 S1 S0^1/2)^1/2)`."""
    if start.covariance.shape != end.covariance.shape:
        raise ProblemError(f"laws: expected two of one size, got {len(start.mean)} and {len(end.mean)} voltages")
    root = _root(start.covariance)
    cross = _root(root @ end.covariance @ root)
    moved = float(((start.mean - end.mean) ** 2).sum())
    return max(moved + float(np.trace(start.covariance + end.covariance - 2 * cross)), 0.0)


def _root(S: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    w, V = scipy.linalg.eigh((S + S.T) / 2)
    return np.asarray((V * np.sqrt(np.maximum(w, 0.0))) @ V.T)


def least_energy(square: float, C: float, tau: float, seconds: float) -> float:
    """Least heat [J] of a process that moves the law of cells by a Wasserstein distance: `C tau square / seconds`.

    A cell of capacitance C behind a resistor `tau/C` follows `dv = F dt/(C tau)` with the force F on its voltage, so
    that its mobility is `1/(C tau)`; the least dissipation of an overdamped process is the square of the distance over
    mobility and time (Aurell et al., J. Stat. Phys. 147, 2012). It is reached by a straight path at constant speed.

    Args:
        square: of the distance [V^2].
        C: of each cell [F].
        tau: time constant of a cell [s].
        seconds: that the process has.
    """
    return C * tau * square / seconds if seconds > 0 else 0.0


def dissipated(
    process: OrnsteinUhlenbeck, start: Float[np.ndarray, " n"], C: float, tau: float, seconds: float
) -> float:
    """Heat [J] by which the mean of a relaxing device falls short of a reversible way, from a start [V] for a time [s].

    The mean obeys `dm = -F (m - m_inf) dt`; what moves it dissipates `C tau |dm/dt|^2`, of which this is the integral.
    For a device that relaxes freely it is larger than `least_energy`, which a drive at constant speed reaches.
    """
    F = process.drift
    away = start - process.mean
    # d/dt e^{-F't} X e^{-Ft} = -e^{-F't} (F'X + X F) e^{-Ft}: the integral of the speed is a Lyapunov equation.
    X = scipy.linalg.solve_continuous_lyapunov(F.T, F.T @ F)
    left = scipy.linalg.expm(-F * seconds) @ away
    return float(C * tau * (away @ X @ away - left @ X @ left))
