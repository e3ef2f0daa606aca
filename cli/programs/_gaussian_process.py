"""Gaussian processes: posed, run, and told."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from ...behavioral.linear_algebra import IdealDevice, LinearDevice
from ...behavioral.programs.bayesian import GaussianProcess, gaussian_process
from ...reports.programs import band
from .._exceptions import InputError
from ._default_data import diabetes
from ._inputs import Given, number_of, rows_of
from ._outcome import SHARE_95, WINDOW, Outcome, beside_exact, by_lapack, cost, relative

_Rows = Float[np.ndarray, "rows features"]
_Values = Float[np.ndarray, " rows"]

NOISE_VARIANCE = 0.5
"""Of an observation, in the squared unit of the targets; the built-in ones have variance 1."""

_POINTS = 24
_MOST_ROWS = 6


@dataclass(frozen=True, eq=False)
class Process:
    """`--problem bayes --length L`: a Gaussian process."""

    X: _Rows
    y: _Values
    new: Float[np.ndarray, "points features"]
    length: float
    variance: float
    noise: float
    window: float

    @classmethod
    def posed(cls, given: Given, measured: tuple[_Rows, _Values] | None) -> "Process":
        """The process with points to predict: from a file, along a single feature, or where the observations are.

        Args:
            given: the options.
            measured: features and targets of files; the built-in data without.

        Raises:
            InputError: a size beyond the built-in data, or points of another number of features.
        """
        X, y = measured or _built_in(given)
        return cls(
            X,
            y,
            _new_points(given, X),
            number_of(given, "length", 1.0),
            number_of(given, "prior_variance", 1.0),
            number_of(given, "noise_variance", NOISE_VARIANCE),
            number_of(given, "duration", WINDOW),
        )

    @property
    def cells(self) -> int:
        """Observations."""
        return len(self.y)

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """Run it on a device."""
        answer = self._on(device, rng)
        exact = self._on(IdealDevice(), np.random.default_rng(0))
        spread = answer.standard_deviation
        names = [str(k) for k in range(min(len(self.new), _MOST_ROWS))]
        order = np.argsort(self.new[:, 0])
        half = SHARE_95 * spread[order]
        return Outcome(
            summary={
                "n": len(self.y),
                "value": answer.mean.tolist(),
                "standard_deviation": spread.tolist(),
                "mean_error": answer.mean_error.tolist(),
                "exact": exact.mean.tolist(),
                "relative_error": relative(answer.mean - exact.mean, exact.mean),
                **cost(answer.bill),
            },
            bill=answer.bill,
            digital_s=self._digital(),
            files={"answer": np.column_stack([self.new, answer.mean, spread])},
            rows=beside_exact(names, answer.mean, spread, answer.mean_error, exact.mean, exact.standard_deviation),
            pictures={"band": partial(band, self.new[order, 0], answer.mean[order], half, None, "feature")},
        )

    def _on(self, device: LinearDevice, rng: np.random.Generator) -> GaussianProcess:
        return gaussian_process(
            self.X, self.y, self.new, device, rng, self.length, self.variance, self.noise, self.window
        )

    def _digital(self) -> float:
        n = len(self.y)
        return by_lapack(np.full((n, n), 1e-3) + np.eye(n), np.ones((n, len(self.new) + 1)))


def _built_in(given: Given) -> tuple[_Rows, _Values]:
    """One feature of the first patients."""
    X, y = diabetes(3)
    count = _POINTS if given["size"] is None else given["size"]
    if not 1 <= count <= len(X):
        raise InputError(f"--size: expected 1 to {len(X)} points of the built-in data, got {count}")
    return X[:count, 2:3], y[:count]


def _new_points(given: Given, X: _Rows) -> Float[np.ndarray, "points features"]:
    new = rows_of(given, "new")
    if new is None:
        return np.linspace(X.min(), X.max(), 60)[:, None] if X.shape[1] == 1 else X
    if new.shape[1] != X.shape[1]:
        raise InputError(f"{given['new']}: expected {X.shape[1]} columns as in the data, got {new.shape[1]}")
    return new
