"""A step of K-FAC on a device: `(G + sqrt(lam))^-1 grad (A + sqrt(lam))^-1`, by either of two methods."""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from jaxtyping import Float

from ..._exceptions import ProblemError
from ...linear_algebra import Budget, LinearDevice, inverse
from ..bayesian import Coordinates, Way
from ..systems import WINDOW, Bench, Bill, RefinedSystem, cells_of, matrix, positive


@dataclass(frozen=True, slots=True)
class Factor:
    """What one factor asks of the device.

    Attributes:
        condition: of the damped factor, and `scaled_condition` with a unit diagonal, as it is loaded.
        seconds: that the device spent on it, settling and being read.
    """

    condition: float
    scaled_condition: float
    seconds: float


@dataclass(frozen=True, eq=False)
class KroneckerStep:
    """A step of a layer's weights.

    Attributes:
        value: (outputs, inputs).
        error: of each entry: to first order by the error bars of both inverses, or by the digital residuals.
        outputs, inputs: what each factor asked.
        bill: of both.
    """

    value: Float[np.ndarray, "outputs inputs"]
    error: Float[np.ndarray, "outputs inputs"]
    outputs: Factor
    inputs: Factor
    bill: Bill


def kronecker_step(
    G: object,
    A: object,
    gradient: object,
    damping: float,
    device: LinearDevice,
    rng: np.random.Generator,
    way: Way = "drives",
    budget: Budget | None = None,
) -> KroneckerStep:
    """The step `(G + sqrt(damping))^-1 gradient (A + sqrt(damping))^-1` (arXiv 2502.08603).

    Args:
        G, A: factors of the curvature: of the gradients of the outputs and of the inputs, no negative eigenvalue.
        gradient: (outputs, inputs).
        damping: above zero.
        device: with a cell for each output and for each input at least.
        rng: source of the noise.
        way: `fluctuations` inverts each factor by the covariance of its voltages, and the digital side multiplies;
            `drives` solves for the columns of the gradient and then for its rows, refined by digital residuals.
        budget: of `fluctuations`.

    Raises:
        ProblemError: shapes that do not fit, factors that are none, damping that is not positive.
        ProgramError: the device cannot hold a factor.
    """
    if not 0 < damping < np.inf:
        raise ProblemError(f"damping: expected a positive number, got {damping}")
    left = positive("G", G, definite=False)
    right = positive("A", A, definite=False)
    slope = matrix("gradient", gradient, len(right))
    if len(slope) != len(left):
        raise ProblemError(f"gradient: expected {len(left)} rows as in G, got {len(slope)}")
    root = sqrt(damping)
    factors = (left + root * np.eye(len(left)), right + root * np.eye(len(right)))
    if way == "drives":
        return _by_drives(*factors, slope, Bench(device, rng, WINDOW))
    return _by_fluctuations(*factors, slope, device, rng, budget or Budget())


def _by_drives(
    G: Float[np.ndarray, "outputs outputs"],
    A: Float[np.ndarray, "inputs inputs"],
    slope: Float[np.ndarray, "outputs inputs"],
    bench: Bench,
) -> KroneckerStep:
    half, missed, first = _solved(G, slope, bench)
    spent = first.seconds
    value, missed_last, second = _solved(A, half.T, bench)
    # What the first half misses is carried through the second factor.
    carried = missed / float(np.linalg.eigvalsh(A)[0])
    error = np.full(slope.shape, carried + missed_last)
    return KroneckerStep(value.T, error, first, replace(second, seconds=second.seconds - spent), bench.bill)


def _solved(
    H: Float[np.ndarray, "n n"], columns: Float[np.ndarray, "n k"], bench: Bench
) -> tuple[Float[np.ndarray, "n k"], float, Factor]:
    system = RefinedSystem.load(bench, H)
    answers = [system.solve(column) for column in columns.T]
    missed = float(np.linalg.norm([answer.error for answer in answers]))
    return np.stack([answer.value for answer in answers], axis=1), missed, _factor(H, bench.bill.analog_s)


def _by_fluctuations(
    G: Float[np.ndarray, "outputs outputs"],
    A: Float[np.ndarray, "inputs inputs"],
    slope: Float[np.ndarray, "outputs inputs"],
    device: LinearDevice,
    rng: np.random.Generator,
    budget: Budget,
) -> KroneckerStep:
    found = []
    for H in (G, A):
        coordinates = Coordinates.of(H, cells_of(device))
        answer = inverse(device, coordinates.M, rng, budget)
        scale = np.outer(coordinates.d, coordinates.d)
        n = len(H)
        found.append((scale * answer.value[:n, :n], scale * answer.standard_error[:n, :n], answer))
    (left, left_error, first), (right, right_error, second) = found
    bill = Bill(2, first.runs + second.runs, first.time + second.time, first.energy + second.energy)
    # Entries of one inverse may be wrong by one cause, the chip: their errors are added.
    error = left_error @ np.abs(slope @ right) + np.abs(left @ slope) @ right_error
    return KroneckerStep(left @ slope @ right, error, _factor(G, first.time), _factor(A, second.time), bill)


def _factor(H: Float[np.ndarray, "n n"], seconds: float) -> Factor:
    d = 1 / np.sqrt(np.diag(H))
    return Factor(float(np.linalg.cond(H)), float(np.linalg.cond(np.outer(d, d) * H)), seconds)
