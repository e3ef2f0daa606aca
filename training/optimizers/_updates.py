"""From a direction to an update: momentum, Adam, adaptive damping."""

import math
from dataclasses import dataclass

from torch import Tensor

from ...files.arguments import check_number
from .._types import Vector
from ..curvature import AnyFactors


@dataclass(frozen=True, slots=True)
class LevenbergMarquardt:
    """Damping by the reduction ratio rho = actual/predicted decrease of the loss (Martens, 2010).

    `rho > a: lambda *= alpha; rho < 1 - a: lambda /= alpha`, kept within [minimum, maximum].
    A step that raises the loss is undone, and lambda multiplied by `retreat` (Marquardt, 1963). An answer that leads
    beyond the minimum of the quadratic model along it is cut to that, since more damping would not mend a noisy one:
    the answer shrinks as fast as damping grows, its noise as the root. One that leads uphill is not taken, and counts
    as a small rho.
    0.5 < a < 1, 0 < alpha < 1 < retreat.
    """

    a: float = 0.75
    alpha: float = 0.95
    minimum: float = 1e-8
    maximum: float = 1e8
    retreat: float = 4.0

    def __post_init__(self) -> None:
        owner = "LevenbergMarquardt"
        check_number(owner, "a", self.a, 0.5, 1.0, above=True)
        check_number(owner, "alpha", self.alpha, 0.0, 1.0, above=True)
        check_number(owner, "minimum", self.minimum, above=True)
        check_number(owner, "maximum", self.maximum, self.minimum)
        check_number(owner, "retreat", self.retreat, 1.0, above=True)

    def next(self, damping: float, ratio: float) -> float:
        if ratio > self.a:
            damping *= self.alpha
        elif not ratio >= 1.0 - self.a:
            # also when the ratio is not a number
            damping /= self.alpha
        return min(max(damping, self.minimum), self.maximum)

    def after_rise(self, damping: float) -> float:
        """What the damping becomes after a step that raised the loss."""
        return min(max(damping * self.retreat, self.minimum), self.maximum)


def reduction_ratio(change: float, predicted: float) -> float:
    """Actual over predicted decrease of the loss; below zero for a rise, even where the model foresaw it."""
    if predicted == 0.0:
        return 1.0 if change == 0.0 else math.copysign(math.inf, -change)
    return -change / abs(predicted)


def part_taken(program: AnyFactors, drive: Vector, answer: Vector) -> float:
    """How much of a solver's answer to `drive` lowers the quadratic model most, 0 to 1; 1 of an exact one.

    After J. Martens, R. Grosse, "Optimizing neural networks with Kronecker-factored approximate curvature", ICML 2015,
    section 6.4, without the damping.
    """
    slope = float(drive @ answer)
    bend = float(answer @ (program.matvec(answer) - program.damping * answer))
    if slope <= 0.0:
        return 0.0 if bool(answer.any()) else 1.0
    return min(slope / bend, 1.0) if bend > 0.0 else 1.0


def momentum_step(vectors: dict[str, Tensor], g: Vector, momentum: float | Vector) -> Vector:
    # the first buffer is the direction itself, as in torch.optim.SGD
    last = vectors.get("momentum")
    vectors["momentum"] = g if last is None else momentum * last + g
    return vectors["momentum"]


def adam(vectors: dict[str, Tensor], g: Vector, betas: tuple[float, float], eps: float, step: int) -> Vector:
    """Adam's direction (Kingma and Ba, 2015), bias corrected; betas = (0, 0) gives g/(|g| + eps).

    Bias is that of the steps since an entry was born, where `vectors` says so.
    """
    steps = step if "born" not in vectors else step - vectors["born"]
    beta1, beta2 = betas
    first = vectors.get("first")
    second = vectors.get("second")
    vectors["first"] = (1 - beta1) * g if first is None else beta1 * first + (1 - beta1) * g
    vectors["second"] = (1 - beta2) * g * g if second is None else beta2 * second + (1 - beta2) * g * g
    corrected = vectors["second"] / (1 - beta2**steps)
    direction: Tensor = vectors["first"] / (1 - beta1**steps) / (corrected.sqrt() + eps)
    return direction
