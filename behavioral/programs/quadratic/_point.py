"""An iterate of the interior point: variables, multipliers, and how far both are from where they should be."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from ._standard_form import StandardForm

_CAREFUL = 0.1
"""Part of the target by which what is left of the Newton system may move a product."""


@dataclass(frozen=True, eq=False)
class Move:
    """A change of all of them."""

    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " m"]
    z_lower: Float[np.ndarray, " n"]
    z_upper: Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Point:
    """Strictly within the bounds, with positive multipliers where there are bounds and zero ones elsewhere."""

    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " m"]
    z_lower: Float[np.ndarray, " n"]
    z_upper: Float[np.ndarray, " n"]

    def slacks(self, form: StandardForm) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Distances from the bounds; one where there is none."""
        v = np.where(form.has_lower, self.x - np.where(form.has_lower, form.lower, 0.0), 1.0)
        w = np.where(form.has_upper, np.where(form.has_upper, form.upper, 0.0) - self.x, 1.0)
        return v, w

    def products(self, form: StandardForm) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Products of slacks and multipliers."""
        v, w = self.slacks(form)
        return v * self.z_lower, w * self.z_upper

    def mu(self, form: StandardForm) -> float:
        """Mean of the products."""
        lower, upper = self.products(form)
        return float(lower.sum() + upper.sum()) / max(form.bounds, 1)

    def barrier(self, form: StandardForm) -> Float[np.ndarray, " n"]:
        """What the bounds add to the diagonal of Q."""
        v, w = self.slacks(form)
        return np.asarray(self.z_lower / v + self.z_upper / w)

    def move(
        self,
        form: StandardForm,
        dx: Float[np.ndarray, " n"],
        dy: Float[np.ndarray, " m"],
        lower: Float[np.ndarray, " n"],
        upper: Float[np.ndarray, " n"],
        rest: Float[np.ndarray, " n"],
        target: float,
    ) -> Move:
        """The next point, with the multipliers that a step in x asks for.

        `rest` is what the step leaves of the gradient. Where a bound is near, its multiplier takes it up, for which
        the product pays with little; elsewhere it stays in the gradient until the next step.
        """
        v, w = self.slacks(form)
        z_lower = np.where(form.has_lower, -(lower + self.z_lower * dx) / v, 0.0)
        z_upper = np.where(form.has_upper, -(upper - self.z_upper * dx) / w, 0.0)
        takes_lower = form.has_lower & (~form.has_upper | (v < w))
        takes_upper = form.has_upper & ~takes_lower
        z_lower = z_lower - np.where(takes_lower, np.clip(rest, *_within(target, v)), 0.0)
        z_upper = z_upper + np.where(takes_upper, np.clip(rest, *_within(target, w)), 0.0)
        return Move(dx, dy, z_lower, z_upper)

    def longest(self, form: StandardForm, move: Move) -> float:
        """The step at which a slack or a multiplier becomes zero."""
        v, w = self.slacks(form)
        return min(
            _ratio(v, move.x, form.has_lower),
            _ratio(w, -move.x, form.has_upper),
            _ratio(self.z_lower, move.z_lower, form.has_lower),
            _ratio(self.z_upper, move.z_upper, form.has_upper),
        )

    def moved(self, move: Move, length: float) -> "Point":
        """After a part of a move."""
        return Point(
            self.x + length * move.x,
            self.y + length * move.y,
            self.z_lower + length * move.z_lower,
            self.z_upper + length * move.z_upper,
        )


def _within(target: float, slack: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    most = _CAREFUL * target / slack
    return -most, most


def _ratio(value: Float[np.ndarray, " n"], change: Float[np.ndarray, " n"], there: Bool[np.ndarray, " n"]) -> float:
    falling = there & (change < 0)
    return float((-value[falling] / change[falling]).min()) if falling.any() else np.inf


def first_point(form: StandardForm) -> Point:
    """One unit away from each bound, in the middle of two that are nearer, multipliers of one."""
    low = np.where(form.has_lower, form.lower, -np.inf)
    high = np.where(form.has_upper, form.upper, np.inf)
    both = form.has_lower & form.has_upper
    reach = np.where(both, (np.where(both, high, 0.0) - np.where(both, low, 0.0)) / 2, 1.0)
    away = np.minimum(reach, 1.0)
    x = np.where(form.has_lower, np.where(form.has_lower, low, 0.0) + away, 0.0)
    only_upper = form.has_upper & ~form.has_lower
    x = np.where(only_upper, np.where(only_upper, high, 0.0) - 1.0, x)
    return Point(x, np.zeros(len(form.b)), form.has_lower.astype(float), form.has_upper.astype(float))


@dataclass(frozen=True, eq=False)
class Residuals:
    """What an iterate misses, in scaled units.

    Attributes:
        primal, dual: `A x - b` and `Q x + c - A'y - z_lower + z_upper`.
        primal_size, dual_size: their largest entries, over the largest of their terms or one.
        objective, dual_objective: of the scaled problem.
        missed: products of slacks and multipliers, and what the residuals may hide, all taken as positive: the gap is
            no larger.
    """

    primal: Float[np.ndarray, " m"]
    dual: Float[np.ndarray, " n"]
    primal_size: float
    dual_size: float
    objective: float
    dual_objective: float
    missed: float

    @classmethod
    def of(cls, form: StandardForm, point: Point) -> "Residuals":
        Qx = form.Q @ point.x
        Ay = form.A.T @ point.y
        Ax = form.A @ point.x
        z = point.z_lower - point.z_upper
        primal = Ax - form.b
        dual = Qx + form.c - Ay - z
        bounds = float(
            np.where(form.has_lower, form.lower, 0.0) @ point.z_lower
            - np.where(form.has_upper, form.upper, 0.0) @ point.z_upper
        )
        half = float(point.x @ Qx) / 2
        return cls(
            primal,
            dual,
            _largest(primal) / max(1.0, _largest(form.b), _largest(Ax)),
            _largest(dual) / max(1.0, _largest(form.c), _largest(Qx), _largest(Ay), _largest(z)),
            half + float(form.c @ point.x),
            -half + float(form.b @ point.y) + bounds,
            point.mu(form) * form.bounds + float(np.abs(point.x) @ np.abs(dual) + np.abs(point.y) @ np.abs(primal)),
        )

    @property
    def size(self) -> float:
        """Size of the objective, for a relative gap; one is the problem's own unit."""
        return max(1.0, abs(self.objective), abs(self.dual_objective))

    @property
    def gap(self) -> float:
        """What primal and dual objective may differ by, over their size."""
        return self.missed / self.size

    @property
    def worst(self) -> float:
        """The largest of the three."""
        return max(self.gap, self.primal_size, self.dual_size)


def _largest(values: Float[np.ndarray, "*shape"]) -> float:
    return float(np.abs(values).max(initial=0.0))
