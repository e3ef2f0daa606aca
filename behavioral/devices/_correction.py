"""Digital pre-correction: what a calibrated model knows of a chip's gains and offsets, taken out of drive or answer."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...circuits import Program, Scaling
from ._device_model import DeviceModel
from ._response import Response


@dataclass(frozen=True, eq=False)
class Correction:
    """Of one matrix on one chip: the settled readouts are `v = scaling.drive (gain b + offset)` [V].

    A perfect device has `gain = A^-1` and no offset. `Correction.of` takes both from a calibrated model, at the cost of
    one solution of the circuit for each cell; they then serve every drive. Two ways to use them:

    * `drive(b)`: load `b' = gain^-1 (A^-1 b - offset)`, so that the device itself settles at `A^-1 b`. It is computed
      as `M^-1 (b - A offset)` with `M = A gain`, which is close to the identity: no small number is divided by.
    * `answer(v)`: of a device that was driven by b itself, `A^-1 M^-1 A (v/drive - offset)`.

    What the calibration does not know stays, and so does the quantisation of the converters.

    Attributes:
        A: the matrix (n, n), dimensionless.
        scaling: with which it is loaded.
        gain: (n, n), dimensionless; offset: (n,) [V].
    """

    A: Float[np.ndarray, "n n"]
    scaling: Scaling
    gain: Float[np.ndarray, "n n"]
    offset: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, model: DeviceModel, program: Program, scaling: Scaling | None = None) -> "Correction":
        """Of a program's matrix; its own drive has no part but for the choice of a scaling, where none is given.

        Raises:
            ProgramError: the topology cannot realise the program.
            ValueError: the device answers by a covariance, which no drive corrects.
        """
        if model.instance.topology.answer != "mean":
            raise ValueError(
                f"Correction: a {model.instance.topology.name} answers by its covariance; expected a topology that"
                " settles at the solution"
            )
        scaling = model.scaling(program) if scaling is None else scaling
        # The circuit is linear in its drive: unit drives give the columns.
        still = _settled(model, with_drive(program, np.zeros(program.n)), scaling)
        columns = [_settled(model, with_drive(program, unit), scaling) - still for unit in np.eye(program.n)]
        return cls(np.array(program.A), scaling, np.column_stack(columns), still)

    def drive(self, b: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """What to load instead of b [V]."""
        return np.linalg.solve(self.A @ self.gain, np.asarray(b, dtype=float) - self.A @ self.offset)

    def program(self, program: Program) -> Program:
        """The program with its drive corrected.

        Raises:
            ValueError: a program with another matrix.
        """
        if not np.array_equal(program.A, self.A):
            raise ValueError("Correction: expected a program with the matrix that the correction is made for")
        return with_drive(program, self.drive(program.b))

    def answer(self, v: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
        """`A^-1 b` [V] from settled readouts v [V] of a device that was driven by b."""
        clean = np.asarray(v, dtype=float) / self.scaling.drive - self.offset
        # gain^-1 v = b, and A^-1 b is what was asked for.
        return np.asarray(np.linalg.solve(self.A, np.linalg.solve(self.gain, clean[..., None]))[..., 0])


def with_drive(program: Program, b: Float[np.ndarray, " n"]) -> Program:
    """The same matrix with another drive."""
    if program.factors is None:
        return Program(program.A, b)
    J, H, damping = program.factors
    return Program.from_factors(J, H, damping, b)


def _settled(model: DeviceModel, program: Program, scaling: Scaling) -> Float[np.ndarray, " n"]:
    """Without the drive's scale. Unit drives may lie beyond the rails, where the linear circuit is still meant."""
    response = Response.of(model.instance, program, model.level, scaling, allow_clipping=True)
    return np.asarray(response.settled / scaling.drive)
