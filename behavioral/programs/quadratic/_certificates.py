"""What an iterate proves: that it is as good as any, that nothing is feasible, or that there is no lowest value."""

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from jaxtyping import Float

from ..systems import Bench
from ._answer import History, QuadraticAnswer, Status
from ._point import Point, Residuals
from ._quadratic_program import QuadraticProgram
from ._standard_form import StandardForm

_PROVEN = 1e-8
"""What a combination of rows misses, over what it contradicts, in scaled units."""

_FAR = 1e4
"""In units of the problem's own size, from where on an iterate is taken to run away."""

_RAY = 1e-6
"""What a ray misses, over what the objective falls along it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it ended, and the ray that proves it where there is no solution."""

    status: Status
    reason: str
    ray: Float[np.ndarray, " n_or_m"] | None = None


def certificate(form: StandardForm, point: Point, step: Float[np.ndarray, " n"]) -> Verdict | None:
    """A proof in scaled units that there is no solution: iterates run away along such rays."""
    return _nothing_feasible(form, point) or _no_lowest(form, point, point.x) or _no_lowest(form, point, step)


def _nothing_feasible(form: StandardForm, point: Point) -> Verdict | None:
    # Farkas: y and z of at least zero with A'y + z_lower - z_upper = 0 and b'y + l'z_lower - u'z_upper > 0.
    lower = np.where(form.has_lower, form.lower, 0.0)
    upper = np.where(form.has_upper, form.upper, 0.0)
    pull = form.A.T @ point.y
    # The best multipliers of the bounds for this y: whatever balances the rows, at the bound that it belongs to.
    z_lower = np.where(form.has_lower, np.maximum(-pull, 0.0), 0.0)
    z_upper = np.where(form.has_upper, np.maximum(pull, 0.0), 0.0)
    gained = float(form.b @ point.y + lower @ z_lower - upper @ z_upper)
    missed = float(np.abs(pull + z_lower - z_upper).max(initial=0.0))
    size = float(np.abs(form.b) @ np.abs(point.y) + np.abs(lower) @ z_lower + np.abs(upper) @ z_upper)
    if gained > _PROVEN * size and missed * _reach(point) <= _PROVEN * gained:
        return Verdict("infeasible", "a combination of the rows contradicts the bounds", point.y / gained)
    return None


def _reach(point: Point) -> float:
    """What a point would have to be like to make use of what the certificate misses."""
    return max(1.0, float(np.abs(point.x).max(initial=0.0)))


def _no_lowest(form: StandardForm, point: Point, along: Float[np.ndarray, " n"]) -> Verdict | None:
    far = _largest(point.x)
    size = _largest(along)
    if far < _FAR or size == 0:
        return None
    # Along a ray the bounds have to be on the other side, and what points out of them by rounding is cut.
    ray = along / size
    ray = np.where(form.has_lower, np.maximum(ray, 0.0), ray)
    ray = np.where(form.has_upper, np.minimum(ray, 0.0), ray)
    falls = -float(form.c @ ray)
    missed = max(_largest(form.Q @ ray), _largest(form.A @ ray))
    feasible = _largest(form.A @ point.x - form.b) <= _RAY * far
    if falls > 0 and missed <= _RAY * falls and feasible:
        return Verdict("unbounded", "the objective falls without end along a ray", ray)
    return None


def _largest(values: Float[np.ndarray, "*shape"]) -> float:
    return float(np.abs(values).max(initial=0.0))


def answer(
    problem: QuadraticProgram,
    form: StandardForm,
    point: Point,
    verdict: Verdict,
    bench: Bench,
    history: tuple[History, ...],
) -> QuadraticAnswer:
    """The best iterate in the problem's own units."""
    n = problem.n
    x = form.x(point.x)[:n]
    residuals = Residuals.of(form, point)
    objective = problem.objective(x)
    gap = residuals.missed * form.unit
    z_lower, z_upper = _multipliers(problem, form, point)
    smallest = float(np.linalg.eigvalsh(problem.Q)[0])
    # What is rounding of a zero is no curvature.
    curved = smallest > n * np.finfo(float).eps * _largest(problem.Q)
    return QuadraticAnswer(
        verdict.status,
        verdict.reason,
        x,
        form.y(point.y, len(problem.b) + len(problem.h)),
        z_lower,
        z_upper,
        objective,
        objective - (residuals.objective - residuals.dual_objective) * form.unit,
        gap,
        residuals.gap,
        residuals.primal_size,
        residuals.dual_size,
        sqrt(2 * gap / smallest) if curved else inf,
        bench.bill,
        history,
    )


def _multipliers(
    problem: QuadraticProgram, form: StandardForm, point: Point
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    n = len(form.fixed)
    z_lower = np.zeros(n)
    z_upper = np.zeros(n)
    z_lower[form.kept] = point.z_lower * form.unit / form.columns
    z_upper[form.kept] = point.z_upper * form.unit / form.columns
    x = form.x(point.x)[: problem.n]
    y = form.y(point.y, len(problem.b) + len(problem.h))
    slope = problem.Q @ x + problem.c - problem.A.T @ y[: len(problem.b)] - problem.G.T @ y[len(problem.b) :]
    # A fixed variable leans on the bound that its slope pushes it to.
    fixed = np.setdiff1d(np.arange(problem.n), form.kept)
    z_lower[fixed], z_upper[fixed] = np.maximum(slope[fixed], 0.0), np.maximum(-slope[fixed], 0.0)
    return z_lower[: problem.n], z_upper[: problem.n]


def without_solution(
    problem: QuadraticProgram,
    form: StandardForm,
    verdict: Verdict,
    bench: Bench,
    history: tuple[History, ...] = (),
) -> QuadraticAnswer:
    """What is said of a problem without a solution: the ray that proves it."""
    n = problem.n
    rows = len(problem.b) + len(problem.h)
    x = np.full(n, np.nan)
    y = np.zeros(rows)
    if verdict.status == "unbounded" and verdict.ray is not None:
        ray = np.zeros(len(form.fixed))
        ray[form.kept] = form.columns * verdict.ray
        x = ray[:n] / np.abs(ray[:n]).max()
    elif verdict.ray is not None:
        y[form.kept_rows] = form.rows * verdict.ray
    none = np.zeros(n)
    end = -inf if verdict.status == "unbounded" else inf
    return QuadraticAnswer(
        verdict.status, verdict.reason, x, y, none, none, end, end, inf, inf, inf, inf, inf, bench.bill, history
    )
