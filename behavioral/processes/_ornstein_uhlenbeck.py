"""The exact linear SDE that every linear device reduces to."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import scipy
from jaxtyping import Complex, Float

from ...files.arrays import real_numbers
from ..propagation import (
    DenseProcess,
    Gaussian,
    Gradient,
    Lyapunov,
    Modal,
    NoiseTransfer,
    Time,
    decay_action,
    is_regular,
    log_prob_and_gradient,
    observed_steps,
    psd_factor,
    require_stationary,
    sample_paths,
    second_moment_variance,
    time_average,
    transitions,
)
from ._checks import checked, frozen, times_of

_KEPT = 16
"""Factors of steps that a process keeps."""


@dataclass(frozen=True, eq=False)
class OrnsteinUhlenbeck(DenseProcess):
    """`dx = -F (x - m) dt + N(0, Q dt)`, exactly, at any times.

    Units are the caller's: x in V and t in s make F 1/s and Q V^2/s. F is any real square matrix, normal or not,
    defective or stiff; Q is symmetric positive semidefinite, also singular or zero. When an eigenvalue of F has a
    real part that is not positive there is no stationary law: finite times still work, and what needs the
    stationary law (`x0=None`, `stationary_covariance`, `autocovariance`) raises `NotStationaryError`.

    Modes are used where F has well-conditioned eigenvectors; else transitions are built by doubling (Van Loan,
    IEEE Trans. Autom. Control 23, 1978) and the stationary law from the Schur form (Bartels and Stewart, 1972).
    Equivalent to stepping with `scipy.linalg.expm` and `scipy.linalg.solve_continuous_lyapunov`.

    Raises ValueError for shapes that do not fit, entries that are not finite, and Q that is not symmetric
    positive semidefinite.
    """

    drift: Float[np.ndarray, "n n"]
    mean: Float[np.ndarray, " n"]
    diffusion: Float[np.ndarray, "n n"]
    _modes: Modal | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        F = frozen("drift", self.drift)
        m = frozen("mean", self.mean)
        Q = frozen("diffusion", self.diffusion)
        n = len(m) if m.ndim == 1 else -1
        if n < 1 or F.shape != (n, n) or Q.shape != (n, n):
            raise ValueError(
                "OrnsteinUhlenbeck: expected drift (n, n), mean (n,) and diffusion (n, n) with n >= 1, "
                f"got {F.shape}, {m.shape} and {Q.shape}."
            )
        if not np.array_equal(Q, Q.T):
            if np.max(np.abs(Q - Q.T)) > 1e-9 * np.max(np.abs(Q)):
                raise ValueError("OrnsteinUhlenbeck: expected a symmetric diffusion, got one that is not.")
            Q = frozen("diffusion", (Q + Q.T) / 2)
        psd_factor(Q, "OrnsteinUhlenbeck: diffusion")
        object.__setattr__(self, "drift", F)
        object.__setattr__(self, "mean", m)
        object.__setattr__(self, "diffusion", Q)

    @classmethod
    def from_network(
        cls,
        C: Float[np.ndarray, "n n"],
        G: Float[np.ndarray, "n n"],
        current: Float[np.ndarray, " n"],
        S: Float[np.ndarray, "n n"],
    ) -> "OrnsteinUhlenbeck":
        """The node voltages of `C dv = -(G v - current) dt + N(0, S dt)`.

        C [F], G [S], current [A], S two-sided current noise density [A^2/Hz]. For symmetric C and G the modes of
        the pencil `G V = C V lam` are used, whatever S is. Raises ValueError when C is singular, or when G is
        singular and no voltage balances the current.
        """
        C, G, current, S = (real_numbers(part, "from_network") for part in (C, G, current, S))
        try:
            F = np.linalg.solve(C, G)
            half = np.linalg.solve(C, S)
            Q = np.linalg.solve(C, half.T)
        except np.linalg.LinAlgError:
            raise ValueError("from_network: the capacitance matrix is singular: a node has no capacitance.") from None
        mean = np.linalg.lstsq(G, current, rcond=None)[0]
        if np.linalg.norm(G @ mean - current) > 1e-9 * np.linalg.norm(current):
            raise ValueError(
                "from_network: the conductance matrix is singular and the current charges the network for ever: "
                "there is no mean to relax to. Add a conductance to ground or remove the current."
            )
        return cls(F, mean, (Q + Q.T) / 2, _modes=Modal.of_pencil(C, G))

    @property
    def n(self) -> int:
        return len(self.mean)

    def mean_at(self, t: Time, x0: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "..."]:
        """Mean after `t` from `x0`: (*batch, n) for one time, (*batch, times, n) for many; `t = inf` is m."""
        times = times_of("mean_at", t)
        x0 = real_numbers(x0, "mean_at: x0")
        if x0.shape[-1:] != (self.n,) or np.isnan(x0).any():
            raise ValueError(f"mean_at: expected x0 (..., {self.n}) without gaps, got {x0.shape}.")
        y = (x0 - self.mean).reshape(-1, self.n)
        finite = np.isfinite(times)
        if not np.all(finite):
            require_stationary(self._rates, "mean_at with an infinite time")
        result = np.zeros((len(y), len(times), self.n))
        action = self.modes.decay_action if self.modes else self._dense_action
        result[:, finite] = action(times[finite], y)
        # t = 0 gives back x0 to the last bit.
        result[:, times == 0.0] = y[:, None, :]
        result = (result + self.mean).reshape(*x0.shape[:-1], len(times), self.n)
        return checked("mean_at", result[..., 0, :] if np.ndim(t) == 0 else result)

    def covariance_at(self, t: Time) -> Float[np.ndarray, "*times n n"]:
        """Covariance after `t` from a point: (n, n) for one time, (times, n, n) for many."""
        parts = self._covariances(times_of("covariance_at", t))
        return checked("covariance_at", parts[0] if np.ndim(t) == 0 else parts)

    def stationary_covariance(self) -> Float[np.ndarray, "n n"]:
        """P of `F P + P F^T = Q`. Raises NotStationaryError when there is none."""
        return self._stationary.copy()

    def autocovariance(self, s: Time) -> Float[np.ndarray, "*times n n"]:
        """Stationary `E[(x(t + s) - m) (x(t) - m)^T]`, which is `exp(-F s) P` for s >= 0 and `P exp(F^T s)` below."""
        lags = np.atleast_1d(np.asarray(s, dtype=float))
        action = self.modes.decay_action if self.modes else self._dense_action
        # Rows of P are its columns, so (batch, times, n) comes out as the transpose of exp(-F |s|) P.
        forward = np.moveaxis(action(np.abs(lags), self._stationary), 0, 2)
        forward[lags < 0.0] = np.swapaxes(forward[lags < 0.0], 1, 2)
        return forward[0] if np.ndim(s) == 0 else forward

    def psd(
        self,
        frequencies: Float[np.ndarray, " f"],
        readout: Float[np.ndarray, "k n"] | None = None,
        sides: Literal[1, 2] = 1,
    ) -> Float[np.ndarray, "f k"]:
        """Spectral density of each state, or of each row of `readout @ x`, at frequencies in Hz (1/unit of t).

        One-sided by default (its integral over positive frequencies is the variance, as a spectrum analyser and
        SPICE report it); `sides=2` gives half of it. Shape (frequencies, n) or (frequencies, k).
        """
        H = self._noise_transfer.at(np.asarray(frequencies, dtype=float), readout)
        return np.asarray((2.0 / sides) * np.sum(np.abs(H) ** 2, axis=-1))

    def cross_spectrum(
        self, frequencies: Float[np.ndarray, " f"], readout: Float[np.ndarray, "k n"] | None = None
    ) -> Complex[np.ndarray, "f k k"]:
        """Two-sided `S(f) = H Q H^H` with `H = (F + 2 pi i f)^-1`, the transform of `autocovariance`."""
        H = self._noise_transfer.at(np.asarray(frequencies, dtype=float), readout)
        return np.asarray(H @ np.conj(np.swapaxes(H, 1, 2)))

    def sample(
        self,
        times: Float[np.ndarray, " times"],
        x0: Float[np.ndarray, " n"] | Float[np.ndarray, "paths n"] | None,
        rng: np.random.Generator,
        paths: int = 1,
        readout: Float[np.ndarray, "k n"] | None = None,
    ) -> Float[np.ndarray, "paths times k"]:
        """Exact paths at the given times (sorted, >= 0), started from x0 at time 0.

        `x0` is one state, one per path, or None for a stationary start. With a `readout` the paths are those of each
        row of `readout @ x`, which saves time where there are fewer rows than states. Raises ValueError for unsorted
        times.
        """
        times = times_of("sample", times)
        if len(times) and (not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0.0)):
            raise ValueError("sample: expected finite times in rising order.")
        if x0 is not None:
            x0 = real_numbers(x0, "sample: x0")
            if x0.shape not in ((self.n,), (paths, self.n)) or np.isnan(x0).any():
                raise ValueError(
                    f"sample: expected x0 ({self.n},) or ({paths}, {self.n}) without gaps, got {x0.shape}."
                )
            x0 = np.broadcast_to(x0, (paths, self.n))
        result = sample_paths(self, times, x0, rng, paths, readout)
        # What overflows stays so until the last time.
        checked("sample", result[:, -1:])
        return result

    def log_prob(
        self,
        times: Float[np.ndarray, " times"],
        values: Float[np.ndarray, "*paths times n"],
        x0: Float[np.ndarray, " n"] | None = None,
        given_first: bool = False,
    ) -> float | Float[np.ndarray, "*paths"]:
        """Exact log density of observed paths: a number for (times, n), (paths,) for (paths, times, n).

        The first value has the stationary law; with `x0` the path started from there at time 0 (a first value at
        time 0 is then taken as known); with `given_first` the first value is taken as known. Raises ValueError
        when times do not rise strictly or a step has a singular covariance: there is no density then.
        """
        steps = observed_steps(self, times, values, x0, given_first)
        result = sum((step.log_prob(self) for step in steps), np.zeros(np.shape(values)[:-2]))
        return float(result) if np.ndim(values) == 2 else result

    def log_prob_and_gradient(
        self,
        times: Float[np.ndarray, " times"],
        values: Float[np.ndarray, "*paths times n"],
        x0: Float[np.ndarray, " n"] | None = None,
        given_first: bool = False,
    ) -> tuple[float, Gradient]:
        """`log_prob` summed over paths, and its exact gradient in drift, mean and diffusion (a symmetric one)."""
        return log_prob_and_gradient(self, observed_steps(self, times, values, x0, given_first))

    def time_average(self, duration: float, x0: Float[np.ndarray, " n"] | None = None, wait: float = 0.0) -> Gaussian:
        """Law of `(1/duration) * integral of x` over a window that opens after `wait`; no path is stepped.

        From x0 at time 0, or from the stationary law. `duration = 0` is the state itself at `wait`.
        """
        return time_average(self, duration, x0, wait)

    def second_moment_variance(self, duration: float) -> Float[np.ndarray, "n n"]:
        """Variance of each entry of the time-averaged `(x - m)(x - m)^T` over a stationary record."""
        return second_moment_variance(self, duration)

    @cached_property
    def modes(self) -> Modal | None:
        """The eigenmodes of the drift, or None when they are ill-conditioned and not used."""
        return self._modes or Modal.of(self.drift)

    @cached_property
    def modal_noise(self) -> np.ndarray:
        """The noise in the coordinates of the modes."""
        assert self.modes is not None
        return self.modes.noise(self.diffusion)

    def step_factor(self, t: float) -> Float[np.ndarray, "n n"]:
        """L with `L L^T = covariance_at(t)`; the last few are kept, since a device is mostly sampled in equal steps."""
        if t not in self._step_factors:
            if len(self._step_factors) >= _KEPT:
                self._step_factors.clear()
            self._step_factors[t] = psd_factor(self.covariance_at(t))
        return self._step_factors[t]

    @cached_property
    def _step_factors(self) -> dict[float, np.ndarray]:
        return {}

    @cached_property
    def regular(self) -> bool:
        """Whether every state has noise of its own.

        Otherwise some covariances start as higher powers of t, by cancellation between modes: only the sum of
        positive terms gives their digits then.
        """
        return is_regular(self.diffusion)

    @cached_property
    def _rates(self) -> np.ndarray:
        return self.modes.lam if self.modes else scipy.linalg.eigvals(self.drift)

    @cached_property
    def _stationary(self) -> Float[np.ndarray, "n n"]:
        require_stationary(self._rates, "stationary law")
        if self.modes:
            return self.modes.covariance(self.modal_noise, np.inf)
        return self.lyapunov.solve(self.diffusion)

    @cached_property
    def lyapunov(self) -> Lyapunov:
        """The drift's Lyapunov equation, ready to be solved for other right-hand sides."""
        require_stationary(self._rates, "stationary law")
        return Lyapunov.of(self.drift)

    @cached_property
    def _noise_transfer(self) -> NoiseTransfer:
        return NoiseTransfer.of(self.drift, self.diffusion)

    def _dense_action(self, times: np.ndarray, y: np.ndarray) -> np.ndarray:
        return decay_action(self.drift, times, y)

    def _covariances(self, times: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times n n"]:
        result = np.empty((len(times), self.n, self.n))
        finite = np.isfinite(times)
        if not np.all(finite):
            result[~finite] = self._stationary
        modes = self.modes
        if modes and self.regular:
            parts = [modes.covariance(self.modal_noise, float(t)) for t in times[finite]]
            result[finite] = np.array(parts).reshape(-1, self.n, self.n)
        else:
            result[finite] = transitions(self.drift, self.diffusion, times[finite]).covariance
        return result
