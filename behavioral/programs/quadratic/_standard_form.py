"""The problem that the interior point sees: no fixed variables, no redundant rows, everything of order one."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy
from jaxtyping import Bool, Float, Int

from ._quadratic_program import QuadraticProgram

_REDUNDANT = 1e-10
_ROUNDS = 15


@dataclass(frozen=True, eq=False)
class StandardForm:
    """`min x'Qx/2 + c'x, A x = b, lower <= x <= upper` in scaled variables, and the way back.

    Inequalities have slack variables, fixed variables are gone, rows of A are independent; columns and rows are
    equilibrated (Ruiz 2001), and x, b and the objective are in units of their own sizes, so that a problem in other
    units is the same problem.
    """

    Q: Float[np.ndarray, "n n"]
    c: Float[np.ndarray, " n"]
    A: Float[np.ndarray, "m n"]
    b: Float[np.ndarray, " m"]
    lower: Float[np.ndarray, " n"]
    upper: Float[np.ndarray, " n"]
    columns: Float[np.ndarray, " n"]
    """A scaled variable of one is so much of the real one."""
    rows: Float[np.ndarray, " m"]
    """Factor on each row, the unit of x included."""
    unit: float
    """Of the objective."""
    kept: Int[np.ndarray, " n"]
    kept_rows: Int[np.ndarray, " m"]
    fixed: Float[np.ndarray, " all"]
    inconsistent: bool

    @cached_property
    def has_lower(self) -> Bool[np.ndarray, " n"]:
        return np.asarray(np.isfinite(self.lower))

    @cached_property
    def has_upper(self) -> Bool[np.ndarray, " n"]:
        return np.asarray(np.isfinite(self.upper))

    @property
    def bounds(self) -> int:
        """How many bounds there are."""
        return int(self.has_lower.sum() + self.has_upper.sum())

    def x(self, scaled: Float[np.ndarray, " n"]) -> Float[np.ndarray, " all"]:
        """The real variables, slacks after them."""
        x = self.fixed.copy()
        x[self.kept] = self.columns * scaled
        return x

    def y(self, scaled: Float[np.ndarray, " m"], rows: int) -> Float[np.ndarray, " rows"]:
        """The real multipliers of the rows of A and then of G."""
        y = np.zeros(rows)
        y[self.kept_rows] = self.rows * scaled * self.unit
        return y


def standard_form(problem: QuadraticProgram) -> StandardForm:
    """A problem with slacks, presolved and scaled."""
    k = len(problem.h)
    n = problem.n + k
    Q = np.zeros((n, n))
    Q[: problem.n, : problem.n] = problem.Q
    c = np.pad(problem.c, (0, k))
    A = np.vstack([np.hstack([problem.A, np.zeros((len(problem.b), k))]), np.hstack([problem.G, np.eye(k)])])
    b = np.concatenate([problem.b, problem.h])
    lower = np.concatenate([problem.lower, np.zeros(k)])
    upper = np.concatenate([problem.upper, np.full(k, np.inf)])
    free = lower != upper
    kept = np.flatnonzero(free)
    fixed = np.where(free, 0.0, np.where(np.isfinite(lower), lower, 0.0))
    b_left = b - A @ fixed
    rows, consistent = _independent(A[:, kept], b_left, np.abs(A) @ np.abs(fixed) + np.abs(b))
    return _scaled(
        StandardForm(
            Q=Q[np.ix_(kept, kept)],
            c=(c + Q @ fixed)[kept],
            A=A[np.ix_(rows, kept)],
            b=b_left[rows],
            lower=lower[kept],
            upper=upper[kept],
            columns=np.ones(len(kept)),
            rows=np.ones(len(rows)),
            unit=1.0,
            kept=kept,
            kept_rows=rows,
            fixed=fixed,
            inconsistent=not consistent or bool((lower > upper).any()),
        )
    )


def _independent(
    A: Float[np.ndarray, "m n"], b: Float[np.ndarray, " m"], sizes: Float[np.ndarray, " m"]
) -> tuple[Int[np.ndarray, " kept"], bool]:
    """Rows that are independent, and whether the others say the same as these."""
    m = len(b)
    norms = np.linalg.norm(A, axis=1) if A.shape[1] else np.zeros(m)
    empty = norms <= _REDUNDANT * np.max(norms, initial=0.0) if A.shape[1] else np.ones(m, dtype=bool)
    consistent = not (np.abs(b[empty]) > 1e-9 * np.maximum(sizes[empty], 1e-300)).any()
    there = np.flatnonzero(~empty)
    if len(there) == 0:
        return there, consistent
    unit = A[there] / norms[there, None]
    right = b[there] / norms[there]
    _, R, order = scipy.linalg.qr(unit.T, mode="economic", pivoting=True)
    diagonal = np.abs(np.diag(R))
    rank = int((diagonal > _REDUNDANT * diagonal[0]).sum())
    chosen = order[:rank]
    others = order[rank:]
    if len(others):
        combination = np.linalg.lstsq(unit[chosen].T, unit[others].T, rcond=None)[0]
        scale = np.abs(combination).T @ np.abs(right[chosen]) + np.abs(right[others])
        missed = np.abs(combination.T @ right[chosen] - right[others])
        consistent = consistent and not (missed > 1e-8 * np.maximum(scale, 1e-300)).any()
    return there[np.sort(chosen)], consistent


def _scaled(form: StandardForm) -> StandardForm:
    columns, rows = _equilibrated(form.Q, form.A)
    Q = columns[:, None] * form.Q * columns
    c = columns * form.c
    A = rows[:, None] * form.A * columns
    b = rows * form.b
    q = float(np.abs(Q).max(initial=0.0))
    size_c = float(np.abs(c).max(initial=0.0))
    unit_x = _unit_of_x(q, size_c, b, np.concatenate([form.lower / columns, form.upper / columns]))
    unit = max(q * unit_x**2, size_c * unit_x) or 1.0
    return replace(
        form,
        Q=Q * unit_x**2 / unit,
        c=c * unit_x / unit,
        A=A,
        b=b / unit_x,
        lower=form.lower / columns / unit_x,
        upper=form.upper / columns / unit_x,
        columns=columns * unit_x,
        rows=rows / unit_x,
        unit=unit,
    )


def _unit_of_x(q: float, c: float, b: Float[np.ndarray, " m"], bounds: Float[np.ndarray, " bounds"]) -> float:
    size_b = float(np.abs(b).max(initial=0.0))
    if size_b > 0:
        return size_b
    if q > 0 and c > 0:
        return c / q
    there = np.abs(bounds[np.isfinite(bounds) & (bounds != 0)])
    return float(np.median(there)) if len(there) else 1.0


def _equilibrated(
    Q: Float[np.ndarray, "n n"], A: Float[np.ndarray, "m n"]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " m"]]:
    """Factors of columns and rows with which the largest entry of each is one."""
    columns = np.ones(len(Q))
    rows = np.ones(len(A))
    # Objective and constraints have units of their own.
    largest = np.abs(Q).max(initial=0.0)
    Q = np.abs(Q) / largest if largest > 0 else np.abs(Q)
    A = np.abs(A)
    for _ in range(_ROUNDS):
        of_row = A.max(axis=1, initial=0.0)
        rows_now = 1 / np.sqrt(np.where(of_row > 0, of_row, 1.0))
        of_column = np.maximum(Q.max(axis=0, initial=0.0), A.max(axis=0, initial=0.0))
        columns_now = 1 / np.sqrt(np.where(of_column > 0, of_column, 1.0))
        Q = columns_now[:, None] * Q * columns_now
        A = rows_now[:, None] * A * columns_now
        columns = columns * columns_now
        rows = rows * rows_now
    return columns, rows
