"""Fitting a drive and a start to a chip's range, as the digital side does by trying again with less."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...circuits import Instance, Level, Program, Scaling, choose_scaling


@dataclass(frozen=True, eq=False)
class Ranged:
    """A program in volts within the chip's range; the solution is what is read divided by `volts`."""

    program: Program
    scaling: Scaling
    volts: float
    """Circuit volts for each unit of the solution."""

    def start(self, x0: Float[np.ndarray, " n"] | None) -> Float[np.ndarray, " n"]:
        """Initial cell voltages [V]."""
        return np.zeros(self.program.n) if x0 is None else self.volts * x0


def fit_to_range(
    instance: Instance,
    level: Level,
    with_drive: Callable[[Float[np.ndarray, " n"]], Program],
    b: Float[np.ndarray, " n"],
    x0: Float[np.ndarray, " n"] | None,
) -> Ranged:
    """The largest drive with which the chip stays within its range from start to answer, its stages too.

    A small gradient would drown in the amplifiers' offsets, a large one would clip. `with_drive` makes the program of a
    drive.

    Raises:
        ProgramError: the chip cannot hold A, or is unstable with it.
    """
    largest = float(np.abs(b).max(initial=0.0))
    unit = instance.design.converters.full_scale / largest if largest > 0 else 1.0
    program = with_drive(unit * b)
    scaling = choose_scaling(instance, program, level, None if x0 is None else unit * x0)
    return Ranged(program, scaling, unit * scaling.drive)
