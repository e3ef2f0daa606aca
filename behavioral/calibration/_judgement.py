"""Whether a chip of the design explains its measurements: residuals, estimates and a bench's faults, each judged by the
law that it has when the model is right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from ...circuits import Level
from ..devices import Check, Verdict, tolerance_groups
from ._bench_scores import BenchScores
from ._fit import Fit
from ._terms import Hat, Term, coherent, tail
from .unknowns import NUISANCES, Parameters

FALSE_ALARMS: Mapping[str, float] = MappingProxyType({"residual": 1e-3, "bench": 1e-3, "tolerance": 8e-3})
"""Probability that a row of each family contradicts a model that is right, over all rows of the family: one calibration
in a hundred, all together. A fault of the bench or of the model leaves residuals far beyond any threshold; that
components are looser than their design says shows in few numbers, so that most of the probability is theirs."""

_SPREAD = 3.0
"""Standard deviations of the sum of squares that the unknowns' errors leave."""
_UNSTATED = 5.0
"""Times that the residuals of a kind without stated errors may exceed what stands for a simulator's own error."""

_MOST_LEFT_OUT = 0.25
"""Part of the records that may be unlike the others; where more are, nobody can say which of them are of the chip."""

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
class Judged:
    """What is asked of one run at the fit."""

    run: Term
    label: str
    allowed: float
    """Sum of squares that the model's own error may add to the residuals: a parameter of non-centrality."""
    rms: float
    shape: float
    shapes: int
    hat: Hat

    @property
    def square(self) -> float:
        """Sum of the squares of the residuals."""
        return self.run.values * self.rms**2


@dataclass(frozen=True, eq=False)
class Evidence:
    """The fit without excess weights: each run at its z, the posterior covariance, and what a bench would explain.

    Runs are asked one after the other, each for the chip and the bench at once, and nothing as large as their
    derivatives is kept.
    """

    judged: tuple[Judged, ...]
    hats: Mapping[str, Hat]
    """Of all runs of a kind together."""
    covariance: Float[np.ndarray, "p p"]
    z: Float[np.ndarray, " p"]
    scores: BenchScores

    @classmethod
    def of(
        cls,
        runs: Sequence[Term],
        found: Fit,
        parameters: Parameters,
        nuisances: Sequence[str],
        numbers: Mapping[str, int],
    ) -> "Evidence":
        """Of the runs that the fit used; `numbers` are those of the measurements, by name."""
        used = [run for run, use in zip(runs, found.used, strict=True) if use]
        scores = BenchScores(used, parameters, nuisances, found.z)
        error = MODEL_ERROR[parameters.level]
        C = found.covariance
        judged = []
        for run in used:
            part = scores.asked(run, found.excess.get(run.kind, 1.0) ** -2)
            label, allowed = f"record {numbers[run.name]} ({run.kind})", error.get(run.kind, 0.0) ** 2 * run.signal
            judged.append(Judged(run, label, allowed, part.rms, part.shape, part.shapes, part.hat(C)))
        hats = {kind: Hat.of(C @ total) for kind, total in scores.information().items()}
        return cls(tuple(judged), hats, C, found.z, scores)


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
    evidence = Evidence.of(runs, found, parameters, nuisances, numbers)
    checks = [
        *_family("residual", [*_left_out(found.used), *_residuals(evidence, found.settled, parameters.level)]),
        *_family("bench", list(_bench(evidence))),
        *_family("tolerance", list(_tolerances(evidence, parameters))),
    ]
    return Verdict(tuple(checks))


def _family(name: str, rows: list[Check]) -> Iterator[Check]:
    """Each row with its part of the family's false alarms (Bonferroni)."""
    judged = sum(row.probability is not None for row in rows)
    for row in rows:
        passed = row.passed if row.probability is None else row.probability >= FALSE_ALARMS[name] / judged
        yield Check(name, row.row, row.statistic, row.probability, bool(passed), row.meaning)


def _left_out(used: Sequence[bool]) -> Iterator[Check]:
    left = len(used) - sum(used)
    if left > _MOST_LEFT_OUT * len(used):
        meaning = (
            f"{left} of {len(used)} records are unlike the others, so that either may be of another chip or program"
        )
        yield Check("residual", "left out", float(left), None, passed=False, meaning=meaning)


def _residuals(evidence: Evidence, settled: bool, level: Level) -> Iterator[Check]:
    if not settled:
        yield Check("residual", "fit", 0.0, None, passed=False, meaning="no chip of the design is an optimum")
    for one in evidence.judged:
        if not one.run.stated:
            continue
        text = "residual {:.3g} times its noise, in square"
        yield _chi_square(one.label, one.square, one.run.values, one.hat, text, one.allowed)
        if one.shapes:
            text = "what is left has a waveform's shape, {:.3g} times its noise, in square"
            yield _chi_square(f"{one.label}, shape", one.shape, one.shapes, one.hat, text, one.allowed)
    for kind, hat in evidence.hats.items():
        mine = [one for one in evidence.judged if one.run.kind == kind]
        count = sum(one.run.values for one in mine)
        if mine[0].run.stated:
            total, allowed = sum(one.square for one in mine), sum(one.allowed for one in mine)
            yield _chi_square(f"all {kind}", total, count, hat, "residual {:.3g} times their noise, in square", allowed)
        else:
            # Their standard deviations are those of errors that may all be alike.
            alike = [coherent(1.0, one.run.values, level) ** 2 for one in mine]
            total = sum(one.square * factor for one, factor in zip(mine, alike, strict=True))
            # The unknowns are wrong by what the other measurements and the tolerances leave, which is tr(h (1 - h)) of
            # these residuals; its variance is 2 tr((h (1 - h))^2), and no eigenvalue of h (1 - h) is above 1/4.
            left = max(hat.once - hat.twice, 0.0)
            of_unknowns = max(alike) * (left + _SPREAD * np.sqrt(left / 2))
            square = float(max(total - of_unknowns, 0.0) / count)
            text = "residual {:.3g} times a simulator's own error, in square, beside what the unknowns' errors explain"
            yield Check("residual", f"all {kind}", square, None, square <= _UNSTATED**2, text)


def _chi_square(row: str, square: float, values: int, hat: Hat, meaning: str, allowed: float = 0.0) -> Check:
    """A sum of squares of which a fit has taken a part: `values` rows whose hat matrix has these traces, and to which
    the model's own error may add what is allowed."""
    expected = max(values - hat.once, 0.0)
    variance = 2 * max(values - 2 * hat.once + hat.twice, 0.0)
    # A record that the unknowns follow entirely has nothing left to judge.
    if expected < 1e-6 * values or variance == 0:
        return Check("residual", row, 1.0, 1.0, passed=True, meaning=meaning)
    scale = variance / (2 * expected)
    probability = tail(square / scale, expected / scale, allowed / scale)
    return Check("residual", row, square / (expected + allowed), probability, passed=True, meaning=meaning)


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
            row, float(z @ z), len(where), Hat.of(block), "mean square of estimate by tolerance {:.3g} of what it is"
        )


def _bench(evidence: Evidence) -> Iterator[Check]:
    """What each kind of nuisance that is not switched on would explain."""
    allowed = sum(one.allowed for one in evidence.judged)
    for kind, score in evidence.scores.results():
        what = f"an unknown of the bench that is left out ({NUISANCES[kind].what})"
        meaning = f"{what} would explain {{:.3g}} times what chance explains"
        if score.degrees == 0:
            yield Check("bench", kind, 0.0, 1.0, passed=True, meaning=meaning)
            continue
        probability = tail(score.statistic, float(score.degrees), allowed)
        yield Check(
            "bench", kind, score.statistic / (score.degrees + allowed), probability, passed=True, meaning=meaning
        )
