"""Whether a chip of the design explains its measurements: residuals, estimates and a bench's faults, each judged by the
law that it has when the model is right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import scipy
from jaxtyping import Float, Int

from ...circuits import Level
from ..devices import Check, Verdict, tolerance_groups
from ._bench import NUISANCES
from ._fit import Fit
from ._parameters import Parameters
from ._terms import Part, Term, coherent

FALSE_ALARMS: Mapping[str, float] = MappingProxyType({"residual": 1e-3, "bench": 1e-3, "tolerance": 8e-3})
"""Probability that a row of each family contradicts a model that is right, over all rows of the family: one calibration
in a hundred, all together. A fault of the bench or of the model leaves residuals far beyond any threshold; that
components are looser than their design says shows in few numbers, so that most of the probability is theirs."""

_UNSTATED = 5.0
"""Times that the residuals of a kind without stated errors may exceed what stands for a simulator's own error."""

_TOLD = 1e-2
"""Precision of a nuisance by that of its prior from which what the other unknowns leave of it can be tested: known to
ten times its spread."""

_FAR = 1e-6
"""The same of the prior that a nuisance which is only tried has: none that counts."""

_EXACT: Mapping[str, float] = MappingProxyType({"readouts": 3e-5})
_TRANSISTOR: Mapping[str, float] = MappingProxyType({"readouts": 5e-4, "responses": 1e-2, "noise": 1e-2})

MODEL_ERROR: Mapping[Level, Mapping[str, float]] = MappingProxyType(
    {"ideal": _EXACT, "macro": _EXACT, "transistor": _TRANSISTOR}
)
"""Relative, by level and kind of measurement: no contradiction unless beyond. Local errors of a simulator's waveform
add up to 1e-4 of it at most (the fidelity table's limit) and to a third of that as a rule. Of the macro-model that
stands for transistors the waveforms of calibrated chips are within 5e-4: the amplifiers' further poles act as a small
delay."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The fit without excess weights: each run's normal equations at its z, and the posterior covariance."""

    runs: tuple[Term, ...]
    parts: tuple[Part, ...]
    covariance: Float[np.ndarray, "p p"]
    z: Float[np.ndarray, " p"]
    labels: tuple[str, ...]
    """What to call each run."""
    allowed: tuple[float, ...]
    """Sum of squares that the model's own error may add to each run's residuals: a parameter of non-centrality."""

    @classmethod
    def of(cls, runs: Sequence[Term], found: Fit, parameters: Parameters, numbers: Mapping[str, int]) -> "Evidence":
        """Of the runs that the fit used; `numbers` are those of the measurements, by name."""
        used = tuple(run for run, use in zip(runs, found.used, strict=True) if use)
        parts = tuple(run.evaluate(parameters, found.z) for run in used)
        labels = tuple(f"record {numbers[run.name]} ({run.kind})" for run in used)
        error = MODEL_ERROR[parameters.level]
        allowed = tuple(error.get(run.kind, 0.0) ** 2 * run.signal for run in used)
        return cls(used, parts, found.covariance, found.z, labels, allowed)


def judge(
    runs: Sequence[Term], found: Fit, parameters: Parameters, nuisances: Sequence[str], numbers: Mapping[str, int]
) -> Verdict:
    """The verdict on a fit; `numbers` are those of the measurements, by name.

    Residuals and prior deviations of a least-squares fit are a projection of unit normal errors: a group of rows has a
    sum of squares of expectation `tr(1 - h)` and variance `2 tr((1 - h)^2)`, h the group's block of the hat matrix,
    here from traces of the group's information with the posterior covariance; its tail is that of the chi-square law
    with these two moments (Satterthwaite, Biometrics 2, 1946). What a fault of the bench would explain is a score test
    (Rao, Proc. Camb. Phil. Soc. 44, 1948): the residuals' projection on the nuisance's derivatives, of which the other
    unknowns have taken their part.
    """
    evidence = Evidence.of(runs, found, parameters, numbers)
    checks = [
        *_family("residual", list(_residuals(evidence, found.settled, parameters.level))),
        *_family("bench", list(_bench(evidence, found, parameters, nuisances))),
        *_family("tolerance", list(_tolerances(evidence, parameters))),
    ]
    return Verdict(tuple(checks))


def _family(name: str, rows: list[Check]) -> Iterator[Check]:
    """Each row with its part of the family's false alarms (Bonferroni)."""
    judged = sum(row.probability is not None for row in rows)
    for row in rows:
        passed = row.passed if row.probability is None else row.probability >= FALSE_ALARMS[name] / judged
        yield Check(name, row.row, row.statistic, row.probability, bool(passed), row.meaning)


def _residuals(evidence: Evidence, settled: bool, level: Level) -> Iterator[Check]:
    C = evidence.covariance
    if not settled:
        yield Check("residual", "fit", 0.0, None, False, "no chip of the design is an optimum")
    every = list(zip(evidence.runs, evidence.parts, evidence.labels, evidence.allowed, strict=True))
    for run, part, label, allowed in every:
        if not run.stated:
            continue
        hat, text = C @ part.information, "residual {:.3g} times its noise, in square"
        yield _chi_square(label, run.values * part.rms**2, run.values, hat, text, allowed)
        if part.shapes:
            text = "what is left has a waveform's shape, {:.3g} times its noise, in square"
            yield _chi_square(f"{label}, shape", part.shape, part.shapes, hat, text, allowed)
    for kind in dict.fromkeys(run.kind for run in evidence.runs):
        mine = [(run, part, allowed) for run, part, _, allowed in every if run.kind == kind]
        total = sum(run.values * part.rms**2 for run, part, _ in mine)
        count = sum(run.values for run, *_ in mine)
        if mine[0][0].stated:
            information = C @ sum(part.information for _, part, _ in mine)
            allowed, text = sum(allowed for *_, allowed in mine), "residual {:.3g} times their noise, in square"
            yield _chi_square(f"all {kind}", total, count, information, text, allowed)
        else:
            # Their standard deviations are those of errors that may all be alike.
            squares = [run.values * (part.rms * coherent(1.0, run.values, level)) ** 2 for run, part, _ in mine]
            ratio = float(np.sqrt(sum(squares) / count))
            text = "residual {:.3g} times a simulator's own error, in square"
            yield Check("residual", f"all {kind}", ratio**2, None, bool(ratio <= _UNSTATED), text)


def _chi_square(
    row: str, square: float, values: int, hat: Float[np.ndarray, "p p"], meaning: str, allowed: float = 0.0
) -> Check:
    """A sum of squares of which a fit has taken a part: `values` rows whose hat matrix has the traces of `hat`, and to
    which the model's own error may add what is allowed."""
    once, twice = float(np.trace(hat)), float(np.sum(hat * hat.T))
    expected = max(values - once, 0.0)
    variance = 2 * max(values - 2 * once + twice, 0.0)
    # A record that the unknowns follow entirely has nothing left to judge.
    if expected < 1e-6 * values or variance == 0:
        return Check("residual", row, 1.0, 1.0, True, meaning)
    scale = variance / (2 * expected)
    probability = _tail(square / scale, expected / scale, allowed / scale)
    return Check("residual", row, square / (expected + allowed), probability, True, meaning)


def _tail(square: float, degrees: float, allowed: float) -> float:
    """Of the chi-square law, not central where something is allowed."""
    if allowed == 0:
        return float(scipy.stats.chi2.sf(square, degrees))
    # Patnaik's central approximation, right in mean and variance (Biometrika 36, 1949): the exact one underflows.
    scale = (degrees + 2 * allowed) / (degrees + allowed)
    return float(scipy.stats.chi2.sf(square / scale, (degrees + allowed) / scale))


def _tolerances(evidence: Evidence, parameters: Parameters) -> Iterator[Check]:
    """Estimates by their tolerances: each kind, and kinds of one tolerance together.

    The bench's unknowns have none: a design says nothing of a bench.
    """
    kinds = [name.split("[")[0] for name in parameters.names[: parameters.first_of_bench]]
    groups = {f"all {name}": where for name, where in tolerance_groups(kinds).items() if len(set(where)) > 1}
    own = {kind: [kind] for kind in dict.fromkeys(kinds)}
    for row, members in {**groups, **own}.items():
        where = np.flatnonzero([kind in members for kind in kinds])
        block = evidence.covariance[np.ix_(where, where)] * parameters.precision[where]
        z = evidence.z[where] * np.sqrt(parameters.precision[where])
        yield _chi_square(
            row, float(z @ z), len(where), block, "mean square of estimate by tolerance {:.3g} of what it is"
        )


def _bench(evidence: Evidence, found: Fit, parameters: Parameters, nuisances: Sequence[str]) -> Iterator[Check]:
    """What each kind of nuisance that is not switched on would explain."""
    tried = [kind for kind in NUISANCES if kind not in nuisances]
    extended = parameters.extended(evidence.runs, nuisances, tried)
    p = parameters.size
    z = np.append(evidence.z, np.zeros(extended.size - p))
    score = np.append(-parameters.precision * evidence.z, np.zeros(extended.size - p))
    information = np.diag(np.append(parameters.precision, np.full(extended.size - p, _FAR)))
    for run in evidence.runs:
        part = run.evaluate(extended, z)
        weight = found.excess.get(run.kind, 1.0) ** -2
        score += weight * part.gradient
        information += weight * part.information
    for kind in tried:
        where = extended.bench.unknowns(kind)
        if len(where):
            yield _score_test(kind, score, information, where, p, sum(evidence.allowed))


def _score_test(
    kind: str,
    score: Float[np.ndarray, " q"],
    information: Float[np.ndarray, "q q"],
    where: Int[np.ndarray, " k"],
    p: int,
    allowed: float,
) -> Check:
    which = np.append(np.arange(p), where)
    unit = 1 / np.sqrt(np.diag(information)[which])
    # The last block of a Cholesky factor is what the first unknowns leave of the others: no digits are lost to a
    # difference of two large numbers. An optimum that is a tenth of a standard deviation away is taken out likewise.
    L = np.linalg.cholesky(information[np.ix_(which, which)] * np.outer(unit, unit))
    left = scipy.linalg.solve_triangular(L, unit * score[which], lower=True)[p:]
    own = L[p:, p:] / unit[p:, None]
    values, vectors = np.linalg.eigh(own @ own.T)
    seen = values > _TOLD
    count = int(seen.sum())
    what = NUISANCES[kind].what
    meaning = f"an unknown of the bench that is left out ({what}) would explain {{:.3g}} times what chance explains"
    if count == 0:
        return Check("bench", kind, 0.0, 1.0, True, meaning)
    projected = vectors[:, seen].T @ (own @ left)
    statistic = float(np.sum(projected**2 / values[seen]))
    return Check("bench", kind, statistic / (count + allowed), _tail(statistic, float(count), allowed), True, meaning)
