"""A Gaussian prior and a Gaussian likelihood on one device."""

from dataclasses import dataclass, replace
from math import log, pi
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from ....circuits import Program
from ..._exceptions import ProblemError
from ...linear_algebra import Answer, Budget, LinearDevice, inverse, log_determinant, solve
from ..systems import Bench, Bill, RefinedSystem, cells_of, matrix, positive, vector

Way = Literal["fluctuations", "drives"]


@dataclass(frozen=True, eq=False)
class GaussianProblem:
    """`x ~ N(m, P)`, `y = H x + e`, `e ~ N(0, R)`: the posterior of x is `N(A^-1 b, A^-1)`.

    On a circuit, prior and likelihood are two networks of conductances between the same cells: `P^-1` to rails at the
    prior's mean, `H' R^-1 H` to rails at the data, `A` is their sum and `b` their currents. Its thermal noise is not
    the posterior's: a passive network at one temperature has the covariance kT/C whatever its conductances
    (equipartition). White noise, equal in all cells, has to be injected; then the covariance is `kappa A^-1`.

    Args:
        m, P: mean and covariance of the prior.
        H: what is observed of x.
        R: covariance of the noise of the observations.
        y: the observations.

    Raises:
        ProblemError: shapes that do not fit, or a covariance that is not positive definite.
    """

    m: Float[np.ndarray, " n"]
    P: Float[np.ndarray, "n n"]
    H: Float[np.ndarray, "k n"]
    R: Float[np.ndarray, "k k"]
    y: Float[np.ndarray, " k"]

    def __init__(self, m: object, P: object, H: object, R: object, y: object) -> None:
        P_ = positive("P", P)
        H_ = matrix("H", H, len(P_))
        R_ = positive("R", R, len(H_))
        values = {"m": vector("m", m, len(P_)), "P": P_, "H": H_, "R": R_, "y": vector("y", y, len(H_))}
        for name, value in values.items():
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return len(self.m)

    @property
    def prior(self) -> Program:
        """The network of the prior: `P^-1` and its currents."""
        return _network(np.linalg.inv(self.P), np.linalg.solve(self.P, self.m))

    @property
    def A(self) -> Float[np.ndarray, "n n"]:
        """Precision of the posterior: the conductances of both networks."""
        A = np.linalg.inv(self.P) + self.H.T @ np.linalg.solve(self.R, self.H)
        return np.asarray((A + A.T) / 2)

    @property
    def b(self) -> Float[np.ndarray, " n"]:
        """Currents from both pairs of rails."""
        return np.asarray(np.linalg.solve(self.P, self.m) + self.H.T @ np.linalg.solve(self.R, self.y))

    @property
    def exact(self) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]:
        """Mean and covariance of the posterior by LAPACK."""
        A = self.A
        return np.linalg.solve(A, self.b), np.linalg.inv(A)


def _network(G: Float[np.ndarray, "n n"], i: Float[np.ndarray, " n"]) -> Program:
    return Program((G + G.T) / 2, i)


@dataclass(frozen=True, eq=False)
class Posterior:
    """A Gaussian posterior as a device tells it.

    Attributes:
        mean, covariance: of the unknowns.
        mean_error, covariance_error: standard errors of each entry: noise of the readouts, and everything that the
            device is known to do wrong. By drives they are bounds from the digital residual.
        bill: what it cost.
    """

    mean: Float[np.ndarray, " n"]
    covariance: Float[np.ndarray, "n n"]
    mean_error: Float[np.ndarray, " n"]
    covariance_error: Float[np.ndarray, "n n"]
    bill: Bill

    @property
    def standard_deviation(self) -> Float[np.ndarray, " n"]:
        """Standard deviation of each unknown, what the device may do wrong included."""
        variance = np.maximum(np.diag(self.covariance), 0.0) + np.diag(self.covariance_error)
        return np.asarray(np.sqrt(variance + self.mean_error**2))

    def interval(self, share: float = 0.95) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Ends of the credible intervals that hold so much of the posterior.

        Raises:
            ProblemError: a share that is not between zero and one.
        """
        if not 0 < share < 1:
            raise ProblemError(f"share: expected a number between 0 and 1, got {share}")
        half = float(ndtri((1 + share) / 2)) * self.standard_deviation
        return self.mean - half, self.mean + half


def posterior(
    problem: GaussianProblem,
    device: LinearDevice,
    rng: np.random.Generator,
    budget: Budget | None = None,
    way: Way = "fluctuations",
) -> Posterior:
    """Mean and covariance of a Gaussian posterior from a device.

    Args:
        problem: prior, likelihood and data.
        device: with a cell for each unknown at least.
        rng: source of the noise.
        budget: time and runs; the noise that is injected is as much as fits the range.
        way: `fluctuations`: the mean is the average of the voltages, the covariance that of their fluctuations, with
            the device's own error bars. `drives`: both are answers to drives, refined by digital residuals.

    Raises:
        ProblemError: no noise, or a device with too few cells.
        ProgramError: the device cannot hold the matrix.
    """
    budget = budget or Budget()
    if way == "drives":
        return _by_drives(problem, Bench(device, rng))
    if budget.kappa is not None and not budget.kappa > 0:
        raise ProblemError(
            "kappa: expected noise to be injected: a passive network at one temperature has the covariance kT/C"
            " whatever its conductances, not A^-1"
        )
    coordinates = Coordinates.of(problem.A, cells_of(device))
    drive, size = coordinates.drive(problem.b)
    # The mean needs no noise.
    mean = solve(device, coordinates.M, drive, rng, replace(budget, kappa=0.0))
    spread = inverse(device, coordinates.M, rng, budget)
    d = coordinates.d
    n = problem.n
    return Posterior(
        np.asarray(d * mean.value[:n] * size),
        np.asarray(np.outer(d, d) * spread.value[:n, :n]),
        np.asarray(d * mean.standard_error[:n] * size),
        np.asarray(np.outer(d, d) * spread.standard_error[:n, :n]),
        _bill(mean, spread),
    )


def _bill(*answers: Answer) -> Bill:
    return Bill(
        loads=len(answers),
        drives=sum(answer.runs for answer in answers),
        analog_s=sum(answer.time for answer in answers),
        energy_J=sum(answer.energy for answer in answers),
        least_J=sum(answer.least_energy for answer in answers),
    )


def _by_drives(problem: GaussianProblem, bench: Bench) -> Posterior:
    system = RefinedSystem.load(bench, problem.A)
    mean = system.solve(problem.b)
    covariance, error = system.inverse()
    n = problem.n
    return Posterior(mean.value, covariance, np.full(n, mean.error), np.full((n, n), error), bench.bill)


@dataclass(frozen=True, eq=False)
class Coordinates:
    """`z = x/d` in which the precision has a unit diagonal: what a device holds. Cells beyond the unknowns hold a one.

    A Gaussian in z is one in x: mean `d z`, covariance `d d' M^-1`.
    """

    M: Float[np.ndarray, "cells cells"]
    d: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, A: Float[np.ndarray, "n n"], cells: int | None) -> "Coordinates":
        """The coordinates of a precision.

        Raises:
            ProblemError: fewer cells than unknowns.
        """
        n = len(A)
        cells = n if cells is None else cells
        if cells < n:
            raise ProblemError(f"size: expected a device of at least {n} cells, got {cells}")
        d = 1 / np.sqrt(np.diag(A))
        M = np.eye(cells)
        M[:n, :n] = np.outer(d, d) * A
        return cls((M + M.T) / 2, d)

    def drive(self, b: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " cells"], float]:
        """The drive for b with a largest entry of one [V], and what one volt stands for."""
        scaled = self.d * b
        size = float(np.abs(scaled).max()) or 1.0
        return np.pad(scaled / size, (0, len(self.M) - len(b))), size


def evidence(
    problem: GaussianProblem, found: Posterior, device: LinearDevice, rng: np.random.Generator, budget: Budget
) -> tuple[float, float]:
    """`log p(y)` with the posterior's mean and the device's determinant, and its standard error."""
    coordinates = Coordinates.of(problem.A, cells_of(device))
    log_det = log_determinant(device, coordinates.M, rng, budget)
    log_det_A = float(log_det.value) - 2 * float(np.log(coordinates.d).sum())
    log_det_PR = float(np.linalg.slogdet(problem.P)[1] + np.linalg.slogdet(problem.R)[1])
    square = problem.y @ np.linalg.solve(problem.R, problem.y) + problem.m @ np.linalg.solve(problem.P, problem.m)
    value = -(log_det_PR + log_det_A + len(problem.y) * log(2 * pi) + square - problem.b @ found.mean) / 2
    # Errors of the mean may have one cause: they are added.
    return float(value), (float(log_det.standard_error) + float(np.abs(problem.b) @ found.mean_error)) / 2
