"""A problem with its exact answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import scipy
from jaxtyping import Float

from ._determinants import determinant
from ._devices import LinearDevice
from ._problems import expm, inverse, lyapunov, solve
from ._records import Answer, Budget

Problem = Literal["solve", "inverse", "lyapunov", "determinant", "expm"]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)


@dataclass(frozen=True, eq=False)
class Given:
    """The matrices of a problem, and its exact answer."""

    problem: Problem
    A: Float[np.ndarray, "n n"]
    b: Float[np.ndarray, " n"]
    Q: Float[np.ndarray, "n n"]

    @property
    def exact(self) -> Float[np.ndarray, "..."]:
        """The answer by LAPACK."""
        exact: Mapping[Problem, Callable[[], Any]] = {
            "solve": lambda: np.linalg.solve(self.A, self.b),
            "inverse": lambda: np.linalg.inv(self.A),
            "lyapunov": lambda: scipy.linalg.solve_continuous_lyapunov(self.A, self.Q),
            "determinant": lambda: np.linalg.det(self.A),
            "expm": lambda: scipy.linalg.expm(self.A),
        }
        return np.asarray(exact[self.problem]())

    def on(self, device: LinearDevice, rng: np.random.Generator, budget: Budget) -> Answer:
        """The device's answer."""
        run: Mapping[Problem, Callable[[], Answer]] = {
            "solve": lambda: solve(device, self.A, self.b, rng, budget),
            "inverse": lambda: inverse(device, self.A, rng, budget),
            "lyapunov": lambda: lyapunov(device, self.A, self.Q, rng, budget),
            "determinant": lambda: determinant(device, self.A, rng, budget),
            "expm": lambda: expm(device, self.A, rng, budget),
        }
        return run[self.problem]()
