"""A support vector machine: its dual is a quadratic program with one equality and a box."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..._exceptions import ProblemError
from ...linear_algebra import LinearDevice
from ..systems import matrix, vector
from ._answer import QuadraticAnswer
from ._interior_point import Settings, minimise
from ._quadratic_program import QuadraticProgram

_RIDGE = 1e-8
"""Of the largest diagonal entry: a kernel of rounded numbers may have eigenvalues just below zero."""


@dataclass(frozen=True, eq=False)
class SupportVectors:
    """A trained machine.

    Attributes:
        answer: of the dual program: `x` are the weights of the points, `-objective` is the margin's objective.
        weights: of the points in the decision, `alpha_i y_i`.
        intercept: of the decision.
        points: that it was trained on.
        gamma: of the kernel `exp(-gamma |x - x'|^2)`; None for the linear one.
    """

    answer: QuadraticAnswer
    weights: Float[np.ndarray, " points"]
    intercept: float
    points: Float[np.ndarray, "points features"]
    gamma: float | None

    def decision(self, X: object) -> Float[np.ndarray, " rows"]:
        """Above zero for the class of +1.

        Raises:
            ProblemError: points of other features.
        """
        rows = matrix("X", X, self.points.shape[1])
        return np.asarray(kernel(rows, self.points, self.gamma) @ self.weights + self.intercept)

    @property
    def support(self) -> int:
        """Points that bear on the decision: beyond a ten-thousandth of the largest weight."""
        size = np.abs(self.weights)
        return int((size > 1e-4 * size.max(initial=0.0)).sum())


def kernel(
    X: Float[np.ndarray, "rows features"], Z: Float[np.ndarray, "columns features"], gamma: float | None
) -> Float[np.ndarray, "rows columns"]:
    """`x'z`, or `exp(-gamma |x - z|^2)`."""
    if gamma is None:
        return np.asarray(X @ Z.T)
    apart = (X**2).sum(axis=1)[:, None] + (Z**2).sum(axis=1) - 2 * X @ Z.T
    return np.asarray(np.exp(-gamma * np.maximum(apart, 0.0)))


def dual_program(
    X: Float[np.ndarray, "points features"], labels: Float[np.ndarray, " points"], C: float, gamma: float | None
) -> QuadraticProgram:
    """`min a' Y K Y a / 2 - 1'a` over `y'a = 0`, `0 <= a <= C` (Cortes and Vapnik, Machine Learning 20, 1995)."""
    K = kernel(X, X, gamma)
    K = K + _RIDGE * float(np.diag(K).max()) * np.eye(len(K))
    return QuadraticProgram(np.outer(labels, labels) * K, -np.ones(len(K)), labels[None], np.zeros(1), 0.0, C)


def support_vectors(
    X: object,
    labels: object,
    device: LinearDevice,
    rng: np.random.Generator,
    settings: Settings | None = None,
    C: float = 1.0,
    gamma: float | None = None,
) -> SupportVectors:
    """Trains a support vector machine for two classes on a device.

    Args:
        X: (points, features).
        labels: (points,), two different numbers; the larger one is the class of +1.
        device: with a cell for each point at least.
        rng: source of the noise.
        settings: of the interior point.
        C: the most that a point may weigh.
        gamma: of a Gaussian kernel; None is the linear one.

    Raises:
        ProblemError: not two classes, or C and gamma that are not positive.
    """
    points = matrix("X", X)
    y = signs(vector("labels", labels, len(points)))
    for name, value in (("C", C), ("gamma", gamma)):
        if value is not None and not 0 < value < np.inf:
            raise ProblemError(f"{name}: expected a positive number, got {value}")
    answer = minimise(dual_program(points, y, C, gamma), device, rng, settings)
    return SupportVectors(answer, answer.x * y, _intercept(points, y, answer, C, gamma), points, gamma)


def signs(labels: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """-1 and +1 for the smaller and the larger label.

    Raises:
        ProblemError: not two classes.
    """
    classes = np.unique(labels)
    if len(classes) != 2:
        raise ProblemError(f"labels: expected two classes, got {len(classes)}")
    return np.where(labels == classes[1], 1.0, -1.0)


def _intercept(
    X: Float[np.ndarray, "points features"],
    y: Float[np.ndarray, " points"],
    answer: QuadraticAnswer,
    C: float,
    gamma: float | None,
) -> float:
    """The multiplier of the equality, up to its sign: it is where the points on the margin are on the margin."""
    inside = (answer.x > 1e-3 * C) & (answer.x < (1 - 1e-3) * C)
    if not inside.any():
        return float(-answer.y[0])
    decision = kernel(X[inside], X, gamma) @ (answer.x * y)
    return float(np.mean(y[inside] - decision))
