"""The least heat of the runs of a loaded program."""

from typing import Protocol, runtime_checkable

import numpy as np
import scipy
from jaxtyping import Float

from ...circuits import Program
from ..programs.bounds import Gaussian, least_energy, wasserstein
from ._deflation import Deflation
from ._devices import LoadedDevice


@runtime_checkable
class CapacitiveDevice(Protocol):
    """A loaded device of cells that relax without inertia, each a capacitor behind its resistor."""

    @property
    def capacitance(self) -> float:
        """Capacitance of a cell [F], for voltages told in volts of b; zero where its cells are no such capacitors."""
        ...


def least_energy_of_a_run(loaded: LoadedDevice, program: Program, deflation: Deflation | None, seconds: float) -> float:
    """Least heat [J] that moves the cells from their start to the law in which they are read; see `least_energy`.

    Both laws are Gaussian: rest, or a start in which the slowest modes are settled, and `N(A^-1 b, P)` with
    `A P + P A^T = 2 kappa`. Zero where it is not known.
    """
    C = loaded.capacitance if isinstance(loaded, CapacitiveDevice) else 0.0
    if C == 0.0:
        return 0.0
    square = wasserstein(_start(program, deflation, loaded.kappa), _end(program, loaded.kappa))
    return least_energy(square, C, loaded.tau, seconds)


def _start(program: Program, deflation: Deflation | None, kappa: float) -> Gaussian:
    if deflation is None:
        return Gaussian(np.zeros(program.n), np.zeros((program.n, program.n)))
    return Gaussian(deflation.mean(program.b), deflation.covariance(kappa))


def _end(program: Program, kappa: float) -> Gaussian:
    P: Float[np.ndarray, "n n"] = scipy.linalg.solve_continuous_lyapunov(program.A, 2 * kappa * np.eye(program.n))
    return Gaussian(program.solution, np.asarray((P + P.T) / 2))
