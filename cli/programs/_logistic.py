"""Bayesian logistic regression: posed, run, and told."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from ...behavioral.linear_algebra import IdealDevice, LinearDevice
from ...behavioral.programs.bayesian import Logistic, laplace
from ...reports.programs import band
from ._default_data import tumours
from ._inputs import Given, data_and_targets, number_of
from ._outcome import SHARE_95, WINDOW, Outcome, beside_exact, by_lapack_with_inverse, cost, relative

_MOST_ROWS = 8
_WEIGHTS = 5


@dataclass(frozen=True, eq=False)
class Logit:
    """`--problem logistic`."""

    X: Float[np.ndarray, "rows weights"]
    labels: Float[np.ndarray, " rows"]
    prior: float
    tolerance: float
    window: float

    @classmethod
    def posed(cls, given: Given, rng: np.random.Generator) -> "Logit":
        """The regression from files, or measured tumours of scikit-learn.

        Raises:
            InputError: one file without the other.
        """
        measured = data_and_targets(given, "logistic")
        X, labels = measured or tumours(_WEIGHTS if given["size"] is None else given["size"])
        return cls(
            X,
            labels,
            number_of(given, "prior_variance", 1.0),
            number_of(given, "tolerance", 1e-6),
            number_of(given, "duration", WINDOW),
        )

    @property
    def cells(self) -> int:
        """Weights."""
        return int(self.X.shape[1])

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """Run it on a device."""
        answer = laplace(self.X, self.labels, device, rng, self.prior, self.tolerance, self.window)
        exact = laplace(self.X, self.labels, IdealDevice(), np.random.default_rng(0), self.prior).posterior
        mean = answer.posterior.mean
        spread = answer.posterior.standard_deviation
        error = answer.posterior.mean_error
        covariance = answer.posterior.covariance
        names = [str(k) for k in range(min(self.cells, _MOST_ROWS))]
        weights = np.arange(self.cells, dtype=float)
        return Outcome(
            summary=self._summary(answer, exact.mean),
            bill=answer.posterior.bill,
            digital_s=by_lapack_with_inverse(np.linalg.inv(covariance), answer.iterations + 1),
            files={"answer": mean, "covariance": covariance},
            rows=beside_exact(names, mean, spread, error, exact.mean, exact.standard_deviation),
            pictures={"band": partial(band, weights, mean, SHARE_95 * spread, exact.mean, "weight")},
            failure=_failure(answer),
        )

    def _summary(self, answer: Logistic, mode: Float[np.ndarray, " weights"]) -> dict[str, Any]:
        mean = answer.posterior.mean
        low, high = answer.posterior.interval()
        positive = self.labels == self.labels.max()
        return {
            "n": self.cells,
            "value": mean.tolist(),
            "standard_error": answer.posterior.mean_error.tolist(),
            "covariance": answer.posterior.covariance.tolist(),
            "interval_low": low.tolist(),
            "interval_high": high.tolist(),
            "exact": mode.tolist(),
            "relative_error": relative(mean - mode, mode),
            "gradient": answer.gradient,
            "iterations": answer.iterations,
            "train_accuracy": float(np.mean((answer.probability(self.X) > 0.5) == positive)),
            **cost(answer.posterior.bill),
        }


def _failure(answer: Logistic) -> str | None:
    if answer.settled:
        return None
    return f"not settled: gradient {answer.gradient:.3g} after {answer.iterations} steps"
