"""A normal law."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ._lyapunov import psd_factor


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal law N(mean, covariance); the covariance may be singular."""

    mean: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n n"]

    @property
    def sd(self) -> Float[np.ndarray, " n"]:
        return np.asarray(np.sqrt(np.clip(np.diag(self.covariance), 0.0, None)))

    def sample(self, rng: np.random.Generator, draws: int) -> Float[np.ndarray, "draws n"]:
        noise = rng.standard_normal((draws, len(self.mean)))
        return np.asarray(self.mean + noise @ psd_factor(self.covariance).T)
