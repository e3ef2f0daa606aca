"""What every exact linear process offers, whatever form its drift has."""

from abc import ABC, abstractmethod
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

from ._gaussian import Gaussian
from ._lyapunov import Lyapunov
from ._modes import Modal

Time = float | int | Float[np.ndarray, " times"]


class LinearProcess(Protocol):
    """`dx = -F (x - m) dt + N(0, Q dt)`: see `OrnsteinUhlenbeck` for shapes, units and errors."""

    @property
    def n(self) -> int: ...

    def mean_at(self, t: Time, x0: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "..."]: ...

    def covariance_at(self, t: Time) -> Float[np.ndarray, "*times n n"]: ...

    def stationary_covariance(self) -> Float[np.ndarray, "n n"]: ...

    def autocovariance(self, s: Time) -> Float[np.ndarray, "*times n n"]: ...

    def psd(
        self,
        frequencies: Float[np.ndarray, " f"],
        readout: Float[np.ndarray, "k n"] | None = None,
        sides: Literal[1, 2] = 1,
    ) -> Float[np.ndarray, "f k"]: ...

    def sample(
        self,
        times: Float[np.ndarray, " times"],
        x0: Float[np.ndarray, " n"] | Float[np.ndarray, "paths n"] | None,
        rng: np.random.Generator,
        paths: int = 1,
    ) -> Float[np.ndarray, "paths times n"]: ...

    def log_prob(
        self,
        times: Float[np.ndarray, " times"],
        values: Float[np.ndarray, "*paths times n"],
        x0: Float[np.ndarray, " n"] | None = None,
        given_first: bool = False,
    ) -> float | Float[np.ndarray, "*paths"]: ...

    def time_average(
        self, duration: float, x0: Float[np.ndarray, " n"] | None = None, wait: float = 0.0
    ) -> Gaussian: ...


class DenseProcess(ABC):
    """What paths, likelihoods and time averages need of a process whose drift is a matrix.

    An abstract class rather than a protocol: a runtime check of a protocol would evaluate every property.
    """

    drift: Float[np.ndarray, "n n"]
    mean: Float[np.ndarray, " n"]
    diffusion: Float[np.ndarray, "n n"]

    @property
    @abstractmethod
    def n(self) -> int:
        """Number of states."""

    @property
    @abstractmethod
    def modes(self) -> Modal | None:
        """The eigenmodes of the drift, or None where they are ill-conditioned."""

    @property
    @abstractmethod
    def modal_noise(self) -> np.ndarray:
        """The noise in the coordinates of the modes."""

    @property
    @abstractmethod
    def lyapunov(self) -> Lyapunov:
        """The drift's Lyapunov equation, ready to be solved."""

    @abstractmethod
    def step_factor(self, t: float) -> Float[np.ndarray, "n n"]:
        """L with `L L^T = covariance_at(t)`."""

    @abstractmethod
    def mean_at(self, t: Time, x0: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "..."]:
        """Mean of x a time t after x0."""

    @abstractmethod
    def covariance_at(self, t: Time) -> Float[np.ndarray, "*times n n"]:
        """Covariance of x a time t after a known state."""

    @abstractmethod
    def stationary_covariance(self) -> Float[np.ndarray, "n n"]:
        """Covariance after a long time."""

    @abstractmethod
    def autocovariance(self, s: Time) -> Float[np.ndarray, "*times n n"]:
        """`E[y(s) y(0)^T]` in the stationary state, y = x - mean."""
