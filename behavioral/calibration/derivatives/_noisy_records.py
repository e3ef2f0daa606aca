"""Noisy records: innovations of the exact transition density and their derivatives by every parameter."""

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Complex, Float, Inexact

from ....measurements import MeasurementError
from ._changes import collect
from ._sensitivity import Sensitivity, divided_difference

_CONVERGED = 1e-10
"""Relative change of the predicted covariance below which the filter's gain stays as it is."""

_BLOCK = 256
"""Samples of which the derivatives are driven at once: some megabytes."""


@dataclass(frozen=True, eq=False)
class Step:
    """From one sample to the next in the modes: `s -> decay * s + N(0, P - decay P decay)`, and derivatives."""

    decay: Complex[np.ndarray, " m"]
    covariance: Complex[np.ndarray, "m m"]
    decay_change: Complex[np.ndarray, "p m m"]
    covariance_change: Complex[np.ndarray, "p m m"]


@dataclass(frozen=True, eq=False)
class Innovations:
    """Standardised innovations u (times, n), independent N(0, 1) when the model is true, and what a fit needs."""

    u: Float[np.ndarray, "times n"]
    log_scale: float
    """Sum of the logarithms of the innovations' scales."""
    gradient: Float[np.ndarray, " p"]
    """Of the log-likelihood."""
    information: Float[np.ndarray, "p p"]
    """Fisher's."""


@dataclass(frozen=True, slots=True)
class Delay:
    """A start that comes `value` [s] after the record's time zero: the parameter and the slope of the value by it."""

    parameter: int
    value: float
    slope: float


class Propagation:
    """Derivatives of the circuit's transitions, in its modes."""

    def __init__(self, circuit: Sensitivity, size: int, hold: float | None) -> None:
        modes, m = circuit.modes, circuit.m
        self.lam, self.hold = modes.lam, hold
        forcing, seen = modes.W @ circuit.spread(circuit.forcing), circuit.row[:, :m] @ modes.V
        noise, at_once = modes.W @ circuit.L, circuit.row[:, m + 2 :]
        S = circuit.densities
        # d(-F) = sum of forcing times row; dL likewise.
        self.generator = _outer(forcing.T, seen, circuit, size)
        if hold is None:
            Q = (noise * S) @ noise.T
            through = _outer(forcing.T, at_once @ (S[:, None] * noise.T), circuit, size)
            dQ = through + np.swapaxes(through, 1, 2) + self._sources(noise, circuit, size)
            total = self.lam[:, None] + self.lam
            self.P = Q / total
            half = self.generator @ self.P
            self.dP = (dQ + half + np.swapaxes(half, 1, 2)) / total
        else:
            self._held(hold, noise, S, _outer(forcing.T, at_once, circuit, size), circuit, size)

    def _held(
        self,
        hold: float,
        noise: Complex[np.ndarray, "m j"],
        S: Float[np.ndarray, " j"],
        noise_change: Complex[np.ndarray, "p m j"],
        circuit: Sensitivity,
        size: int,
    ) -> None:
        # s' = Phi s + F^-1 (1 - Phi) L w with Cov(w) = S/hold (Astrom, Computer-Controlled Systems, 1984).
        decay = np.exp(-self.lam * hold)
        inflow = -np.expm1(-self.lam * hold) / self.lam
        slope = (hold * decay - inflow) / self.lam
        N = inflow[:, None] * noise
        dN = (self.generator * divided_difference(self.lam, inflow, slope)) @ noise + inflow[:, None] * noise_change
        through = dN @ (S[:, None] * N.T)
        dQ = (through + np.swapaxes(through, 1, 2) + self._sources(N, circuit, size)) / hold
        total = 1 - decay[:, None] * decay
        self.P = (N * S) @ N.T / hold / total
        dPhi = self.generator * divided_difference(self.lam, decay, -hold * decay)
        half = dPhi @ (self.P * decay)
        self.dP = (dQ + half + np.swapaxes(half, 1, 2)) / total

    def _sources(
        self, noise: Complex[np.ndarray, "m j"], circuit: Sensitivity, size: int
    ) -> Complex[np.ndarray, "p m m"]:
        m = len(noise)
        found = np.zeros((size, m, m), dtype=complex)
        for p in np.unique(circuit.owner):
            mine = circuit.owner == p
            columns = noise[:, circuit.source[mine]]
            found[p] = (columns * circuit.slope[mine]) @ columns.T
        return found

    def step(self, t: float) -> Step:
        """Over a time t [s], with `hold` a whole multiple of it."""
        decay = np.exp(-self.lam * t)
        dPhi = self.generator * divided_difference(self.lam, decay, -t * decay)
        half = dPhi @ (self.P * decay)
        both = decay[:, None] * decay
        # The stationary covariance reproduces itself: what a step adds is what its decay takes.
        return Step(
            decay,
            self.P * (1 - both),
            dPhi,
            self.dP * (1 - both) - half - np.swapaxes(half, 1, 2),
        )


def _outer(
    left: Inexact[np.ndarray, "k a"], right: Inexact[np.ndarray, "k b"], circuit: Sensitivity, size: int
) -> Complex[np.ndarray, "p a b"]:
    """Sum over the terms of each parameter of left times right."""
    found = np.zeros((size, left.shape[1], right.shape[1]), dtype=complex)
    for p in np.unique(circuit.parameter):
        mine = circuit.parameter == p
        found[p] = left[mine].T @ right[mine]
    return found


def innovations(
    circuit: Sensitivity,
    times: Float[np.ndarray, " times"],
    v: Float[np.ndarray, "times n"],
    v0: Float[np.ndarray, " n"],
    readout_sigma: float,
    hold: float | None,
    size: int,
    late: Delay | None = None,
) -> Innovations:
    """Of readouts v [V] at rising times [s] after a start from known cell voltages v0 [V] at time 0.

    Kalman's filter (1960) in the modes of the circuit, differentiated forward. `readout_sigma` is the readout's own
    noise [V]; `hold` as for a simulator whose random sources keep their value so long. A start that comes `late`
    shortens the first step. The information is
    `sum dnu^T S^-1 dnu + tr(S^-1 dS S^-1 dS)/2` over the innovations nu of covariance S (Segal and Weinstein, 1989).
    """
    state = _Filter(circuit, Propagation(circuit, size, hold), v0, readout_sigma, size)
    u = np.empty_like(v)
    steps = equal_steps(times)
    if late is not None:
        steps[0] = float(times[0]) - min(late.value, float(times[0]))
    k = 0
    while k < len(times):
        state.predict(steps[k])
        if k == 0 and late is not None:
            state.start(late, steps[0])
        if not state.steady:
            u[k] = state.correct(v[k])
            k += 1
            continue
        # Gains that stay as they are: the rest with this step is one recursion of known matrices.
        end = next((j for j in range(k, len(steps)) if steps[j] != steps[k]), len(steps))
        u[k:end] = state.correct_all(steps[k], v[k:end])
        k = end
    return Innovations(u, state.log_scale, state.gradient, state.information)


def equal_steps(times: Float[np.ndarray, " times"]) -> list[float]:
    """The steps from one time to the next, from 0 on [s]; those that differ by rounding of the times are equal."""
    return [float(f"{step:.9g}") for step in np.diff(times, prepend=0.0)]


def _started(circuit: Sensitivity, size: int) -> tuple[Complex[np.ndarray, "m m"], Complex[np.ndarray, "p m m"]]:
    """Covariance of the states at a start from known voltages: only 1/f noise has always been there."""
    m, k = circuit.m, circuit.memory
    first = len(circuit.densities) - k
    columns = circuit.modes.W[:, m - k :]
    twice = 2 * np.diag(circuit.F)[m - k :]
    P = (columns * (circuit.densities[first:] / twice)) @ columns.T
    dP = np.zeros((size, m, m), dtype=complex)
    for p in np.unique(circuit.owner[circuit.source >= first]):
        mine = (circuit.owner == p) & (circuit.source >= first)
        chosen = circuit.source[mine] - first
        dP[p] = (columns[:, chosen] * (circuit.slope[mine] / twice[chosen])) @ columns[:, chosen].T
    return P, dP


class _Filter:
    """Mean and covariance of the states in the modes, with their derivatives; both change in place."""

    def __init__(
        self, circuit: Sensitivity, motion: Propagation, v0: Float[np.ndarray, " n"], readout_sigma: float, size: int
    ) -> None:
        modes, m = circuit.modes, circuit.m
        self.motion, self.steps = motion, dict[float, Step]()
        forcing, q = modes.W @ circuit.spread(circuit.forcing), circuit.step_row @ np.append(circuit.settled, 1.0)
        self.M, self.y = circuit.M @ modes.V, circuit.y
        self.settled = modes.W @ circuit.settled
        self.d_settled = collect((forcing * q).T, circuit.parameter, size) / modes.lam
        direct = circuit.spread(circuit.direct)
        self.dM = _outer(direct.T.astype(complex), circuit.row[:, :m] @ modes.V, circuit, size)
        self.dy = collect((direct * circuit.step_row[:, m]).T, circuit.parameter, size)
        self.R = readout_sigma**2 * np.eye(len(self.M))
        self.s = modes.W @ (circuit.initial @ v0)
        self.ds = np.zeros((size, m), dtype=complex)
        self.P, self.dP = _started(circuit, size)
        self.before: tuple[float, np.ndarray] | None = None
        self.steady = False
        self.log_scale, self.gradient, self.information = 0.0, np.zeros(size), np.zeros((size, size))

    def predict(self, t: float) -> None:
        if t not in self.steps:
            self.steps[t] = self.motion.step(t)
        step = self.steps[t]
        away, both = self.s - self.settled, step.decay[:, None] * step.decay
        self.s = self.settled + step.decay * away
        self.ds = self.d_settled * (1 - step.decay) + step.decay * self.ds + step.decay_change @ away
        P = both * self.P + step.covariance
        scale = np.abs(P).max()
        last = self.before[1] if self.before is not None and self.before[0] == t else None
        self.steady = last is not None and bool(np.abs(P - last).max() <= _CONVERGED * scale)
        self.before = (t, P)
        if not self.steady:
            half = step.decay_change @ (self.P * step.decay)
            self.dP = both * self.dP + half + np.swapaxes(half, 1, 2) + step.covariance_change
            self.P = P
            self._gain()

    def start(self, late: Delay, t: float) -> None:
        """How the first prediction, a time t after the start, changes with the start."""
        if t <= 0:
            return
        lam = self.motion.lam
        # ds/dt = -lam (s - settled) and dP/dt = (lam + lam') (P_stationary - P), by how much less time there is.
        self.ds[late.parameter] += late.slope * lam * (self.s - self.settled)
        self.dP[late.parameter] -= late.slope * (lam[:, None] + lam) * (self.motion.P - self.P)
        self._gain()

    def _gain(self) -> None:
        """Of the correction, with its derivatives; they stay as they are once the filter is steady."""
        M, P = self.M, self.P
        PM = P @ M.T
        S = (M @ PM).real + self.R
        try:
            self.root = np.linalg.cholesky((S + S.T) / 2)
        except np.linalg.LinAlgError:
            raise MeasurementError("calibrate: a noisy transient of a chip whose readouts carry no noise") from None
        dPM = self.dP @ M.T + P @ np.swapaxes(self.dM, 1, 2)
        dS = (M @ dPM + self.dM @ PM).real
        inverse = scipy.linalg.solve_triangular(self.root, np.eye(len(M)), lower=True)
        self.inverse = inverse
        self.dS_white = inverse @ dS @ inverse.T
        S_inverse = inverse.T @ inverse
        self.K = PM @ S_inverse
        self.dK = (dPM - self.K @ dS) @ S_inverse
        flat = self.dS_white.reshape(len(dS), -1)
        self.trace = np.trace(self.dS_white, axis1=1, axis2=2)
        self.covariance_information = flat @ flat.T / 2
        self.log_root = float(np.sum(np.log(np.diag(self.root))))
        MP = M @ P
        self.P_next = P - self.K @ MP
        self.dP_next = self.dP - self.dK @ MP - self.K @ (self.dM @ P + M @ self.dP)

    def correct(self, v: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        nu = v - ((self.M @ self.s).real + self.y)
        d_nu = -((self.ds @ self.M.T + self.dM @ self.s).real + self.dy)
        u, white = self.inverse @ nu, d_nu @ self.inverse.T
        self.log_scale += self.log_root
        self.gradient += -white @ u + ((self.dS_white @ u) @ u - self.trace) / 2
        self.information += white @ white.T + self.covariance_information
        self.s = self.s + self.K @ nu
        self.ds = self.ds + self.dK @ nu + d_nu @ self.K.T
        self.P, self.dP = self.P_next, self.dP_next
        return np.asarray(u)

    def correct_all(self, t: float, v: Float[np.ndarray, "times n"]) -> Float[np.ndarray, "times n"]:
        """As `correct` and `predict` in turn from the predicted state on, with gains that stay as they are."""
        step = self.steps[t]
        predicted = np.empty((len(v), len(self.s)), dtype=complex)
        corrected = np.empty_like(predicted)
        nu = np.empty_like(v)
        state = self.s
        for k, readout in enumerate(v):
            predicted[k] = state
            nu[k] = readout - ((self.M @ state).real + self.y)
            corrected[k] = state + self.K @ nu[k]
            state = self.settled + step.decay * (corrected[k] - self.settled)
        self.s = corrected[-1]
        u = nu @ self.inverse.T
        for first in range(0, len(v), _BLOCK):
            some = slice(first, first + _BLOCK)
            last = first + _BLOCK >= len(v)
            self._drive(step, predicted[some], corrected[some], nu[some], u[some], last)
        size = len(self.gradient)
        self.gradient += (self.dS_white.reshape(size, -1) @ (u.T @ u).ravel() - len(v) * self.trace) / 2
        self.information += len(v) * self.covariance_information
        self.log_scale += len(v) * self.log_root
        self.P, self.dP = self.P_next, self.dP_next
        return np.asarray(u)

    def _drive(
        self,
        step: Step,
        predicted: Complex[np.ndarray, "times m"],
        corrected: Complex[np.ndarray, "times m"],
        nu: Float[np.ndarray, "times n"],
        u: Float[np.ndarray, "times n"],
        last: bool,
    ) -> None:
        """Derivatives over some samples: what drives them is one product for all, only their own recursion is not."""
        seen = _each(self.dM, predicted).real + self.dy
        corrections = _each(self.dK, nu)
        pushes = _each(step.decay_change, corrected - self.settled) + self.d_settled * (1 - step.decay)
        d_nu = np.empty(seen.shape)
        M, K = np.ascontiguousarray(self.M.T), np.ascontiguousarray(self.K.T)
        for k in range(len(nu)):
            d_nu[k] = -((self.ds @ M).real + seen[k])
            self.ds = self.ds + corrections[k] + d_nu[k] @ K
            if not (last and k == len(nu) - 1):
                self.ds = pushes[k] + step.decay * self.ds
        white = d_nu @ self.inverse.T
        flat = np.swapaxes(white, 0, 1).reshape(white.shape[1], -1)
        self.gradient -= flat @ u.ravel()
        self.information += flat @ flat.T


def _each(
    matrices: Inexact[np.ndarray, "p a b"], vectors: Inexact[np.ndarray, "times b"]
) -> Inexact[np.ndarray, "times p a"]:
    """Every matrix times every vector."""
    flat = vectors @ matrices.reshape(-1, matrices.shape[-1]).T
    return np.asarray(flat.reshape(len(vectors), *matrices.shape[:2]))
