"""What the problems ask of a device, and of the matrices that they are given."""

import math

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits import Program
from ...circuits.loaded_chips import RelaxationLaw
from .._exceptions import LinearAlgebraError
from ._devices import LinearDevice, LoadedDevice
from ._records import (
    EXTRAPOLATION,
    Budget,
    Part,
    Question,
    Times,
    at_lag_zero,
    centred,
    measured,
)


def seed_of_chips(rng: np.random.Generator) -> int:
    """A seed for the chips that a device may be, which takes nothing from the source of the noise."""
    return int(rng.spawn(1)[0].integers(2**63))


def covariance(
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
        C = back @ expected_at_lag_zero(law, times) @ back.T
        return np.asarray((C + C.T) * (factor / 2 / loaded.kappa))

    P = scipy.linalg.solve_continuous_lyapunov(A, 2 * np.eye(len(A)))
    question = Question(Program(A, np.zeros(len(A))), read, expected, np.asarray(factor * back @ P @ back.T), chips)
    return measured(device, question, budget, rng)


def expected_at_lag_zero(law: RelaxationLaw, times: Times) -> Float[np.ndarray, "n n"]:
    """What `at_lag_zero` gives on average."""
    parts = [weight * law.autocovariance((lag + 1) * times.spacing) for lag, weight in enumerate(EXTRAPOLATION)]
    return np.asarray(sum(parts[1:], parts[0]))


def check_relaxing(what: str, device: LinearDevice) -> None:
    """Raise `LinearAlgebraError` for a device that answers by its covariance only."""
    if device.answer != "mean":
        raise LinearAlgebraError(
            f"{what}: expected a device whose mean relaxes by A, and this one tells of A by its covariance only;"
            " it takes inverse and determinant"
        )


def symmetric(what: str, A: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The matrix as floats.

    Raises:
        LinearAlgebraError: not square, or not symmetric to twelve digits of its largest entry.
    """
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


def symmetric_root(H: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """The symmetric root: it commutes with H, so that a symmetric A stays as it is."""
    if np.array_equal(H, H[0, 0] * np.eye(len(H))):
        return np.asarray(math.sqrt(H[0, 0]) * np.eye(len(H)))
    w, V = scipy.linalg.eigh(H)
    return np.asarray((V * np.sqrt(w)) @ V.T)
