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
from ._questions import check_relaxing, covariance, seed_of_chips, symmetric, symmetric_root
from ._records import (
    DEFAULT,
    Answer,
    Budget,
    Question,
    Times,
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

    check_relaxing("solve", device)

    def read(loaded: LoadedDevice, times: Times) -> Float[np.ndarray, "runs n"]:
        return loaded.average(times.wait, times.duration, budget.runs, rng)

    def expected(law: RelaxationLaw, _: LoadedDevice, times: Times) -> Float[np.ndarray, " n"]:
        return law.average(times.wait, times.duration)

    quiet = budget if budget.kappa is not None else replace(budget, kappa=0.0)
    program = Program(A, b)
    question = Question(program, read, expected, program.solution, seed_of_chips(rng))
    return measured(device, question, quiet, rng).answer()


def inverse(
    device: LinearDevice, A: Float[np.ndarray, "n n"], rng: np.random.Generator, budget: Budget = DEFAULT
) -> Answer:
    """`A^-1` of a symmetric A: the covariance of the readouts over kappa.

    Raises:
        LinearAlgebraError: A is not symmetric.
        ProgramError: the device cannot realise A.
    """
    A = symmetric("inverse", A)
    return covariance(device, A, rng, budget, 1.0, seed_of_chips(rng)).answer()


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
    check_relaxing("lyapunov", device)
    A = np.asarray(A, dtype=float)
    Q = symmetric("lyapunov: Q", Q)
    if A.shape != Q.shape:
        raise LinearAlgebraError(f"lyapunov: expected A and Q of one shape, got {A.shape} and {Q.shape}")
    w = np.linalg.eigvalsh(Q)
    largest = float(np.abs(w).max())
    if largest == 0:
        largest = 1.0
    shift = 0.0 if w[0] > _POSITIVE * largest else largest - min(0.0, float(w[0]))
    L = symmetric_root(Q + shift * np.eye(len(Q)))
    chips = seed_of_chips(rng)
    first = covariance(device, np.linalg.solve(L, A @ L), rng, budget, 0.5, chips, L)
    if shift == 0:
        return first.answer()
    return first.plus(covariance(device, A, rng, budget, 0.5, chips), -shift).answer()


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
    check_relaxing("expm", device)
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[0] != X.shape[1]:
        raise LinearAlgebraError(f"expm: expected a square matrix, got shape {X.shape}")
    w = np.linalg.eigvalsh((X + X.T) / 2)
    c = float(w[-1]) + max(1.0, float(w[-1] - w[0]) / 10)
    A = c * np.eye(len(X)) - X
    L = symmetric_root((A + A.T) / 2)
    program = Program(np.linalg.solve(L, A @ L), np.zeros(len(X)))

    def read(loaded: LoadedDevice, times: Times) -> Float[np.ndarray, "runs n n"]:
        lag = max(1, math.ceil(loaded.tau / times.spacing))
        x = centred(loaded.record(times.samples(loaded.tau / lag), budget.runs, rng)) @ L.T
        return np.asarray(math.exp(c) * autocovariance(x, lag) / loaded.kappa)

    def expected(law: RelaxationLaw, loaded: LoadedDevice, _: Times) -> Float[np.ndarray, "n n"]:
        return np.asarray(math.exp(c) * L @ law.autocovariance(loaded.tau) @ L.T / loaded.kappa)

    question = Question(program, read, expected, np.asarray(scipy.linalg.expm(X)), seed_of_chips(rng))
    return measured(device, question, budget, rng).answer()
