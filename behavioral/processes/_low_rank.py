"""Drifts that are a multiple of one plus a low rank: many states at the price of few."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float

from ...files.arrays import real_numbers
from ..propagation import Gaussian, Time
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck


@dataclass(frozen=True, eq=False)
class LowRankOrnsteinUhlenbeck:
    """`dx = -F (x - m) dt + N(0, Q dt)` with `F = lam + U W U^T` and `Q = q + U K U^T`, U of shape (N, r), r <= N.

    The span of U evolves by itself as an r-dimensional process, its complement as independent copies of one scalar
    process; W need not be symmetric, nor commute with K. A time step, a mean and a density cost O(N r). What is an
    (N, N) matrix by its nature (`covariance_at`, ...) costs O(N^2 r); `variance_at` gives its diagonal in O(N r^2).
    Equivalent to `OrnsteinUhlenbeck` with the dense matrices, with the same units and errors.
    """

    rate: float
    U: Float[np.ndarray, "N r"]
    W: Float[np.ndarray, "r r"]
    mean: Float[np.ndarray, " N"]
    noise: float
    K: Float[np.ndarray, "r r"] | None = None

    def __post_init__(self) -> None:
        U = np.array(self.U, dtype=float)
        mean = np.array(self.mean, dtype=float)
        if U.ndim != 2 or mean.shape != (len(U),) or not 1 <= U.shape[1] <= len(U):
            raise ValueError(
                "LowRankOrnsteinUhlenbeck: expected U (N, r) with 1 <= r <= N and mean (N,), "
                f"got {U.shape} and {mean.shape}."
            )
        if not (np.all(np.isfinite(U)) and np.all(np.isfinite(mean))):
            raise ValueError("LowRankOrnsteinUhlenbeck: expected finite numbers in U and mean, got nan or inf.")
        U.flags.writeable = mean.flags.writeable = False
        object.__setattr__(self, "U", U)
        object.__setattr__(self, "mean", mean)
        # Built now, so that a bad W, K, rate or noise is refused here.
        _ = self.core, self.rest

    @property
    def n(self) -> int:
        return len(self.mean)

    @cached_property
    def _qr(self) -> tuple[np.ndarray, np.ndarray]:
        B, R = np.linalg.qr(self.U)
        return B, R

    @property
    def basis(self) -> Float[np.ndarray, "N r"]:
        """Orthonormal columns that span U."""
        return self._qr[0]

    @cached_property
    def core(self) -> OrnsteinUhlenbeck:
        """The process within the span, in the coordinates of `basis`, about zero."""
        R = self._qr[1]
        one = np.eye(len(R))
        spread = np.zeros_like(one) if self.K is None else R @ self.K @ R.T
        drift = self.rate * one + R @ self.W @ R.T
        # Symmetric to the last bit when W is: its modes are then orthonormal.
        if np.array_equal(self.W, self.W.T):
            drift = (drift + drift.T) / 2
        return OrnsteinUhlenbeck(drift=drift, mean=np.zeros(len(R)), diffusion=self.noise * one + spread)

    @cached_property
    def rest(self) -> OrnsteinUhlenbeck:
        """One coordinate of the complement."""
        return OrnsteinUhlenbeck(
            drift=np.array([[float(self.rate)]]), mean=np.zeros(1), diffusion=np.array([[float(self.noise)]])
        )

    def mean_at(self, t: Time, x0: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "..."]:
        """Mean after a time, as `OrnsteinUhlenbeck.mean_at`."""
        y = real_numbers(x0, "mean_at: x0") - self.mean
        z = y @ self.basis
        outside = y - z @ self.basis.T
        fade = self.rest.mean_at(t, np.ones(1))[..., 0]
        scaled = outside * fade if np.ndim(t) == 0 else outside[..., None, :] * fade[:, None]
        return np.asarray(self.mean + self.core.mean_at(t, z) @ self.basis.T + scaled)

    def covariance_at(self, t: Time) -> Float[np.ndarray, "*times n n"]:
        """Covariance after a time, as `OrnsteinUhlenbeck.covariance_at`: dense."""
        return self._lift(self.core.covariance_at(t), self.rest.covariance_at(t))

    def variance_at(self, t: Time) -> Float[np.ndarray, "*times n"]:
        """The diagonal of `covariance_at`, without the matrix."""
        return self._lift_diagonal(self.core.covariance_at(t), self.rest.covariance_at(t)[..., 0])

    def stationary_covariance(self) -> Float[np.ndarray, "n n"]:
        """Covariance at rest, as `OrnsteinUhlenbeck.stationary_covariance`: dense."""
        return self._lift(self.core.stationary_covariance(), self.rest.stationary_covariance())

    def autocovariance(self, s: Time) -> Float[np.ndarray, "*times n n"]:
        """Covariance over a lag, as `OrnsteinUhlenbeck.autocovariance`: dense."""
        return self._lift(self.core.autocovariance(s), self.rest.autocovariance(s))

    def psd(
        self,
        frequencies: Float[np.ndarray, " f"],
        readout: Float[np.ndarray, "k n"] | None = None,
        sides: Literal[1, 2] = 1,
    ) -> Float[np.ndarray, "f k"]:
        """Spectral densities, as `OrnsteinUhlenbeck.psd`."""
        inside = self.basis if readout is None else readout @ self.basis
        total = 1.0 if readout is None else np.sum(np.asarray(readout) ** 2, axis=1)
        outside = np.clip(total - np.sum(inside**2, axis=1), 0.0, None)
        return np.asarray(self.core.psd(frequencies, inside, sides) + self.rest.psd(frequencies, None, sides) * outside)

    def sample(
        self,
        times: Float[np.ndarray, " times"],
        x0: Float[np.ndarray, " n"] | Float[np.ndarray, "paths n"] | None,
        rng: np.random.Generator,
        paths: int = 1,
    ) -> Float[np.ndarray, "paths times n"]:
        """Exact paths, as `OrnsteinUhlenbeck.sample`."""
        z0 = outside0 = None
        if x0 is not None:
            y0 = np.broadcast_to(real_numbers(x0, "sample: x0"), (paths, self.n)) - self.mean
            z0 = y0 @ self.basis
            outside0 = y0.reshape(-1, 1)
        z = self.core.sample(times, z0, rng, paths)
        free = self.rest.sample(times, outside0, rng, paths * self.n).reshape(paths, self.n, -1)
        x = np.ascontiguousarray(np.swapaxes(free, 1, 2))
        # Independent copies in all N directions, less their part in the span: the complement alone.
        x += (z - x @ self.basis) @ self.basis.T
        x += self.mean
        return x

    def log_prob(
        self,
        times: Float[np.ndarray, " times"],
        values: Float[np.ndarray, "*paths times n"],
        x0: Float[np.ndarray, " n"] | None = None,
        given_first: bool = False,
    ) -> float | Float[np.ndarray, "*paths"]:
        """Log density of observed paths, as `OrnsteinUhlenbeck.log_prob`."""
        y = real_numbers(values, "log_prob: values") - self.mean
        z = y @ self.basis
        z0 = outside0 = None
        if x0 is not None:
            y0 = real_numbers(x0, "log_prob: x0") - self.mean
            z0 = y0 @ self.basis
            outside0 = y0 - self.basis @ z0
        result = np.asarray(self.core.log_prob(times, z, z0, given_first))
        outside = y - z @ self.basis.T
        result = result + self._outside_log_prob(np.asarray(times, dtype=float), outside, outside0, given_first)
        return float(result) if y.ndim == 2 else result

    def time_average(self, duration: float, x0: Float[np.ndarray, " n"] | None = None, wait: float = 0.0) -> Gaussian:
        """Law of the average over a window, as `OrnsteinUhlenbeck.time_average`: the covariance is dense."""
        z0 = one = None
        y0 = np.zeros(self.n)
        if x0 is not None:
            y0 = x0 - self.mean
            one = np.ones(1)
            z0 = y0 @ self.basis
        inside = self.core.time_average(duration, z0, wait)
        scalar = self.rest.time_average(duration, one, wait)
        outside = y0 - self.basis @ (y0 @ self.basis)
        mean = self.mean + self.basis @ inside.mean + scalar.mean * outside
        return Gaussian(mean, self._lift(inside.covariance, scalar.covariance))

    def _lift(self, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        B = self.basis
        return np.asarray(B @ (inside - outside * np.eye(B.shape[1])) @ B.T + outside * np.eye(self.n))

    def _lift_diagonal(self, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        B = self.basis
        return np.asarray(np.sum((B @ inside) * B, axis=-1) + outside * (1.0 - np.sum(B**2, axis=1)))

    def _outside_log_prob(
        self, times: np.ndarray, y: np.ndarray, y0: np.ndarray | None, given_first: bool
    ) -> np.ndarray:
        # N - r equal scalar processes: their densities need only sums of squares over the directions.
        count = self.n - self.basis.shape[1]
        total = np.zeros(y.shape[:-2])
        if not len(times) or not count:
            return total
        gaps = np.diff(times)
        variance = self.rest.covariance_at(gaps)[:, 0, 0] if len(gaps) else np.zeros(0)
        fade = self.rest.mean_at(gaps, np.ones(1))[:, 0] if len(gaps) else np.zeros(0)
        residual = y[..., 1:, :] - fade[:, None] * y[..., :-1, :]
        squares = np.sum(residual**2, axis=-1)
        if not given_first and (y0 is None or times[0] > 0.0):
            start = np.zeros(self.n) if y0 is None else self.rest.mean_at(float(times[0]), np.ones(1)) * y0
            law = self.rest.stationary_covariance() if y0 is None else self.rest.covariance_at(float(times[0]))
            variance = np.concatenate([law[0], variance])
            squares = np.concatenate([np.sum((y[..., :1, :] - start) ** 2, axis=-1), squares], axis=-1)
        return np.asarray(-0.5 * np.sum(squares / variance + count * np.log(2.0 * np.pi * variance), axis=-1))
