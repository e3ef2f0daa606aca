"""A chip that holds a program, as numbers: arrays with their deviations, and what they add to the drive."""

from collections.abc import Callable
from dataclasses import dataclass

from ..._types import Matrix, Rows, Vector
from ..loops import LaggedLoop, Loop
from ._chip_noise import CascadeNoise
from ._limits import AmplifierLimits


@dataclass(frozen=True, slots=True, eq=False)
class Loads:
    """Conductances [1/R0] into virtual grounds that hang on the outputs of the cells, the first and second stages.

    The arrays behind them, a stage's feedback resistor, the two resistors of each inverted rail and, with the cells,
    the damping. Sums over J^T stand for those over J and rows of H for its columns: the same but for the deviations.
    """

    cells: Vector
    first: Rows
    second: Rows


@dataclass(frozen=True, slots=True, eq=False)
class LoadedCascade:
    """A loaded cascade.

    Attributes:
        loop: without lags. lagged: the same loop with stages that take time; None where they take none.
        loads: of the amplifiers.
        drive: (N,) relative gain of the drive inputs. offset: (N,) added to the drive [V].
        jump: (N,) what each cell is off its start by as soon as its amplifier works [V]: the capacitor keeps its
            voltage against a virtual ground that is off by the input offset. None where nothing.
        first, second: (r,) what the stages put out by offsets of their own, their inputs at zero [V].
        stage: the J arrays hold `stage J`, the H array `H/stage^2`, which decides what the stages' own errors weigh.
        exact: whether the arrays hold the program itself.
        noise: of everything, as loaded.
        limits: of the amplifiers; None where there are none.
        clipped: entries of the program beyond the range of their array.
        damped: the same arrays with damping resistors set anew, for a damping in the program's units.
    """

    loop: Loop
    lagged: LaggedLoop | None
    loads: Loads
    drive: Vector
    offset: Vector
    jump: Vector | None
    first: Rows
    second: Rows
    stage: float
    exact: bool
    noise: CascadeNoise
    limits: AmplifierLimits | None
    clipped: int
    damped: Callable[[float], "LoadedCascade"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedCrossbar:
    """A loaded crossbar: `dx = -(F x - drive b - offset) ds`, both divided by D.

    Attributes:
        loads: as `Loads.cells`.
        diffusion: (n, n) of x for kappa0 = 1. wide: (n,) as `CascadeNoise.wide`.
        jump, limits, clipped: as of `LoadedCascade`.
    """

    F: Matrix
    D: Vector
    drive: Vector
    offset: Vector
    jump: Vector | None
    loads: Vector
    diffusion: Matrix
    wide: Vector
    limits: AmplifierLimits | None
    clipped: int
