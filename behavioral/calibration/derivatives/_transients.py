"""Waveforms of a circuit with their derivatives by every parameter, in the few shapes that they are made of."""

from dataclasses import dataclass, replace

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ._changes import picks
from ._sensitivity import Sensitivity, differences

_DEAD = 1e-18

_NEGLIGIBLE = 1e-14
"""Directions in time of which a basis of exponentials has less than this part are rounding."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """Readouts v [V], and their derivatives `basis @ coefficients[i]` for readout i.

    A sum of exponentials with rates close to each other has far fewer independent shapes than sampling times.
    """

    v: Float[np.ndarray, "times n"]
    basis: Float[np.ndarray, "times r"]
    """Orthonormal columns."""
    coefficients: Float[np.ndarray, "n r p"]
    slope: Float[np.ndarray, "times n"]
    """Of the readouts over time [V/s]."""

    def with_change(self, parameter: int, change: Float[np.ndarray, "times n"]) -> "Waveform":
        """With one more derivative by a parameter, which may have shapes of its own."""
        inside = self.basis.T @ change
        outside = change - self.basis @ inside
        Q, R = np.linalg.qr(outside)
        # A direction that the basis has already leaves only rounding, which is no direction.
        own = np.abs(np.diag(R)) > _NEGLIGIBLE**0.5 * max(float(np.abs(change).max()), np.finfo(float).tiny)
        Q = Q[:, own]
        coefficients = np.pad(self.coefficients, ((0, 0), (0, Q.shape[1]), (0, 0)))
        coefficients[:, :, parameter] += np.vstack([inside, Q.T @ outside]).T
        return replace(self, basis=np.hstack([self.basis, Q]), coefficients=coefficients)

    @property
    def jacobian(self) -> Float[np.ndarray, "times n p"]:
        """Derivatives of v."""
        return np.asarray(np.einsum("tr,nrp->tnp", self.basis, self.coefficients))


def transient(
    circuit: Sensitivity, times: Float[np.ndarray, " times"], v0: Float[np.ndarray, " n"], size: int
) -> Waveform:
    """Readouts and their derivatives at times after a start from cell voltages v0.

    With modes `F = V diag(lam) V^-1` a change that is driven by mode j moves mode i by the divided difference
    `(exp(-lam_j t) - exp(-lam_i t))/(lam_i - lam_j)`: exact, no time is stepped. So every derivative is a sum
    of `exp(-lam_i t)` and `t exp(-lam_i t)`.
    """
    m, lam, V, W = circuit.m, circuit.modes.lam, circuit.modes.V, circuit.modes.W
    c = W @ (circuit.initial @ v0 - circuit.settled)
    # The constant part of a trajectory is one more mode, of rate zero.
    rates = np.append(lam, 0.0)
    amplitude = np.vstack([(circuit.row[:, :m] @ V * c).T, circuit.step_row @ np.append(circuit.settled, 1.0)])
    decay = np.exp(-np.multiply.outer(rates, times))
    # Modes that have died out before the first sample have no part in the sum, and of a conjugate pair one is enough.
    alive = np.flatnonzero((np.abs(decay).max(axis=1) > _DEAD) & (rates.imag >= 0))
    weight = np.where(rates[alive].imag > 0, 2.0, 1.0)[:, None]
    basis, expand = _shapes(weight * decay[alive], times)
    apart, close = differences(lam, rates)
    mine = alive[alive < m]
    own = apart[mine] @ amplitude
    driving = amplitude[alive]
    modal, left = W @ circuit.forcing, circuit.M @ V
    by_parameter = picks(circuit.parameter, size)
    # Hardly any rates coincide but each with itself.
    equal = scipy.sparse.csr_array(close[:, alive].T)
    coefficients = np.empty((len(left), basis.shape[1], size))
    for k, weights in enumerate(left):
        # d v_k(t) = sum_ij driven_i phi_ij(t) amplitude_j + direct * amplitude
        driven = weights[:, None] * modal
        once = circuit.spread(apart[:, alive].T @ driven + circuit.direct[k]) * driving
        once[: len(mine)] -= circuit.spread(driven[mine]) * own
        twice = circuit.spread(equal @ driven) * driving
        coefficients[k] = (by_parameter @ (expand @ np.vstack([once.real, twice.real, once.imag, twice.imag])).T).T
    states = circuit.settled + (V * c @ decay[:-1]).real.T
    slope = -(V * (lam * c) @ decay[:-1]).real.T @ circuit.M.T
    return Waveform(states @ circuit.M.T + circuit.y, basis, coefficients, slope)


def trajectory(
    circuit: Sensitivity, times: Float[np.ndarray, " times"], v0: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "times n"], Float[np.ndarray, "times n"]]:
    """Readouts [V] at times after a start from cell voltages v0, and their slopes [V/s]."""
    lam, V = circuit.modes.lam, circuit.modes.V
    amplitude = V * _start(circuit, v0)
    decay = np.exp(-np.multiply.outer(lam, times))
    v = (circuit.settled + (amplitude @ decay).real.T) @ circuit.M.T + circuit.y
    return v, -(amplitude * lam @ decay).real.T @ circuit.M.T


def _start(circuit: Sensitivity, v0: Float[np.ndarray, " n"]) -> Complex[np.ndarray, " m"]:
    """How far each mode is from where it settles."""
    return np.asarray(circuit.modes.W @ (circuit.initial @ v0 - circuit.settled))


def pulled(
    circuit: Sensitivity,
    times: Float[np.ndarray, " times"],
    v0: Float[np.ndarray, " n"],
    size: int,
    weight: Float[np.ndarray, "times n"],
) -> Float[np.ndarray, " p"]:
    """The derivative of `sum(weight * v)` by every parameter, without those of each readout (adjoint).

    With `a_i(t)` what mode i contributes to the sum and `q_ij = sum_t a_i(t) phi_ij(t)`, phi as in `transient`, a term
    that mode j drives at one place pulls by `forcing^T q amplitude`.
    """
    m, lam = circuit.m, circuit.modes.lam
    rates = np.append(lam, 0.0)
    decay = np.exp(-np.multiply.outer(rates, times))
    seen = (weight @ (circuit.M @ circuit.modes.V)).T
    apart, close = differences(lam, rates)
    own = np.sum(seen * decay[:m], axis=1, keepdims=True)
    q = apart * (seen @ decay.T - own) + close * ((seen * times) @ decay.T)
    places = (circuit.modes.W @ circuit.forcing).T @ q + circuit.direct.T @ (decay @ weight).T
    driving = np.vstack(
        [
            (circuit.row[:, :m] @ (circuit.modes.V * _start(circuit, v0))).T,
            circuit.step_row @ np.append(circuit.settled, 1.0),
        ]
    )
    return np.asarray(picks(circuit.parameter, size) @ np.sum(circuit.spread(places.T) * driving, axis=0).real)


def _shapes(
    decay: Complex[np.ndarray, "a times"], times: Float[np.ndarray, " times"]
) -> tuple[Float[np.ndarray, "times r"], Float[np.ndarray, "r parts"]]:
    """Orthonormal functions of time, and what each of `decay` and `times * decay`, real parts first, has of them.

    The parts that real coefficients meet: `Re(z f) = Re z Re f - Im z Im f`.
    """
    both = np.vstack([decay, times * decay])
    parts = np.vstack([both.real, -both.imag])
    length = np.linalg.norm(parts, axis=1, keepdims=True)
    units = parts / np.where(length > 0, length, 1.0)
    _, values, right = np.linalg.svd(units, full_matrices=False)
    basis = right[values > _NEGLIGIBLE * values[0]].T
    return basis, (parts @ basis).T
