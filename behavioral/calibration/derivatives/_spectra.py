"""Response and noise of a circuit over frequency, with their derivatives by every parameter."""

from math import pi

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ._changes import picks
from ._sensitivity import Sensitivity


def response(
    circuit: Sensitivity, frequencies: Float[np.ndarray, " f"], size: int
) -> tuple[Complex[np.ndarray, "f n"], Complex[np.ndarray, "f n p"]]:
    """Readouts [V] with the drive as a sine of its own amplitude, `M (iw + F)^-1 drive + y`, and their derivatives.

    A change forces the states in proportion to the response that is there: `dH = (M (iw + F)^-1 forcing + direct)
    (row [s, 1])`.
    """
    by_parameter = picks(circuit.parameter, size)
    m, modes = circuit.m, circuit.modes
    left, drive, forcing = circuit.M @ modes.V, modes.W @ circuit.drive, modes.W @ circuit.forcing
    seen = circuit.row[:, :m] @ modes.V
    H = np.empty((len(frequencies), len(left)), dtype=complex)
    jacobian = np.empty((len(frequencies), len(left), size), dtype=complex)
    for k, f in enumerate(frequencies):
        once = 1 / (2j * pi * f + modes.lam)
        H[k] = left @ (once * drive) + circuit.y_drive
        q = seen @ (once * drive) + circuit.row[:, m]
        change = circuit.spread((left * once) @ forcing + circuit.direct) * q
        jacobian[k] = (by_parameter @ change.T).T
    return H, jacobian


def densities(
    circuit: Sensitivity, frequencies: Float[np.ndarray, " f"], size: int
) -> tuple[Float[np.ndarray, "f n"], Float[np.ndarray, "f n p"]]:
    """One-sided noise density of each readout [V^2/Hz], `2 sum_j S_j |h_ij|^2`, and its derivatives.

    With `q = row [s, noise]` of each source the derivative by a term is `4 Re(G sum_j conj(h_j) S_j q_j)`, G as in
    `response`. The sums over the sources are formed once for all frequencies.
    """
    m, modes, S = circuit.m, circuit.modes, circuit.densities
    left, noise, forcing = circuit.M @ modes.V, modes.W @ circuit.L, modes.W @ circuit.forcing
    seen, at_once = circuit.row[:, :m] @ modes.V, circuit.row[:, m + 2 :]
    # h = (left * once) @ noise + D, and the states' part of q is (once * noise): each a product of two, so four sums.
    weighted = np.vstack([np.conj(noise), circuit.D]) * S
    through_states, through_row = weighted @ noise.T, weighted @ at_once.T
    by_parameter, by_owner = picks(circuit.parameter, size), picks(circuit.owner, size)
    psd = np.empty((len(frequencies), len(left)))
    jacobian = np.empty((len(frequencies), len(left), size))
    for k, f in enumerate(frequencies):
        once = 1 / (2j * pi * f + modes.lam)
        reach = left * once
        power = np.abs(reach @ noise + circuit.D) ** 2
        psd[k] = 2 * power @ S
        G = circuit.spread(reach @ forcing + circuit.direct)
        states, row = (np.conj(reach) @ part[:m] + part[m:] for part in (through_states, through_row))
        q = (states * once) @ seen.T + row
        through = by_parameter @ (4 * (G * q).real).T
        sources = by_owner @ (2 * power[:, circuit.source] * circuit.slope).T
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
    across = seen @ P @ left.T
    n, direct = len(left), circuit.spread(circuit.direct)
    # (places, n, m): the side of each term that is where it acts.
    places = (left * forcing.T[:, None, :]) @ inverse
    jacobian = np.zeros((n * n, size))
    for some in _parts(len(w.T)):
        first = places[circuit.plus[some]] - places[circuit.minus[some]]
        terms = first @ np.swapaxes(left * w.T[some, None, :], 1, 2)
        terms += direct.T[some, :, None] * across[some, None, :]
        terms = (terms + np.swapaxes(terms, 1, 2)).real
        jacobian += terms.reshape(-1, n * n).T @ picks(circuit.parameter[some], size).T
    for some in _parts(len(S)):
        picked = left * noise.T[some, None, :]
        sources = (picked @ inverse @ np.swapaxes(picked, 1, 2)).real.reshape(-1, n * n)
        mine = (circuit.source >= some.start) & (circuit.source < some.stop)
        slopes = scipy.sparse.csr_array(
            (circuit.slope[mine], (circuit.source[mine] - some.start, circuit.owner[mine])), shape=(len(sources), size)
        )
        jacobian += sources.T @ slopes
    value = (left @ P @ left.T).real
    return (value + value.T) / 2, jacobian.reshape(n, n, size)


_PART = 128
"""Terms of a covariance at once: their products fit into the cache of a small machine."""


def _parts(count: int) -> list[slice]:
    return [slice(k, min(k + _PART, count)) for k in range(0, count, _PART)]
