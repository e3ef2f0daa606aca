"""What every exact linear process offers, whatever form its drift has."""

from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

from ._ou import Time
from ._readout import Gaussian


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
