"""Linear algebra by relaxation: what a noisy device's mean, covariance and autocovariance are worth.

Methods of Aifer et al., "Thermodynamic linear algebra", npj Unconventional Computing 1 (2024). Equal white noise in
every cell is enough for all of them: another noise matrix is a change of coordinates, `x = L y`, in which the device
holds `L^-1 A L`.
"""

import math
from dataclasses import replace

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits import Program
from ...circuits.loaded_chips import RelaxationLaw
from .._exceptions import LinearAlgebraError
from ._devices import LinearDevice, LoadedDevice
from ._records import (
    DEFAULT,
    EXTRAPOLATION,
    Answer,
    Budget,
    Part,
    Question,
    Times,
    at_lag_zero,
    autocovariance,
    centred,
    measured,
)

_POSITIVE = 1e-6
"""A noise matrix with a smaller eigenvalue, relative to the largest, stretches the coordinates too far."""


def solve(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    b: Float[np.ndarray, " n"],
    rng: np.random.Generator,
    budget: Budget = DEFAULT,
) -> Answer:
    """`A^-1 b` [V]: the time average of the settled readouts. No noise is injected unless the budget says so.

    For symmetric A with eigenvalues a_i the mean square error by noise is, for a window T in units of tau,
    `sum_i 2 kappa/(a_i^2 T) [1 - (1 - exp(-a_i T))/(a_i T)]`.

    Args:
        device: what it runs on.
        A: eigenvalues with positive real part.
        b: right-hand side [V].
        rng: source of the noise and of stochastic rounding.
        budget: time, runs and programs.

    Raises:
        ProgramError: the device cannot realise A.
    """

    _relaxing("solve", device)

    def read(loaded: LoadedDevice, times: Times) -> Float[np.ndarray, "runs n"]:
        return loaded.average(times.wait, times.duration, budget.runs, rng)

    def expected(law: RelaxationLaw, _: LoadedDevice, times: Times) -> Float[np.ndarray, " n"]:
        return law.average(times.wait, times.duration)

    quiet = budget if budget.kappa is not None else replace(budget, kappa=0.0)
    program = Program(A, b)
    question = Question(program, read, expected, program.solution, _chips(rng))
    return measured(device, question, quiet, rng).answer()


def inverse(
    device: LinearDevice, A: Float[np.ndarray, "n n"], rng: np.random.Generator, budget: Budget = DEFAULT
) -> Answer:
    """`A^-1` of a symmetric A: the covariance of the readouts over kappa.

    Raises:
        LinearAlgebraError: A is not symmetric.
        ProgramError: the device cannot realise A.
    """
    A = _symmetric("inverse", A)
    return _covariance(device, A, rng, budget, 1.0, _chips(rng)).answer()


def lyapunov(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    Q: Float[np.ndarray, "m m"],
    rng: np.random.Generator,
    budget: Budget = DEFAULT,
) -> Answer:
    """P of `A P + P A^T = Q`: the covariance with noise Q, which is equal noise in the coordinates `x = Q^(1/2) y`.

    A Q that is not positive definite is measured as the difference of two covariances, with noise `Q + c` and `c`.
    Equivalent to `scipy.linalg.solve_continuous_lyapunov(A, Q)`.

    Raises:
        LinearAlgebraError: Q is not symmetric or of another shape than A; the device answers by its covariance only.
        ProgramError: A has an eigenvalue without positive real part, or the device cannot realise it.
    """
    _relaxing("lyapunov", device)
    A, Q = np.asarray(A, dtype=float), _symmetric("lyapunov: Q", Q)
    if A.shape != Q.shape:
        raise LinearAlgebraError(f"lyapunov: expected A and Q of one shape, got {A.shape} and {Q.shape}")
    w = np.linalg.eigvalsh(Q)
    largest = float(np.abs(w).max())
    if largest == 0:
        largest = 1.0
    shift = 0.0 if w[0] > _POSITIVE * largest else largest - min(0.0, float(w[0]))
    L = _root(Q + shift * np.eye(len(Q)))
    chips = _chips(rng)
    first = _covariance(device, np.linalg.solve(L, A @ L), rng, budget, 0.5, chips, L)
    if shift == 0:
        return first.answer()
    return first.plus(_covariance(device, A, rng, budget, 0.5, chips), -shift).answer()


def log_determinant(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    rng: np.random.Generator,
    budget: Budget = DEFAULT,
    nodes: int = 12,
) -> Answer:
    """`log det A` of a symmetric positive definite A, by the work of changing its diagonal D slowly into A.

    The free energy of the device is `F(l) = kappa/2 log det A(l)` with `A(l) = D + l (A - D)`, and its change is the
    work `integral dl <x^T (A - D) x>/2` of an infinitely slow change (thermodynamic integration; Kirkwood, J. Chem.
    Phys. 3, 1935), taken at `nodes` points. Each is a program of its own. Near a singular A(l) the work grows as one
    over the distance: the points are those of Gauss and Legendre in the logarithm of that distance, and what the rule
    misses is part of the error bar.

    Raises:
        LinearAlgebraError: A is not symmetric, or not positive definite.
        ProgramError: the device cannot realise A.
    """
    return _log_determinant(device, A, rng, budget, nodes).answer()


def _log_determinant(
    device: LinearDevice, A: Float[np.ndarray, "n n"], rng: np.random.Generator, budget: Budget, nodes: int
) -> Part:
    A = _symmetric("determinant", A)
    diagonal = np.diag(A)
    if np.linalg.eigvalsh(A)[0] <= 0:
        raise LinearAlgebraError(
            "determinant: expected a positive definite A; the smallest eigenvalue is not above zero"
        )
    # The eigenvalues of D^-1/2 (A - D) D^-1/2: A(l) is singular at minus one over each.
    root = np.sqrt(diagonal)
    slopes = np.linalg.eigvalsh((A - np.diag(diagonal)) / np.outer(root, root))
    points, weights = _along_the_change(float(slopes[0]), nodes)
    missed = float(weights @ (slopes / (1 + np.outer(points, slopes))).sum(axis=1) - np.log1p(slopes).sum())
    E, chips, zero = A - np.diag(diagonal), _chips(rng), np.array(0.0)
    total = Part(np.array(np.log(diagonal).sum()), zero, np.array([missed]), 0.0, 0.0, 0)
    for point, weight in zip(points, weights, strict=True):
        slope = _work(device, np.diag(diagonal) + point * E, E, rng, budget, chips)
        total = total.plus(slope, float(weight))
    return total


def _along_the_change(lowest: float, nodes: int) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Points from 0 to 1 and their weights, even in the logarithm of the distance to where A(l) is singular."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    points, weights = (points + 1) / 2, weights / 2
    if lowest >= -_FAR:
        return points, weights
    singular = -1 / lowest
    length = math.log(singular / (singular - 1))
    distance = singular * np.exp(-length * points)
    return singular - distance, weights * length * distance


_FAR = 0.5
"""A change that ends half way to where it would be singular, or before, is smooth enough as it is."""


def determinant(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    rng: np.random.Generator,
    budget: Budget = DEFAULT,
    nodes: int = 12,
) -> Answer:
    """`det A` of a symmetric positive definite A, as `log_determinant`."""
    found = _log_determinant(device, A, rng, budget, nodes)
    value = np.asarray(np.exp(found.value))
    # A logarithm that is d too large belongs to a value of exp(-d) times this one.
    deviations = -value * np.expm1(-found.deviations)
    return replace(found, value=value, noise=np.asarray(value * found.noise), deviations=deviations).answer()


def expm(
    device: LinearDevice, X: Float[np.ndarray, "rows columns"], rng: np.random.Generator, budget: Budget = DEFAULT
) -> Answer:
    """`exp(X)`: the autocovariance of the readouts at a lag of tau. Equivalent to `scipy.linalg.expm(X)`.

    With `A = c - X`, c so large that `A + A^T` is positive definite, and noise of that shape, the covariance is kappa
    times one and the autocovariance at lag tau is `kappa exp(-A) = kappa exp(-c) exp(X)`.

    Raises:
        LinearAlgebraError: X is not square, or a device that answers by its covariance only.
        ProgramError: the device cannot realise A.
    """
    _relaxing("expm", device)
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[0] != X.shape[1]:
        raise LinearAlgebraError(f"expm: expected a square matrix, got shape {X.shape}")
    w = np.linalg.eigvalsh((X + X.T) / 2)
    c = float(w[-1]) + max(1.0, float(w[-1] - w[0]) / 10)
    A = c * np.eye(len(X)) - X
    L = _root((A + A.T) / 2)
    program = Program(np.linalg.solve(L, A @ L), np.zeros(len(X)))

    def read(loaded: LoadedDevice, times: Times) -> Float[np.ndarray, "runs n n"]:
        lag = max(1, math.ceil(loaded.tau / times.spacing))
        x = centred(loaded.record(times.samples(loaded.tau / lag), budget.runs, rng)) @ L.T
        return np.asarray(math.exp(c) * autocovariance(x, lag) / loaded.kappa)

    def expected(law: RelaxationLaw, loaded: LoadedDevice, _: Times) -> Float[np.ndarray, "n n"]:
        return np.asarray(math.exp(c) * L @ law.autocovariance(loaded.tau) @ L.T / loaded.kappa)

    question = Question(program, read, expected, np.asarray(scipy.linalg.expm(X)), _chips(rng))
    return measured(device, question, budget, rng).answer()


def _chips(rng: np.random.Generator) -> int:
    """A seed for the chips that a device may be, which takes nothing from the source of the noise."""
    return int(rng.spawn(1)[0].integers(2**63))


def _covariance(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    rng: np.random.Generator,
    budget: Budget,
    factor: float,
    chips: int,
    L: Float[np.ndarray, "n n"] | None = None,
) -> Part:
    """`factor <x x^T> / kappa` with A loaded and `x = L y`."""
    back = np.eye(len(A)) if L is None else L

    def read(loaded: LoadedDevice, times: Times) -> Float[np.ndarray, "runs n n"]:
        y = centred(loaded.record(times.samples(times.spacing), budget.runs, rng))
        C = at_lag_zero(y if L is None else y @ L.T)
        return np.asarray((C + np.swapaxes(C, 1, 2)) * (factor / 2 / loaded.kappa))

    def expected(law: RelaxationLaw, loaded: LoadedDevice, times: Times) -> Float[np.ndarray, "n n"]:
        C = back @ _at_lag_zero(law, times) @ back.T
        return np.asarray((C + C.T) * (factor / 2 / loaded.kappa))

    P = scipy.linalg.solve_continuous_lyapunov(A, 2 * np.eye(len(A)))
    question = Question(Program(A, np.zeros(len(A))), read, expected, np.asarray(factor * back @ P @ back.T), chips)
    return measured(device, question, budget, rng)


def _at_lag_zero(law: RelaxationLaw, times: Times) -> Float[np.ndarray, "n n"]:
    """What `at_lag_zero` gives on average."""
    parts = [weight * law.autocovariance((lag + 1) * times.spacing) for lag, weight in enumerate(EXTRAPOLATION)]
    return np.asarray(sum(parts[1:], parts[0]))


def _work(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    E: Float[np.ndarray, "n n"],
    rng: np.random.Generator,
    budget: Budget,
    chips: int,
) -> Part:
    """`<x^T E x> / kappa` with A loaded."""

    def read(loaded: LoadedDevice, times: Times) -> Float[np.ndarray, " runs"]:
        C = at_lag_zero(centred(loaded.record(times.samples(times.spacing), budget.runs, rng)))
        return np.asarray(np.einsum("rij,ij->r", C, E) / loaded.kappa)

    def expected(law: RelaxationLaw, loaded: LoadedDevice, times: Times) -> Float[np.ndarray, ""]:
        return np.asarray(np.einsum("ij,ij", _at_lag_zero(law, times), E) / loaded.kappa)

    right = np.asarray(np.trace(np.linalg.solve(A, E)))
    question = Question(Program(A, np.zeros(len(A))), read, expected, right, chips)
    return measured(device, question, budget, rng)


def _relaxing(what: str, device: LinearDevice) -> None:
    if device.answer != "mean":
        raise LinearAlgebraError(
            f"{what}: expected a device whose mean relaxes by A, and this one tells of A by its covariance only;"
            " it takes inverse and determinant"
        )


def _symmetric(what: str, A: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    A = np.asarray(A, dtype=float)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise LinearAlgebraError(f"{what}: expected a square matrix, got shape {A.shape}")
    wrong = np.abs(A - A.T) > 1e-12 * np.abs(A).max(initial=0.0)
    if wrong.any():
        i, j = (int(k) for k in np.argwhere(wrong)[0])
        raise LinearAlgebraError(
            f"{what}: expected a symmetric matrix, got {A[i, j]:.6g} at [{i}, {j}] and {A[j, i]:.6g}"
        )
    return A


def _root(H: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The symmetric root: it commutes with H, so that a symmetric A stays as it is."""
    if np.array_equal(H, H[0, 0] * np.eye(len(H))):
        return np.asarray(math.sqrt(H[0, 0]) * np.eye(len(H)))
    w, V = scipy.linalg.eigh(H)
    return np.asarray((V * np.sqrt(w)) @ V.T)
