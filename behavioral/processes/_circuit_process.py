"""A circuit of one's own as an exact stochastic process."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...circuits import Network, state_space
from ...circuits.state_spaces import StateSpace, driven, has_waveforms
from ..propagation import Time
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck


@dataclass(frozen=True, eq=False)
class CircuitProcess:
    """Capacitor voltages and inductor currents as a process, and the outputs that are read from them.

    Volts and seconds. Noise that reaches an output without any band limit is no part of it.
    """

    states: OrnsteinUhlenbeck
    space: StateSpace

    @classmethod
    def of(cls, network: Network) -> "CircuitProcess":
        """The process of a circuit, amplifiers linearised; it rests with all sources at their dc values.

        Raises:
            ValueError: no capacitors or inductors, equations that are singular, or nothing to relax to.
        """
        space = state_space(network)
        if len(space.C) == 0:
            raise ValueError(f"network {network.name}: it has no capacitors or inductors, so that nothing relaxes")
        try:
            rest = space.settled_states
        except np.linalg.LinAlgError:
            rest = np.zeros(len(space.C))
            if (space.drive + space.bias).any():
                raise ValueError(f"network {network.name}: it has no operating point to relax to") from None
        Q = space.Q
        return cls(OrnsteinUhlenbeck(space.F, rest, (Q + Q.T) / 2), space)

    @property
    def start(self) -> Float[np.ndarray, " m"]:
        """States that the elements' own initial values give."""
        return np.zeros(self.states.n) if self.space.start is None else self.space.start

    def settled(self) -> Float[np.ndarray, " n"]:
        """Outputs at rest [V]."""
        return self._read(self.states.mean)

    def mean_at(self, t: Time) -> Float[np.ndarray, "*times n"]:
        """Outputs [V] after a time from the start, without noise, sources as their waveforms have them."""
        if has_waveforms(self.space):
            times, back = np.unique(np.asarray(t, dtype=float), return_inverse=True)
            return driven(self.space, times)[back].reshape(*np.shape(t), len(self.space.M))
        return self._read(self.states.mean_at(t, self.start))

    def covariance_at(self, t: Time) -> Float[np.ndarray, "*times n n"]:
        """Covariance of the outputs [V^2] after a time from a known state."""
        return np.asarray(self.space.M @ self.states.covariance_at(t) @ self.space.M.T)

    def stationary_covariance(self) -> Float[np.ndarray, "n n"]:
        """Covariance of the outputs [V^2].

        Raises:
            NotStationaryError: there is none.
        """
        return np.asarray(self.space.M @ self.states.stationary_covariance() @ self.space.M.T)

    def psd(self, frequencies: Float[np.ndarray, " f"]) -> Float[np.ndarray, "f n"]:
        """One-sided density of each output [V^2/Hz]."""
        return self.states.psd(frequencies, self.space.M)

    def sample(
        self, times: Float[np.ndarray, " t"], rng: np.random.Generator, paths: int = 1
    ) -> Float[np.ndarray, "paths t n"]:
        """Outputs [V] at times from the start, exact at any spacing."""
        found = self._read(self.states.sample(times, self.start, rng, paths=paths))
        if not has_waveforms(self.space):
            return found
        # Noise adds to whatever the sources do.
        return np.asarray(found + self.mean_at(times) - self._read(self.states.mean_at(times, self.start)))

    def _read(self, states: Float[np.ndarray, "*batch m"]) -> Float[np.ndarray, "*batch n"]:
        return np.asarray(states @ self.space.M.T + self.space.y_drive + self.space.y_bias)
