"""Waveforms of a circuit with their derivatives by every parameter, in the few shapes that they are made of."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float, Inexact, Int

from ._changes import picks
from ._sensitivity import Sensitivity, differences

_DEAD = 1e-18

_NEGLIGIBLE = 1e-14
"""Directions in time of which a basis of exponentials has less than this part are rounding."""

_UNTOLD = 1e-7
"""Information of a shape, of all unknowns together and by what their tolerances say, that changes no error bar: of
hundreds of runs not a ten-thousandth of a variance."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """Readouts v [V], and their derivatives `basis @ coefficients[i]` for readout i, times the weights of the times.

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
        """Derivatives of v, times the weights."""
        return np.asarray(np.einsum("tr,nrp->tnp", self.basis, self.coefficients))


def transient(
    circuit: Sensitivity,
    times: Float[np.ndarray, " times"],
    v0: Float[np.ndarray, " n"],
    size: int,
    weights: Float[np.ndarray, " times"] | None = None,
) -> Waveform:
    """Readouts and their derivatives at times after a start from cell voltages v0.

    The derivatives count by the weights of their times, one unless given.

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
    counted = decay[alive] if weights is None else decay[alive] * weights
    basis, expand = _shapes(weight * counted, times)
    modal = _ModalTerms.of(circuit, rates, alive, amplitude)
    by_parameter = picks(circuit.parameter, size)
    coefficients = np.empty((len(circuit.M), basis.shape[1], size))
    for k, weights in enumerate(circuit.M @ V):
        coefficients[k] = (by_parameter @ modal.coefficients(weights, circuit.direct[k], expand)).T
    states = circuit.settled + (V * c @ decay[:-1]).real.T
    slope = -(V * (lam * c) @ decay[:-1]).real.T @ circuit.M.T
    return Waveform(states @ circuit.M.T + circuit.y, basis, coefficients, slope)


@dataclass(frozen=True, eq=False)
class _ModalTerms:
    """`d v(t) = sum_ij driven_i phi_ij(t) amplitude_j + direct * amplitude` of one readout after the other.

    Terms stand in rows, so that what acts at one place is copied at once, and where all modes that are left are real
    nothing is complex.
    """

    circuit: Sensitivity
    alive: Int[np.ndarray, " a"]
    forcing: Complex[np.ndarray, "d m"]
    """Of the modes by each place."""
    apart: Complex[np.ndarray, "m a"]
    others: Float[np.ndarray, "m a"] | None
    """Modes of equal rates but for each with itself; hardly ever any."""
    driving: Inexact[np.ndarray, "k a"]
    own: Inexact[np.ndarray, "k b"]

    @classmethod
    def of(
        cls,
        circuit: Sensitivity,
        rates: Complex[np.ndarray, " j"],
        alive: Int[np.ndarray, " a"],
        amplitude: Complex[np.ndarray, "j k"],
    ) -> "_ModalTerms":
        m = circuit.m
        apart, close = differences(rates[:m], rates)
        mine = alive[alive < m]
        others = close[:, alive]
        others[mine, np.arange(len(mine))] = 0.0
        driving = amplitude[alive].T
        own = (apart[mine] @ amplitude).T
        real = not rates[alive].imag.any()
        return cls(
            circuit,
            alive,
            (circuit.modes.W @ circuit.forcing).T,
            apart[:, alive],
            others if others.any() else None,
            np.ascontiguousarray(driving.real if real else driving),
            np.ascontiguousarray(own.real if real else own),
        )

    def coefficients(
        self,
        weights: Complex[np.ndarray, " m"],
        direct: Float[np.ndarray, " d"],
        expand: Float[np.ndarray, "r parts"],
    ) -> Float[np.ndarray, "k r"]:
        """Of a readout that sees the modes with these weights, in the shapes that `expand` is of."""
        a, b = self.driving.shape[1], self.own.shape[1]
        driven = self.forcing * weights
        moved = driven @ self.apart + direct[:, None]
        placed = [moved, driven[:, self.alive[:b]]]
        if self.others is not None:
            placed.append(driven @ self.others)
        parts = np.hstack(placed)
        terms = self._spread(parts if np.iscomplexobj(self.driving) else parts.real)
        once = terms[:, :a] * self.driving
        once[:, :b] -= terms[:, a : a + b] * self.own
        twice = terms[:, a : a + b] * self.driving[:, :b]
        of_once, of_twice = np.split(expand.reshape(len(expand), 2, 2, a), 2, axis=2)
        found = _by_parts(once) @ self._expanding(of_once[:, :, 0])
        found += _by_parts(twice) @ self._expanding(of_twice[:, :, 0, :b])
        if self.others is not None:
            found += _by_parts(terms[:, a + b :] * self.driving) @ self._expanding(of_twice[:, :, 0])
        return np.asarray(found)

    def _spread(self, places: Inexact[np.ndarray, "d c"]) -> Inexact[np.ndarray, "k c"]:
        terms = places.take(self.circuit.plus, axis=0)
        terms -= places.take(self.circuit.minus, axis=0)
        return terms

    def _expanding(self, parts: Float[np.ndarray, "r two c"]) -> Float[np.ndarray, "q r"]:
        """What real and imaginary parts, one beside the other as in memory, have of each shape."""
        if not np.iscomplexobj(self.driving):
            return parts[:, 0].T
        return np.moveaxis(parts, 0, 2).swapaxes(0, 1).reshape(-1, len(parts))


def _by_parts(terms: Inexact[np.ndarray, "k c"]) -> Float[np.ndarray, "k q"]:
    return terms.view(float) if np.iscomplexobj(terms) else terms


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


def told_shapes(coefficients: Float[np.ndarray, "n r p"]) -> Float[np.ndarray, "r k"]:
    """The shapes in time of which anything can be told: a sum of exponentials has many more, far below the noise."""
    n, r, p = coefficients.shape
    flat = np.swapaxes(coefficients, 0, 1).reshape(r, n * p)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    return np.asarray(vectors[:, values > _UNTOLD])
