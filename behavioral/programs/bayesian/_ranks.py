"""Posterior samples read from a device's voltages, and whether their ranks are those of the truth."""

from math import log, sqrt

import numpy as np
from jaxtyping import Float, Int

from ....circuits import Program
from ....circuits.loaded_chips import SETTLED, fitting_noise
from ..._exceptions import ProblemError
from ...linear_algebra import LinearDevice
from ..systems import cells_of
from ._gaussian import Coordinates, GaussianProblem


def sampled(
    problem: GaussianProblem, device: LinearDevice, samples: int, rng: np.random.Generator
) -> Float[np.ndarray, "samples n"]:
    """Samples of the posterior: settled voltages of independent runs, over the volts that stand for one.

    The injected noise is what makes them samples: its strength is that square of volts.

    Raises:
        ProblemError: fewer than one sample, or a device with too few cells.
        ProgramError: the device cannot hold the precision.
    """
    if samples < 1:
        raise ProblemError(f"samples: expected at least 1, got {samples}")
    coordinates = Coordinates.of(problem.A, cells_of(device))
    drive, size = coordinates.drive(problem.b)
    # Mean and noise have one scale: the smaller of those with which each fits into a volt.
    fitting = fitting_noise(Program(coordinates.M, np.zeros(len(coordinates.M))), 1.0)
    volts = min(1 / size, sqrt(fitting))
    loaded = device.load(Program(coordinates.M, drive * size * volts), volts**2)
    read = loaded.record(np.array([-log(SETTLED) / loaded.rates[0]]), samples, rng)[:, 0]
    return np.asarray(coordinates.d * read[:, : problem.n] / volts)


def ranks(
    problem: GaussianProblem, device: LinearDevice, draws: int, samples: int, rng: np.random.Generator
) -> Int[np.ndarray, "draws n"]:
    """Ranks of the truth among posterior samples, for unknowns and data that are drawn from the problem's own model.

    Of right samples they are uniform on 0..samples (simulation-based calibration; Talts et al., 2018).

    Raises:
        ProblemError, ProgramError: as `sampled`.
    """
    root_P = np.linalg.cholesky(problem.P)
    root_R = np.linalg.cholesky(problem.R)
    found = np.empty((draws, problem.n), dtype=int)
    for draw in range(draws):
        x = problem.m + root_P @ rng.standard_normal(problem.n)
        y = problem.H @ x + root_R @ rng.standard_normal(len(problem.y))
        drawn = sampled(GaussianProblem(problem.m, problem.P, problem.H, problem.R, y), device, samples, rng)
        found[draw] = (drawn < x).sum(axis=0)
    return found
