"""Response and noise of a circuit over frequency, with their derivatives by every parameter."""

from math import pi

import numpy as np
from jaxtyping import Complex, Float

from ._calibrate_sensitivity import Sensitivity, collect


def response(
    circuit: Sensitivity, frequencies: Float[np.ndarray, " f"], size: int
) -> tuple[Complex[np.ndarray, "f n"], Complex[np.ndarray, "f n p"]]:
    """Readouts [V] with the drive as a sine of its own amplitude, `M (iw + F)^-1 drive + y`, and their derivatives.

    A change forces the states in proportion to the response that is there: `dH = (M (iw + F)^-1 forcing + direct)
    (row [s, 1])`.
    """
    m, modes = circuit.m, circuit.modes
    left, drive, forcing = circuit.M @ modes.V, modes.W @ circuit.drive, modes.W @ circuit.forcing
    seen = circuit.row[:, :m] @ modes.V
    H = np.empty((len(frequencies), len(left)), dtype=complex)
    jacobian = np.empty((len(frequencies), len(left), size), dtype=complex)
    for k, f in enumerate(frequencies):
        once = 1 / (2j * pi * f + modes.lam)
        H[k] = left @ (once * drive) + circuit.y_drive
        q = seen @ (once * drive) + circuit.row[:, m]
        change = ((left * once) @ forcing + circuit.direct) * q
        jacobian[k] = collect(change.T, circuit.parameter, size).T
    return H, jacobian


def densities(
    circuit: Sensitivity, frequencies: Float[np.ndarray, " f"], size: int
) -> tuple[Float[np.ndarray, "f n"], Float[np.ndarray, "f n p"]]:
    """One-sided noise density of each readout [V^2/Hz], `2 sum_j S_j |h_ij|^2`, and its derivatives."""
    m, modes, S = circuit.m, circuit.modes, circuit.densities
    left, noise, forcing = circuit.M @ modes.V, modes.W @ circuit.L, modes.W @ circuit.forcing
    seen, at_once = circuit.row[:, :m] @ modes.V, circuit.row[:, m + 2 :]
    psd = np.empty((len(frequencies), len(left)))
    jacobian = np.empty((len(frequencies), len(left), size))
    for k, f in enumerate(frequencies):
        once = 1 / (2j * pi * f + modes.lam)
        h = (left * once) @ noise + circuit.D
        power = np.abs(h) ** 2
        psd[k] = 2 * power @ S
        G = (left * once) @ forcing + circuit.direct
        # sum_j conj(h_ij) S_j q_kj with q = row [s, noise]; the product with few rows goes first.
        weighted = np.conj(h) * S
        q = (weighted @ (once[:, None] * noise).T) @ seen.T + weighted @ at_once.T
        through = collect((4 * (G * q).real).T, circuit.parameter, size)
        sources = collect((2 * power[:, circuit.source] * circuit.slope).T, circuit.owner, size)
        jacobian[k] = (through + sources).T
    return psd, jacobian


def covariance(circuit: Sensitivity, size: int) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n p"]]:
    """Stationary covariance of the readouts [V^2] and its derivatives.

    In the modes the Lyapunov equation is a division, `P_ab = Q_ab/(lam_a + lam_b)`, and so is that of a change:
    `dQ - dF P - P dF^T = forcing w^T + w forcing^T` with `w = P row_s^T + L S row_noise^T`.
    """
    m, modes, S = circuit.m, circuit.modes, circuit.densities
    left, noise, forcing = circuit.M @ modes.V, modes.W @ circuit.L, modes.W @ circuit.forcing
    inverse = 1 / (modes.lam[:, None] + modes.lam)
    P = (noise * S) @ noise.T * inverse
    seen = circuit.row[:, :m] @ modes.V
    w = P @ seen.T + (noise * S) @ circuit.row[:, m + 2 :].T
    # (terms, n, m): both sides of each term, readouts applied.
    first, second = left * forcing.T[:, None, :], left * w.T[:, None, :]
    terms = first @ inverse @ np.swapaxes(second, 1, 2)
    terms += circuit.direct.T[:, :, None] * (seen @ P @ left.T)[:, None, :]
    terms = terms + np.swapaxes(terms, 1, 2)
    n = len(left)
    jacobian = collect(terms.real.reshape(-1, n * n), circuit.parameter, size)
    picked = left * noise.T[circuit.source][:, None, :]
    sources = (picked @ inverse @ np.swapaxes(picked, 1, 2)).real * circuit.slope[:, None, None]
    jacobian = jacobian + collect(sources.reshape(-1, n * n), circuit.owner, size)
    value = (left @ P @ left.T).real
    return (value + value.T) / 2, jacobian.reshape(size, n, n).transpose(1, 2, 0)
