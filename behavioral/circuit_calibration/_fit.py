"""The likeliest elements of a circuit, given measurements and tolerances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy
from jaxtyping import Bool, Float

from ...circuits.linear_circuits import LinearCircuit, Observed, value_of
from ...circuits.tolerances import Tolerances
from ..devices import Estimate, Verdict
from ._judgement import judged
from ._problem import Problem
from ._readout import Readouts, delay_of, volts_of
from ._records import CircuitRecord
from ._terms import Term, Waveform

IDENTIFIED = 0.5
"""An element is identified when its standard error is below this part of its tolerance."""


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
    verdict: Verdict = field(default_factory=Verdict)
    bench: Mapping[str, Estimate] = field(default_factory=dict)
    """What the readouts add, in the units of `READOUTS`."""
    readouts: Readouts | None = None
    x: Float[np.ndarray, " p"] = field(default_factory=lambda: np.zeros(0))
    """Every unknown: logarithms of factors, then the readouts'."""
    everything: Float[np.ndarray, "p p"] = field(default_factory=lambda: np.zeros((0, 0)))
    """Covariance of x."""
    terms: tuple[Term, ...] = ()

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
        return self.verdict.contradicted


def calibrate_circuit(
    circuit: Observed,
    tolerances: Tolerances,
    records: Sequence[CircuitRecord | Term],
    unknown: Sequence[str] = (),
    mains: float | None = None,
) -> CircuitCalibration:
    """The maximum of the posterior: least squares from the nominal values, in the logarithms of the values.

    A priori each element is normal about its value, with the standard deviation of its tolerance.

    Args:
        circuit: with its outputs.
        tolerances: of its elements.
        records: measurements of it.
        unknown: kinds of unknowns of the bench, of `READOUTS`.
        mains: frequency of the hum [Hz], where that is unknown.

    Raises:
        ValueError: nothing has a tolerance, or no records.
        DesignError: a tolerance that matches nothing.
        MeasurementError: records that the circuit cannot have.
    """
    known = {name: t.standard_deviation for name, t in tolerances.of(circuit.network).items()}
    prior = {name: sd for name, sd in known.items() if sd > 0}
    if not prior or not records:
        raise ValueError("calibrate: expected elements with a tolerance, and records of the circuit")
    terms = numbered(records)
    readouts = readouts_of(circuit, terms, unknown, mains)
    problem, x = Problem(circuit, tuple(prior), np.array(list(prior.values())), terms, readouts).solved()
    J = problem.jacobian(x)
    residual = problem.residual(x)
    # Each element that the data fix takes one degree of freedom; the prior's rows give those back that they do not.
    chi2 = float(residual @ residual)
    freedom = sum(term.size for term in terms)
    everything = np.linalg.inv(J.T @ J)
    verdict = judged(problem, x, chi2)
    if verdict.contradicted:
        everything = everything * max(chi2 / freedom, 1.0)
    k = problem.elements
    sd = np.sqrt(np.diag(everything))
    return CircuitCalibration(
        names=problem.names,
        nominal=np.array([_value(circuit, name) for name in problem.names]),
        deviations=np.exp(x[:k]) - 1,
        covariance=everything[:k, :k],
        prior=problem.prior,
        misfit=_misfits(problem, x),
        chance=float(scipy.stats.chi2.sf(chi2, freedom)),
        circuit=Observed(problem.network(x), circuit.labels),
        verdict=verdict,
        bench={name: Estimate(*pair) for name, pair in readouts.estimates(x[k:], sd[k:]).items()},
        readouts=readouts,
        x=x,
        everything=everything,
        terms=problem.terms,
    )


def numbered(records: Sequence[CircuitRecord | Term]) -> tuple[Term, ...]:
    """Records with the numbers that those have which come from no file."""
    return tuple(replace(one, number=k) if isinstance(one, CircuitRecord) else one for k, one in enumerate(records))


def readouts_of(circuit: Observed, terms: Sequence[Term], unknown: Sequence[str], mains: float | None) -> Readouts:
    """The unknowns of the readouts of some records, with priors by what they show."""
    waves = [term for term in terms if isinstance(term, Waveform)]
    longest = max((float(wave.times[-1]) for wave in waves if wave.kind == "tran"), default=0.0)
    slowest = LinearCircuit.of(circuit.network, circuit.labels).time_constants[:1] if longest else np.zeros(0)
    return Readouts.of(
        unknown,
        circuit.labels,
        [(term.file, term.kind, term.outputs) for term in terms],
        volts_of([wave.values for wave in waves]),
        delay_of(float(slowest[0]) if len(slowest) else 0.0, longest),
        mains or 0.0,
    )


def _value(circuit: Observed, name: str) -> float:
    element = next(e for e in circuit.network.elements if e.name == name)
    return float(value_of(element) or 0.0)


def _misfits(problem: Problem, x: Float[np.ndarray, " p"]) -> dict[str, float]:
    return {
        term.file: float(np.sqrt(np.mean(part**2))) for term, part in zip(problem.terms, problem.parts(x), strict=True)
    }
