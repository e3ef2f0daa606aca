"""Devices that linear algebra runs on: what they must offer."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from ...circuits import Program
from ...circuits.loaded_chips import RelaxationLaw
from ...circuits.topologies import Answer


@runtime_checkable
class LoadedDevice(Protocol):
    """A device that holds a program and relaxes: `dx = -(A x - b) dt/tau + N(0, 2 kappa dt/tau)`, x in volts of b."""

    @property
    def tau(self) -> float:
        """Time constant with the program loaded [s]."""
        ...

    @property
    def rates(self) -> tuple[float, float]:
        """Slowest and fastest rate of its relaxation [1/s], amplifiers aside."""
        ...

    @property
    def kappa(self) -> float:
        """Noise strength asked for [V^2]; the device's own noise comes on top."""
        ...

    @property
    def power(self) -> float:
        """Power drawn [W]: supply of the amplifiers, and what the resistors take."""
        ...

    def record(
        self, times: Float[np.ndarray, " times"], runs: int, rng: np.random.Generator
    ) -> Float[np.ndarray, "runs times n"]:
        """Readouts x at rising times [s] of independent runs, each started from rest."""
        ...

    def average(self, wait: float, duration: float, runs: int, rng: np.random.Generator) -> Float[np.ndarray, "runs n"]:
        """Readouts averaged over a window of `duration` [s] that opens `wait` [s] after the start from rest."""
        ...


@runtime_checkable
class StartableDevice(Protocol):
    """A loaded device whose cells can be charged before it relaxes."""

    def started(self, mean: Float[np.ndarray, " n"], spread: Float[np.ndarray, "runs n"]) -> LoadedDevice:
        """The same with runs that start at `mean + spread` [V of b], one row for each run, instead of at rest."""
        ...


@runtime_checkable
class KnownDevice(Protocol):
    """A loaded device that knows what it may do wrong."""

    def laws(self, seed: int) -> Sequence[RelaxationLaw | None]:
        """The law of each chip that the device may be, with this program; None where that is unstable with it.

        The same seed gives the same chips, whatever the program.
        """
        ...


@runtime_checkable
class LinearDevice(Protocol):
    """Anything that a program can be loaded into: an ideal device, the model of a chip, or a chip in a simulator."""

    @property
    def answer(self) -> Answer:
        """Whether its mean relaxes to `A^-1 b`, or only its covariance tells of A."""
        ...

    def load(
        self, program: Program, kappa: float | None = None, rounding: np.random.Generator | None = None
    ) -> LoadedDevice:
        """The device with a program.

        Args:
            program: A and b [V].
            kappa: strength of the white noise injected into every cell [V^2]; None is as much as fits the range.
            rounding: source of stochastic rounding of the program; to the nearest step without.

        Raises:
            ProgramError: the device cannot realise the program.
        """
        ...
