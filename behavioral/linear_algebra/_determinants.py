"""Determinants by the work of a slow change: thermodynamic integration on a device."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from ...circuits import Program
from ...circuits.loaded_chips import RelaxationLaw
from .._exceptions import LinearAlgebraError
from ._devices import LinearDevice, LoadedDevice
from ._questions import expected_at_lag_zero, seed_of_chips, symmetric
from ._records import (
    DEFAULT,
    Answer,
    Budget,
    Part,
    Question,
    Times,
    at_lag_zero,
    centred,
    measured,
)


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
    A = symmetric("determinant", A)
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
    E = A - np.diag(diagonal)
    chips = seed_of_chips(rng)
    total = Part(np.array(np.log(diagonal).sum()), np.array(0.0), np.array([missed]), 0.0, 0.0, 0)
    for point, weight in zip(points, weights, strict=True):
        slope = _work(device, np.diag(diagonal) + point * E, E, rng, budget, chips)
        total = total.plus(slope, float(weight))
    return total


def _along_the_change(lowest: float, nodes: int) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    """Points from 0 to 1 and their weights, even in the logarithm of the distance to where A(l) is singular."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    points = (points + 1) / 2
    weights = weights / 2
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
        return np.asarray(np.einsum("ij,ij", expected_at_lag_zero(law, times), E) / loaded.kappa)

    right = np.asarray(np.trace(np.linalg.solve(A, E)))
    question = Question(Program(A, np.zeros(len(A))), read, expected, right, chips)
    return measured(device, question, budget, rng)
