"""Filtering: one Gaussian update after the other."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..._exceptions import ProblemError
from ...linear_algebra import LinearDevice
from ..systems import WINDOW, Bench, Bill, RefinedSystem, matrix, positive, vector


@dataclass(frozen=True, eq=False)
class StateModel:
    """`x' = F x + N(0, Q)`, `y = H x + N(0, R)`, `x ~ N(m, P)` before the first observation.

    Raises:
        ProblemError: shapes that do not fit; P or R that is not positive definite; Q with a negative eigenvalue.
    """

    F: Float[np.ndarray, "n n"]
    Q: Float[np.ndarray, "n n"]
    H: Float[np.ndarray, "k n"]
    R: Float[np.ndarray, "k k"]
    m: Float[np.ndarray, " n"]
    P: Float[np.ndarray, "n n"]

    def __init__(self, F: object, Q: object, H: object, R: object, m: object, P: object) -> None:
        F_ = matrix("F", F)
        n = len(F_)
        if F_.shape != (n, n) or n == 0:
            raise ProblemError(f"F: expected a square matrix, got shape {F_.shape}")
        H_ = matrix("H", H, n)
        values = {
            "F": F_,
            "Q": positive("Q", Q, n, definite=False),
            "H": H_,
            "R": positive("R", R, len(H_)),
            "m": vector("m", m, n),
            "P": positive("P", P, n),
        }
        for name, value in values.items():
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    def predict(
        self, mean: Float[np.ndarray, " n"], covariance: Float[np.ndarray, "n n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]:
        """One step on, before it is observed."""
        return self.F @ mean, self.F @ covariance @ self.F.T + self.Q


@dataclass(frozen=True, eq=False)
class Filtered:
    """Mean and covariance of the state after each observation.

    Attributes:
        means, covariances: of the state.
        mean_errors: bounds on what the device has added to each mean, over all steps so far, to first order.
        bill: what it cost.
    """

    means: Float[np.ndarray, "steps n"]
    covariances: Float[np.ndarray, "steps n n"]
    mean_errors: Float[np.ndarray, " steps"]
    bill: Bill


def kalman(
    model: StateModel,
    observations: object,
    device: LinearDevice,
    rng: np.random.Generator,
    window: float = WINDOW,
) -> Filtered:
    """The filter of Kalman (1960) in its information form: prediction is digital, each update a device's.

    A step loads `P^-1 + H' R^-1 H` and drives it with the currents of both networks, then with one unit in each cell.
    A row of observations of which none is finite would be no update; there is no such row, since files have numbers.

    Args:
        model: of state and observations.
        observations: (steps, k).
        device: with a cell for each entry of the state at least.
        rng: source of the noise.
        window: of each readout, in slowest time constants.

    Raises:
        ProblemError: observations of another width.
        ProgramError: the device cannot hold the precision of a step.
    """
    rows = matrix("observations", observations, len(model.H))
    if len(rows) == 0:
        raise ProblemError("observations: expected at least one row, got none")
    bench = Bench(device, rng, window)
    mean = model.m
    covariance = model.P
    error = 0.0
    means = []
    covariances = []
    errors = []
    seen = model.H.T @ np.linalg.inv(model.R)
    for step, row in enumerate(rows):
        if step > 0:
            mean, covariance = model.predict(mean, covariance)
        prior = np.linalg.inv(covariance)
        A = prior + seen @ model.H
        system = RefinedSystem.load(bench, (A + A.T) / 2)
        answer = system.solve(prior @ mean + seen @ row)
        updated, missed = system.inverse()
        # What was wrong before is carried on by the update, to first order.
        carried = float(np.linalg.norm(updated @ prior @ (model.F if step else np.eye(len(mean))), 2))
        surprise = float(np.linalg.norm(seen @ row - seen @ model.H @ answer.value))
        error = carried * error + answer.error + missed * len(mean) * surprise
        mean = answer.value
        covariance = updated
        means.append(mean)
        covariances.append(covariance)
        errors.append(error)
    return Filtered(np.array(means), np.array(covariances), np.array(errors), bench.bill)


def exact_filter(
    model: StateModel, observations: Float[np.ndarray, "steps k"]
) -> tuple[Float[np.ndarray, "steps n"], Float[np.ndarray, "steps n n"]]:
    """The same filter by LAPACK, in its covariance form."""
    mean = model.m
    covariance = model.P
    means = []
    covariances = []
    for step, row in enumerate(observations):
        if step > 0:
            mean, covariance = model.predict(mean, covariance)
        S = model.H @ covariance @ model.H.T + model.R
        gain = np.linalg.solve(S, model.H @ covariance).T
        mean = mean + gain @ (row - model.H @ mean)
        covariance = covariance - gain @ S @ gain.T
        means.append(mean)
        covariances.append(covariance)
    return np.array(means), np.array(covariances)
