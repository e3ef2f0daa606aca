"""Whether a circuit within its tolerances explains its measurements, and whether it explains others."""

from collections.abc import Iterator

import numpy as np
import scipy
from jaxtyping import Float

from ..devices import Check, Verdict
from ._problem import Problem

FALSE_ALARM = 1e-3
"""Probability that anything contradicts a circuit that is right, over all that is judged at once."""

_MOST_STEPS = 20

_MODEL_ERROR = 3e-5
"""Relative: no contradiction below. Elements of a bench are no more linear than that."""


def judged(problem: Problem, x: Float[np.ndarray, " p"], chi2: float) -> Verdict:
    """The verdict on a fit.

    With the priors' part the sum of squares is chi-square with as many degrees of freedom as there are values. A record
    alone has no more than its own values; an element, and an unknown of the bench, no more than its prior says.
    """
    rows = [*_residuals(problem, x, chi2), *_priors(problem, x)]
    limit = FALSE_ALARM / len(rows)
    return Verdict(tuple(_row(*row, limit) for row in rows))


_Judged = tuple[str, str, float, float, str]
"""Family, row, statistic, probability, meaning."""


def _row(family: str, row: str, statistic: float, probability: float, meaning: str, limit: float) -> Check:
    return Check(family, row, statistic, probability, probability >= limit, meaning)


def _residuals(problem: Problem, x: Float[np.ndarray, " p"], chi2: float) -> Iterator[_Judged]:
    parts = problem.parts(x)
    freedom = sum(len(part) for part in parts)
    text = "the residual is {:.3g} times what noise and tolerances say, in square"
    yield "residual", "all records", chi2 / freedom, float(scipy.stats.chi2.sf(chi2, freedom)), text
    for term, part in zip(problem.terms, parts, strict=True):
        square = float(part @ part)
        probability = float(scipy.stats.chi2.sf(square, len(part)))
        yield (
            "residual",
            term.file,
            square / len(part),
            probability,
            "the residual is {:.3g} times its noise, in square",
        )


def _priors(problem: Problem, x: Float[np.ndarray, " p"]) -> Iterator[_Judged]:
    z = np.abs(x / problem.priors)
    names = (*problem.names, *problem.readouts.names)
    for k, (name, one) in enumerate(zip(names, z.tolist(), strict=True)):
        family = "tolerance" if k < problem.elements else "bench"
        what = "its tolerance" if k < problem.elements else "what is expected of a bench"
        probability = float(2 * scipy.stats.norm.sf(one))
        yield family, name, one, probability, f"the estimate is {{:.3g}} times {what} (one standard deviation)"


def record_checks(problem: Problem, x: Float[np.ndarray, " p"], covariance: Float[np.ndarray, "p p"]) -> list[Check]:
    """Each record of a problem that was not fitted, by its noise and by what is not known of x.

    With residuals `r(x)` by their noise and unknowns `N(x, C)`, the minimum of `r(y)'r(y) + (y - x)'C^-1(y - x)` over y
    is chi-square with as many degrees of freedom as there are values when all is right: of a linear r it is the square
    of `r(x)` by its covariance `I + J C J'`.
    """
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    checks = []
    for k, term in enumerate(problem.terms):
        alone = problem.only(k)
        square = _nearest(alone, x, root)
        checks.append(_held_out(term.file, square, term.size, alone.terms[0].signal(), len(problem.terms)))
    return checks


def _nearest(problem: Problem, x: Float[np.ndarray, " p"], root: Float[np.ndarray, "p p"]) -> float:
    """The least square of one record's residuals and of the unknowns' own, from x on along the root of C."""

    def residual(y: Float[np.ndarray, " p"]) -> Float[np.ndarray, " rows"]:
        return np.concatenate([*problem.parts(x + root @ y), y])

    def jacobian(y: Float[np.ndarray, " p"]) -> Float[np.ndarray, "rows p"]:
        of_data = problem.jacobian(x + root @ y)[: -len(y)]
        return np.vstack([of_data @ root, np.eye(len(y))])

    start = np.zeros(len(x))
    if not len(x) or not root.any():
        return float(np.sum(residual(start) ** 2))
    found = scipy.optimize.least_squares(residual, start, jacobian, max_nfev=_MOST_STEPS)
    return float(2 * found.cost)


def _held_out(file: str, square: float, values: int, signal: float, records: int) -> Check:
    allowed = signal * _MODEL_ERROR**2
    # The noncentral law by Patnaik's central one, right in mean and variance.
    scale = (values + 2 * allowed) / (values + allowed)
    degrees = (values + allowed) / scale
    probability = float(scipy.stats.chi2.sf(square / scale, degrees))
    limit = float(scipy.stats.chi2.isf(FALSE_ALARM / records, degrees)) * scale / values
    meaning = "the residual is {:.3g} times what noise and error bars say, in square"
    passed = probability >= FALSE_ALARM / records
    return Check("held out", file, square / values, probability, bool(passed), meaning, limit)
