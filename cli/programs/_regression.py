"""Bayesian linear regression: posed, run, and told."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from ...behavioral.linear_algebra import Budget, LinearDevice
from ...behavioral.programs.bayesian import GaussianProblem, Posterior, Way, linear_regression, posterior, predicted
from ...circuits.loaded_chips import SETTLED
from ...reports.programs import band
from .._exceptions import InputError
from ._default_data import diabetes
from ._gaussian_process import NOISE_VARIANCE, Process
from ._inputs import Given, data_and_targets, number_of
from ._outcome import SHARE_95, Outcome, beside_exact, by_lapack_with_inverse, cost, relative

_WEIGHTS = 5
_MOST_ROWS = 8
_RUNS_IN_SPICE = 4
_DURATION_IN_SPICE = 20.0
_NOISE_PER_RATE = 16
"""Random values in each fastest time constant that ngspice is given."""
_MOST_NOISE = 60_000
"""Of them in a run by default: about half a millisecond each."""


@dataclass(frozen=True, eq=False)
class Regression:
    """`--problem bayes`: weights of a linear model."""

    problem: GaussianProblem
    budget: Budget
    way: Way

    @classmethod
    def posed(cls, given: Given, rng: np.random.Generator) -> "Regression | Process":
        """The regression from files, or from measured ones of scikit-learn; with a length it is a Gaussian process.

        Raises:
            InputError: one file without the other, or a way that is none.
        """
        measured = data_and_targets(given, "bayes")
        if given["length"] is not None:
            return Process.posed(given, measured)
        X, y = measured or diabetes(_WEIGHTS if given["size"] is None else given["size"])
        if given["new"] is not None:
            raise InputError("--new: belongs to a Gaussian process; give --length")
        way = _way(given)
        noise = number_of(given, "noise_variance", NOISE_VARIANCE)
        problem = linear_regression(X, y, noise, number_of(given, "prior_variance", 1.0))
        return cls(problem, _budget(given, problem, way), way)

    @property
    def cells(self) -> int:
        """Weights."""
        return self.problem.n

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """Run it on a device."""
        answer = posterior(self.problem, device, rng, self.budget, self.way)
        mean, covariance = self.problem.exact
        spread = np.sqrt(np.diag(covariance))
        names = [str(k) for k in range(min(self.problem.n, _MOST_ROWS))]
        fitted, width = self._fitted(answer)
        order = np.argsort(fitted)
        return Outcome(
            summary=self._summary(answer),
            bill=answer.bill,
            digital_s=by_lapack_with_inverse(self.problem.A),
            files={"answer": answer.mean, "standard_error": answer.mean_error, "covariance": answer.covariance},
            rows=beside_exact(names, answer.mean, answer.standard_deviation, answer.mean_error, mean, spread),
            pictures={
                "band": partial(
                    band,
                    np.arange(len(order), dtype=float),
                    fitted[order],
                    width[order],
                    self.problem.y[order],
                    "observation, in order of the prediction",
                )
            },
        )

    def _fitted(self, answer: Posterior) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
        """Prediction of each observation, and half of the interval of 95 % that it should lie in."""
        fitted, spread = predicted(answer, self.problem.H)
        return fitted, SHARE_95 * np.sqrt(spread**2 + float(self.problem.R[0, 0]))

    def _summary(self, answer: Posterior) -> dict[str, Any]:
        mean, covariance = self.problem.exact
        low, high = answer.interval()
        fitted, width = self._fitted(answer)
        return {
            "n": self.problem.n,
            "way": self.way,
            "value": answer.mean.tolist(),
            "standard_error": answer.mean_error.tolist(),
            "covariance": answer.covariance.tolist(),
            "covariance_standard_error": answer.covariance_error.tolist(),
            "interval_low": low.tolist(),
            "interval_high": high.tolist(),
            "exact": mean.tolist(),
            "exact_covariance": covariance.tolist(),
            "relative_error": relative(answer.mean - mean, mean),
            "relative_covariance_error": relative(answer.covariance - covariance, covariance),
            "observed_within_band": float(np.mean(np.abs(self.problem.y - fitted) < width)),
            **cost(answer.bill),
        }


def _way(given: Given) -> Way:
    way = given["way"] or "fluctuations"
    if way not in ("fluctuations", "drives"):
        raise InputError(f"--way: expected fluctuations or drives, got {way!r}")
    return "drives" if way == "drives" else "fluctuations"


def _budget(given: Given, problem: GaussianProblem, way: Way) -> Budget:
    """As given, or small enough for the simulator."""
    slow = given["on"] == "spice"
    runs = given["runs"] or (_RUNS_IN_SPICE if slow else Budget().runs)
    duration = number_of(given, "duration", _DURATION_IN_SPICE if slow else Budget().duration)
    if slow and way == "fluctuations" and given["runs"] is None and given["duration"] is None:
        _refuse_long_runs(problem, runs, duration)
    return Budget(duration, runs, given["programs"], given["kappa"])


def _refuse_long_runs(problem: GaussianProblem, runs: int, duration: float) -> None:
    """Raise `InputError` where even a small budget takes ngspice minutes: its noise is a value at every step."""
    scale = np.sqrt(np.diag(problem.A))
    rates = np.linalg.eigvalsh(problem.A / np.outer(scale, scale))
    # Of the mean and of the covariance; each run waits for ln(1e6) of its slowest time constants.
    values = 2 * runs * (duration - np.log(SETTLED)) * _NOISE_PER_RATE * rates[-1] / rates[0]
    if values > _MOST_NOISE:
        raise InputError(
            f"--on spice: these {problem.n} weights have rates {rates[-1] / rates[0]:.3g} times apart, so that even"
            f" {runs} runs of {duration:g} time constants are {values:.2g} steps of noise, minutes to hours;"
            " give --runs and --duration to have it so, or take --on model"
        )
