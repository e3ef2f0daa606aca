"""The likeliest elements of a circuit, given measurements and tolerances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Bool, Float

from ...circuits import Network
from ...circuits.linear_circuits import LinearCircuit, Observed, scaled, value_of
from ...circuits.tolerances import Tolerances
from ._records import CircuitRecord

_STEP = 1e-4
_MOST_STEPS = 100
_FURTHEST = 6.0

IDENTIFIED = 0.5
"""An element is identified when its standard error is below this part of its tolerance."""

_CONTRADICTED = 1e-4
"""Probability of so large a misfit by chance, below which measurements contradict the circuit."""


@dataclass(frozen=True, eq=False)
class CircuitCalibration:
    """Relative deviations of elements from their nominal values, with standard errors."""

    names: tuple[str, ...]
    nominal: Float[np.ndarray, " k"]
    deviations: Float[np.ndarray, " k"]
    """Relative."""
    covariance: Float[np.ndarray, "k k"]
    """Of the logarithms of the values, by the curvature at the estimate; inflated where the fit is contradicted."""
    prior: Float[np.ndarray, " k"]
    """Standard deviations by tolerance, relative."""
    misfit: Mapping[str, float]
    """By record: root mean square of the residuals in their errors; about 1 is what chance gives."""
    chance: float
    """Probability of a misfit as large as this one, of all records together."""
    circuit: Observed
    """With the estimated values."""

    @property
    def errors(self) -> Float[np.ndarray, " k"]:
        """Standard errors, relative."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def identified(self) -> Bool[np.ndarray, " k"]:
        """Whether the measurements say more of an element than its tolerance."""
        return np.asarray(self.errors < IDENTIFIED * self.prior)

    @property
    def contradicted(self) -> bool:
        """Whether no elements within their tolerances explain the measurements."""
        return self.chance < _CONTRADICTED


def calibrate_circuit(
    circuit: Observed, tolerances: Tolerances, records: Sequence[CircuitRecord]
) -> CircuitCalibration:
    """The maximum of the posterior: least squares from the nominal values, in the logarithms of the values.

    A priori each element is normal about its value, with the standard deviation of its tolerance.

    Raises:
        ValueError: nothing has a tolerance, or no records.
        DesignError: a tolerance that matches nothing.
    """
    known = {name: t.standard_deviation for name, t in tolerances.of(circuit.network).items()}
    prior = {name: sd for name, sd in known.items() if sd > 0}
    if not prior or not records:
        raise ValueError("calibrate: expected elements with a tolerance, and records of the circuit")
    problem = _Problem(circuit, tuple(prior), np.array(list(prior.values())), tuple(records))
    theta = problem.solved()
    J, residual = problem.jacobian(theta), problem.residual(theta)
    data = residual[: -len(theta)]
    # Each element that the data fix takes one degree of freedom; the prior's rows give those back that they do not.
    chi2, freedom = float(residual @ residual), len(data)
    chance = float(scipy.stats.chi2.sf(chi2, freedom))
    covariance = np.linalg.inv(J.T @ J)
    if chance < _CONTRADICTED:
        covariance = covariance * chi2 / freedom
    return CircuitCalibration(
        names=problem.names,
        nominal=np.array([_value(circuit.network, name) for name in problem.names]),
        deviations=np.exp(theta) - 1,
        covariance=covariance,
        prior=problem.prior,
        misfit=problem.misfits(theta),
        chance=chance,
        circuit=Observed(problem.network(theta), circuit.labels),
    )


def _value(network: Network, name: str) -> float:
    element = next(e for e in network.elements if e.name == name)
    return float(value_of(element) or 0.0)


@dataclass(frozen=True, eq=False)
class _Problem:
    circuit: Observed
    names: tuple[str, ...]
    prior: Float[np.ndarray, " k"]
    records: tuple[CircuitRecord, ...]

    def network(self, theta: Float[np.ndarray, " k"]) -> Network:
        factors = dict(zip(self.names, np.exp(theta).tolist(), strict=True))
        return scaled(self.circuit.network, factors)

    def _parts(self, theta: Float[np.ndarray, " k"]) -> list[Float[np.ndarray, " rows"]]:
        there = LinearCircuit.of(self.network(theta), self.circuit.labels)
        return [(record.values - record.predict(there)) / record.sd for record in self.records]

    def residual(self, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, " rows"]:
        """Of the records, then of the tolerances, in their errors."""
        return np.concatenate([*self._parts(theta), -theta / self.prior])

    def jacobian(self, theta: Float[np.ndarray, " k"]) -> Float[np.ndarray, "rows k"]:
        columns = []
        for k in range(len(theta)):
            step = np.zeros(len(theta))
            step[k] = _STEP
            columns.append((self.residual(theta + step) - self.residual(theta - step)) / (2 * _STEP))
        return np.column_stack(columns)

    def misfits(self, theta: Float[np.ndarray, " k"]) -> dict[str, float]:
        found: dict[str, float] = {}
        for k, (record, part) in enumerate(zip(self.records, self._parts(theta), strict=True)):
            found[f"{record.analysis} {k}"] = float(np.sqrt(np.mean(part**2)))
        return found

    def solved(self) -> Float[np.ndarray, " k"]:
        """The minimum within `_FURTHEST` standard deviations of the tolerances: beyond, it is another circuit."""
        furthest = _FURTHEST * self.prior
        found = scipy.optimize.least_squares(
            self.residual,
            np.zeros(len(self.names)),
            self.jacobian,
            bounds=(-furthest, furthest),
            x_scale=self.prior,
            max_nfev=_MOST_STEPS,
        )
        return np.asarray(found.x)
