"""Linear algebra by relaxation: what a noisy device's mean, covariance and autocovariance are worth.

Methods of Aifer et al., "Thermodynamic linear algebra", npj Unconventional Computing 1 (2024). Equal white noise in
every cell is enough for all of them: another noise matrix is a change of coordinates, `x = L y`, in which the device
holds `L^-1 A L`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from jaxtyping import Float

from ..circuits import Program
from ._linear_device import LinearAlgebraError, LinearDevice, LoadedDevice

SETTLED = 1e-6
"""What is left of the slowest mode when a record begins."""

PER_RATE = 16
"""Samples in a record for each fastest time constant."""

EXTRAPOLATION = (3.0, -3.0, 1.0)
"""Weights of the autocovariances at lags of one, two and three samples that extrapolate to lag zero.

At lag zero itself a readout also carries what is white to it: broadband amplifier noise, its own sampling noise and
rounding. A mode of rate a is left with `1 - (1 - exp(-a h))^3` of its covariance, h the spacing: 2e-4 are missing at
the fastest.
"""


@dataclass(frozen=True, eq=False)
class Answer:
    """A result with its price.

    Attributes:
        value: a number, vector or matrix.
        standard_error: of each entry of it, from the scatter of independent runs: noise, time and (with several
            programs) rounding. What every run has in common, such as the mismatch of the chip, it cannot see.
        time: analog time [s] of all runs, waiting included.
        energy: drawn from the supplies in that time [J].
        runs: independent runs.
    """

    value: Float[np.ndarray, "..."]
    standard_error: Float[np.ndarray, "..."]
    time: float
    energy: float
    runs: int


@dataclass(frozen=True, slots=True)
class Budget:
    """How much analog time a result may cost.

    Attributes:
        duration: of each record or averaging window, in units of the slowest time constant of the program.
        runs: independent runs with each program, at least two.
        programs: how often the program is loaded, each time rounded stochastically and anew; 1 rounds to nearest once.
        kappa: strength of the injected noise [V^2]; None is what each problem takes by default.

    Raises:
        LinearAlgebraError: a duration that is not positive, fewer than two runs, or less than one program.
    """

    duration: float = 100.0
    runs: int = 16
    programs: int = 1
    kappa: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.duration < math.inf:
            raise LinearAlgebraError(f"duration: expected a positive number of time constants, got {self.duration}")
        if self.runs < 2:
            raise LinearAlgebraError(f"runs: expected at least 2, or there is no error bar, got {self.runs}")
        if self.programs < 1:
            raise LinearAlgebraError(f"programs: expected at least 1, got {self.programs}")


DEFAULT = Budget()

# What one loaded program's runs are turned into: one value for each run.
_Reading = Callable[[LoadedDevice, "_Times"], Float[np.ndarray, "runs *shape"]]


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

    def read(loaded: LoadedDevice, times: "_Times") -> Float[np.ndarray, "runs n"]:
        return loaded.average(times.wait, times.duration, budget.runs, rng)

    quiet = budget if budget.kappa is not None else replace(budget, kappa=0.0)
    return _measured(device, Program(A, b), quiet, rng, read)


def inverse(
    device: LinearDevice, A: Float[np.ndarray, "n n"], rng: np.random.Generator, budget: Budget = DEFAULT
) -> Answer:
    """`A^-1` of a symmetric A: the covariance of the readouts over kappa.

    Raises:
        LinearAlgebraError: A is not symmetric.
        ProgramError: the device cannot realise A.
    """
    A = _symmetric("inverse", A)
    return _covariance(device, A, rng, budget, 1.0)


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
    first = _covariance(device, np.linalg.solve(L, A @ L), rng, budget, 0.5, L)
    if shift == 0:
        return first
    return _sum(first, _covariance(device, A, rng, budget, 0.5), -shift)


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
    Phys. 3, 1935), taken at the `nodes` points of Gauss and Legendre. Each is a program of its own.

    Raises:
        LinearAlgebraError: A is not symmetric, or not positive definite.
        ProgramError: the device cannot realise A.
    """
    A = _symmetric("determinant", A)
    diagonal = np.diag(A)
    if np.linalg.eigvalsh(A)[0] <= 0:
        raise LinearAlgebraError(
            "determinant: expected a positive definite A; the smallest eigenvalue is not above zero"
        )
    E = A - np.diag(diagonal)
    points, weights = np.polynomial.legendre.leggauss(nodes)
    total = Answer(np.array(np.log(diagonal).sum()), np.array(0.0), 0.0, 0.0, 0)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        slope = _work(device, np.diag(diagonal) + point * E, E, rng, budget)
        total = _sum(total, slope, float(weight))
    return total


def determinant(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    rng: np.random.Generator,
    budget: Budget = DEFAULT,
    nodes: int = 12,
) -> Answer:
    """`det A` of a symmetric positive definite A, as `log_determinant`."""
    found = log_determinant(device, A, rng, budget, nodes)
    value = np.asarray(np.exp(found.value))
    return replace(found, value=value, standard_error=np.asarray(value * found.standard_error))


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

    def read(loaded: LoadedDevice, times: "_Times") -> Float[np.ndarray, "runs n n"]:
        lag = max(1, math.ceil(loaded.tau / times.spacing))
        x = _centred(loaded.record(times.samples(loaded.tau / lag), budget.runs, rng)) @ L.T
        return np.asarray(math.exp(c) * _autocovariance(x, lag) / loaded.kappa)

    return _measured(device, program, budget, rng, read)


_POSITIVE = 1e-6
"""A noise matrix with a smaller eigenvalue, relative to the largest, stretches the coordinates too far."""


@dataclass(frozen=True, slots=True)
class _Times:
    """When to read a loaded program [s]."""

    wait: float
    duration: float
    spacing: float

    @classmethod
    def of(cls, loaded: LoadedDevice, budget: Budget) -> "_Times":
        slow, fast = loaded.rates
        return cls(-math.log(SETTLED) / slow, budget.duration / slow, 1 / (PER_RATE * fast))

    def samples(self, spacing: float) -> Float[np.ndarray, " times"]:
        count = math.ceil(self.duration / spacing * (1 - 1e-12)) + 1 + len(EXTRAPOLATION)
        return self.wait + spacing * np.arange(count)


def _covariance(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    rng: np.random.Generator,
    budget: Budget,
    factor: float,
    L: Float[np.ndarray, "n n"] | None = None,
) -> Answer:
    """`factor <x x^T> / kappa` with A loaded and `x = L y`."""

    def read(loaded: LoadedDevice, times: _Times) -> Float[np.ndarray, "runs n n"]:
        y = _centred(loaded.record(times.samples(times.spacing), budget.runs, rng))
        C = _at_lag_zero(y if L is None else y @ L.T)
        return np.asarray((C + np.swapaxes(C, 1, 2)) * (factor / 2 / loaded.kappa))

    return _measured(device, Program(A, np.zeros(len(A))), budget, rng, read)


def _work(
    device: LinearDevice,
    A: Float[np.ndarray, "n n"],
    E: Float[np.ndarray, "n n"],
    rng: np.random.Generator,
    budget: Budget,
) -> Answer:
    """`<x^T E x> / kappa` with A loaded."""

    def read(loaded: LoadedDevice, times: _Times) -> Float[np.ndarray, " runs"]:
        C = _at_lag_zero(_centred(loaded.record(times.samples(times.spacing), budget.runs, rng)))
        return np.asarray(np.einsum("rij,ij->r", C, E) / loaded.kappa)

    return _measured(device, Program(A, np.zeros(len(A))), budget, rng, read)


def _centred(x: Float[np.ndarray, "runs times n"]) -> Float[np.ndarray, "runs times n"]:
    """Without the device's offset, the mean of all runs; it takes from a variance 2/(duration * runs) of it at most."""
    return np.asarray(x - x.mean(axis=(0, 1)))


def _autocovariance(x: Float[np.ndarray, "runs times n"], lag: int) -> Float[np.ndarray, "runs n n"]:
    """`<x(t + lag) x(t)^T>` of each run."""
    return np.asarray(np.swapaxes(x[:, lag:], 1, 2) @ x[:, : x.shape[1] - lag] / (x.shape[1] - lag))


def _at_lag_zero(x: Float[np.ndarray, "runs times n"]) -> Float[np.ndarray, "runs n n"]:
    parts = [weight * _autocovariance(x, lag + 1) for lag, weight in enumerate(EXTRAPOLATION)]
    return np.asarray(sum(parts[1:], parts[0]))


def _measured(
    device: LinearDevice, program: Program, budget: Budget, rng: np.random.Generator, read: _Reading
) -> Answer:
    values, time, energy = [], 0.0, 0.0
    for _ in range(budget.programs):
        loaded = device.load(program, budget.kappa, rng if budget.programs > 1 else None)
        times = _Times.of(loaded, budget)
        values.append(read(loaded, times))
        spent = budget.runs * (times.wait + times.duration)
        time, energy = time + spent, energy + spent * loaded.power
    # Programs scatter by their rounding and by what their runs scatter.
    found = np.stack([part.mean(axis=0) for part in values]) if budget.programs > 1 else values[0]
    error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    return Answer(np.asarray(found.mean(axis=0)), np.asarray(error), time, energy, budget.runs * budget.programs)


def _sum(a: Answer, b: Answer, factor: float) -> Answer:
    return Answer(
        np.asarray(a.value + factor * b.value),
        np.asarray(np.hypot(a.standard_error, factor * b.standard_error)),
        a.time + b.time,
        a.energy + b.energy,
        a.runs + b.runs,
    )


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
