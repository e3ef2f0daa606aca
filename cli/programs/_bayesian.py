"""Bayesian programs: posed, run, and told."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from ...behavioral.linear_algebra import Budget, IdealDevice, LinearDevice
from ...behavioral.programs.bayesian import (
    GaussianProblem,
    GaussianProcess,
    StateModel,
    Way,
    exact_filter,
    gaussian_process,
    kalman,
    laplace,
    linear_regression,
    posterior,
    predicted,
)
from ...circuits.loaded_chips import SETTLED
from ...reports.programs import band
from .._exceptions import InputError
from ._default_data import diabetes, track, tumours
from ._inputs import Given, matching, number_of, rows_of, together, values_of
from ._outcome import Outcome, by_lapack, cost, relative

_WEIGHTS = 5
_PROCESS_POINTS = 24
_WINDOW = 10.0
_NOISE_VARIANCE = 0.5
_RUNS_IN_SPICE = 4
_DURATION_IN_SPICE = 20.0
_NOISE_PER_RATE = 16
"""Random values in each fastest time constant that ngspice is given."""
_MOST_NOISE = 60_000
"""Of them in a run by default: about half a millisecond each."""
_SHARE = 1.959963984540054
"""Standard deviations of an interval of 95 %."""


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


@dataclass(frozen=True, eq=False)
class Regression:
    """`--problem bayes`: weights of a linear model."""

    problem: GaussianProblem
    budget: Budget
    way: Way

    @classmethod
    def posed(cls, given: Given, rng: np.random.Generator) -> "Regression | Process":
        """From files, or from measured ones of scikit-learn; with a length it is a Gaussian process.

        Raises:
            InputError: one file without the other, or a way that is none.
        """
        process = given["length"] is not None
        if together(given, "bayes", "data", "targets"):
            X, y = rows_of(given, "data"), values_of(given, "targets")
            assert X is not None
            assert y is not None
            matching(given, "targets", y, len(X), "data")
        elif process:
            X, y = diabetes(3)
            count = _PROCESS_POINTS if given["size"] is None else given["size"]
            if not 1 <= count <= len(X):
                raise InputError(f"--size: expected 1 to {len(X)} points of the built-in data, got {count}")
            X, y = X[:count, 2:3], y[:count]
        else:
            X, y = diabetes(_WEIGHTS if given["size"] is None else given["size"])
        if process:
            return Process.of(given, X, y)
        if given["new"] is not None:
            raise InputError("--new: belongs to a Gaussian process; give --length")
        way = given["way"] or "fluctuations"
        if way not in ("fluctuations", "drives"):
            raise InputError(f"--way: expected fluctuations or drives, got {way!r}")
        noise = number_of(given, "noise_variance", _NOISE_VARIANCE)
        problem = linear_regression(X, y, noise, number_of(given, "prior_variance", 1.0))
        slow = given["on"] == "spice"
        runs = given["runs"] or (_RUNS_IN_SPICE if slow else Budget().runs)
        duration = number_of(given, "duration", _DURATION_IN_SPICE if slow else Budget().duration)
        if slow and way == "fluctuations" and given["runs"] is None and given["duration"] is None:
            _refuse_long_runs(problem, runs, duration)
        budget = Budget(duration, runs, given["programs"], given["kappa"])
        return cls(problem, budget, "drives" if way == "drives" else "fluctuations")

    @property
    def cells(self) -> int:
        """Weights."""
        return self.problem.n

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """On a device."""
        found = posterior(self.problem, device, rng, self.budget, self.way)
        mean, covariance = self.problem.exact
        low, high = found.interval()
        sd = np.sqrt(np.diag(covariance))
        fitted, spread = predicted(found, self.problem.H)
        order = np.argsort(fitted)
        noise = float(self.problem.R[0, 0])
        width = _SHARE * np.sqrt(spread**2 + noise)
        return Outcome(
            {
                "n": self.problem.n,
                "way": self.way,
                "value": found.mean.tolist(),
                "standard_error": found.mean_error.tolist(),
                "covariance": found.covariance.tolist(),
                "covariance_standard_error": found.covariance_error.tolist(),
                "interval_low": low.tolist(),
                "interval_high": high.tolist(),
                "exact": mean.tolist(),
                "exact_covariance": covariance.tolist(),
                "relative_error": relative(found.mean - mean, mean),
                "relative_covariance_error": relative(found.covariance - covariance, covariance),
                "observed_within_band": float(np.mean(np.abs(self.problem.y - fitted) < width)),
                **cost(found.bill),
            },
            found.bill,
            _with_inverse(self.problem.A),
            {"answer": found.mean, "standard_error": found.mean_error, "covariance": found.covariance},
            [
                (str(k), f"{m:.5g} ± {s:.2g}", f"{e:.2g}", f"{right:.5g} ± {spread_:.2g}")
                for k, (m, s, e, right, spread_) in enumerate(
                    zip(found.mean[:8], found.standard_deviation, found.mean_error, mean, sd, strict=False)
                )
            ],
            {
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


def _with_inverse(A: Float[np.ndarray, "n n"], systems: int = 1) -> float:
    """Time [s] of a solution and an inverse by LAPACK."""
    return by_lapack(A, np.eye(len(A), len(A) + 1), systems)


@dataclass(frozen=True, eq=False)
class Process:
    """`--problem bayes --length L`: a Gaussian process."""

    X: Float[np.ndarray, "rows features"]
    y: Float[np.ndarray, " rows"]
    new: Float[np.ndarray, "points features"]
    length: float
    variance: float
    noise: float
    window: float

    @classmethod
    def of(cls, given: Given, X: Float[np.ndarray, "rows features"], y: Float[np.ndarray, " rows"]) -> "Process":
        """With points to predict: from a file, along a single feature, or where the observations are."""
        new = rows_of(given, "new")
        if new is None:
            line = np.linspace(X.min(), X.max(), 60)[:, None]
            new = line if X.shape[1] == 1 else X
        elif new.shape[1] != X.shape[1]:
            raise InputError(f"{given['new']}: expected {X.shape[1]} columns as in the data, got {new.shape[1]}")
        return cls(
            X,
            y,
            new,
            number_of(given, "length", 1.0),
            number_of(given, "prior_variance", 1.0),
            number_of(given, "noise_variance", _NOISE_VARIANCE),
            number_of(given, "duration", _WINDOW),
        )

    @property
    def cells(self) -> int:
        """Observations."""
        return len(self.y)

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """On a device."""
        found, right = self._on(device, rng), self._on(IdealDevice(), np.random.default_rng(0))
        width = _SHARE * found.standard_deviation
        order = np.argsort(self.new[:, 0])
        table = np.column_stack([self.new, found.mean, found.standard_deviation])
        return Outcome(
            {
                "n": len(self.y),
                "value": found.mean.tolist(),
                "standard_deviation": found.standard_deviation.tolist(),
                "mean_error": found.mean_error.tolist(),
                "exact": right.mean.tolist(),
                "relative_error": relative(found.mean - right.mean, right.mean),
                **cost(found.bill),
            },
            found.bill,
            self._digital(),
            {"answer": table},
            [
                (str(k), f"{m:.5g} ± {s:.2g}", f"{e:.2g}", f"{exact:.5g} ± {spread:.2g}")
                for k, (m, s, e, exact, spread) in enumerate(
                    zip(
                        found.mean[:6],
                        found.standard_deviation,
                        found.mean_error,
                        right.mean,
                        right.standard_deviation,
                        strict=False,
                    )
                )
            ],
            {"band": partial(band, self.new[order, 0], found.mean[order], width[order], None, "feature")},
        )

    def _on(self, device: LinearDevice, rng: np.random.Generator) -> GaussianProcess:
        return gaussian_process(
            self.X, self.y, self.new, device, rng, self.length, self.variance, self.noise, self.window
        )

    def _digital(self) -> float:
        n = len(self.y)
        return by_lapack(np.full((n, n), 1e-3) + np.eye(n), np.ones((n, len(self.new) + 1)))


@dataclass(frozen=True, eq=False)
class Filter:
    """`--problem kalman`."""

    model: StateModel
    observations: Float[np.ndarray, "steps k"]
    window: float

    @classmethod
    def posed(cls, given: Given, rng: np.random.Generator) -> "Filter":
        """From files, or a body that moves in a plane.

        Raises:
            InputError: some of the files without the others.
        """
        window = number_of(given, "duration", _WINDOW)
        names = ("data", "transition", "process_noise", "observation", "measurement_noise")
        if not together(given, "kalman", *names):
            if given["size"] is not None:
                raise InputError("--size: a state has the size of its --transition; the built-in track has four cells")
            return cls(*track(rng), window)
        Y, F, Q, H, R = (rows_of(given, name) for name in names)
        assert Y is not None
        assert F is not None
        model = StateModel(F, Q, H, R, np.zeros(len(F)), np.eye(len(F)))
        return cls(model, Y, window)

    @property
    def cells(self) -> int:
        """Entries of the state."""
        return len(self.model.m)

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """On a device."""
        found = kalman(self.model, self.observations, device, rng, self.window)
        means, covariances = exact_filter(self.model, self.observations)
        sd = np.sqrt(np.diagonal(found.covariances, axis1=1, axis2=2))
        steps = np.arange(len(means), dtype=float)
        right = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        last = len(means) - 1
        return Outcome(
            {
                "n": len(self.model.m),
                "steps": len(means),
                "value": found.means.tolist(),
                "standard_deviation": sd.tolist(),
                "mean_error": found.mean_errors.tolist(),
                "covariance": found.covariances[-1].tolist(),
                "exact": means.tolist(),
                "relative_error": relative(found.means - means, means),
                "relative_covariance_error": relative(found.covariances - covariances, covariances),
                **cost(found.bill),
            },
            found.bill,
            _with_inverse(np.linalg.inv(covariances[-1]), len(means)),
            {"answer": found.means, "standard_deviation": sd},
            [
                (
                    f"state {k}, last step",
                    f"{found.means[last, k]:.5g} ± {sd[last, k]:.2g}",
                    f"{found.mean_errors[last]:.2g}",
                    f"{means[last, k]:.5g} ± {right[last, k]:.2g}",
                )
                for k in range(min(len(self.model.m), 6))
            ],
            {"band": partial(band, steps, found.means[:, 0], _SHARE * sd[:, 0], None, "step")},
        )


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
        """From files, or measured tumours of scikit-learn.

        Raises:
            InputError: one file without the other.
        """
        if together(given, "logistic", "data", "targets"):
            X, labels = rows_of(given, "data"), values_of(given, "targets")
            assert X is not None
            assert labels is not None
            matching(given, "targets", labels, len(X), "data")
        else:
            X, labels = tumours(_WEIGHTS if given["size"] is None else given["size"])
        return cls(
            X,
            labels,
            number_of(given, "prior_variance", 1.0),
            number_of(given, "tolerance", 1e-6),
            number_of(given, "duration", _WINDOW),
        )

    @property
    def cells(self) -> int:
        """Weights."""
        return int(self.X.shape[1])

    def run(self, device: LinearDevice, rng: np.random.Generator) -> Outcome:
        """On a device."""
        found = laplace(self.X, self.labels, device, rng, self.prior, self.tolerance, self.window)
        right = laplace(self.X, self.labels, IdealDevice(), np.random.default_rng(0), self.prior)
        mean, mode = found.posterior.mean, right.posterior.mean
        low, high = found.posterior.interval()
        sd = found.posterior.standard_deviation
        accuracy = float(np.mean((found.probability(self.X) > 0.5) == (self.labels == self.labels.max())))
        seconds = _with_inverse(np.linalg.inv(found.posterior.covariance), found.iterations + 1)
        return Outcome(
            {
                "n": self.cells,
                "value": mean.tolist(),
                "standard_error": found.posterior.mean_error.tolist(),
                "covariance": found.posterior.covariance.tolist(),
                "interval_low": low.tolist(),
                "interval_high": high.tolist(),
                "exact": mode.tolist(),
                "relative_error": relative(mean - mode, mode),
                "gradient": found.gradient,
                "iterations": found.iterations,
                "train_accuracy": accuracy,
                **cost(found.posterior.bill),
            },
            found.posterior.bill,
            seconds,
            {"answer": mean, "covariance": found.posterior.covariance},
            [
                (
                    str(k),
                    f"{mean[k]:.5g} ± {sd[k]:.2g}",
                    f"{found.posterior.mean_error[k]:.2g}",
                    f"{mode[k]:.5g} ± {right.posterior.standard_deviation[k]:.2g}",
                )
                for k in range(min(self.cells, 8))
            ],
            {"band": partial(band, np.arange(self.cells, dtype=float), mean, _SHARE * sd, mode, "weight")},
            None if found.settled else f"not settled: gradient {found.gradient:.3g} after {found.iterations} steps",
        )
