"""One loaded program, many right-hand sides."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .._exceptions import ClippedError
from ._response import Response


@dataclass(frozen=True, eq=False)
class Prepared:
    """A chip with its matrix loaded: settled answers are one product of a matrix and a vector.

    The settled readouts are linear in the drive: `answers(b) = gain @ b + rest` [V], `rest` from offsets and bias
    currents. `DeviceModel.prepared` makes it; it equals `DeviceModel.response(Program(A, b), scaling).solution`.
    """

    gain: Float[np.ndarray, "n n"]
    """The device's own inverse of A, with all its errors."""
    rest: Float[np.ndarray, " n"]
    nodes: Float[np.ndarray, "a n"]
    """Voltages at which the amplifiers' rails hold, for each volt of b."""
    rest_nodes: Float[np.ndarray, " a"]
    low: Float[np.ndarray, " a"]
    high: Float[np.ndarray, " a"]

    @classmethod
    def of(cls, response: Response, drive: Float[np.ndarray, "m n"], direct: Float[np.ndarray, "n n"]) -> "Prepared":
        """From a response and `Instance.drive_columns`."""
        space, amplifiers, scale = response.space, response.amplifiers, response.scaling.drive
        s = np.linalg.solve(space.G, np.column_stack([drive, space.bias]))
        per_volt, rest = s[:, :-1], s[:, -1]
        return cls(
            (space.M @ per_volt + direct) / scale,
            (space.M @ rest + space.y_bias) / scale,
            amplifiers.M @ per_volt,
            amplifiers.M @ rest + amplifiers.y,
            amplifiers.low,
            amplifiers.high,
        )

    def answers(self, b: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
        """The chip's answers for `A^-1 b` [V], for one b or many.

        Raises:
            ClippedError: one of them is beyond an amplifier's rails.
            ValueError: b has another length, or is not finite.
        """
        b = np.asarray(b, dtype=float)
        if b.shape[-1:] != self.rest.shape or not np.isfinite(b).all():
            raise ValueError(f"b: expected {len(self.rest)} finite voltages, one for each cell, got shape {b.shape}")
        v = b @ self.nodes.T + self.rest_nodes
        if ((v < self.low) | (v > self.high)).any():
            raise ClippedError(
                "answers: an amplifier settles beyond its rails with one of the drives; prepare the program with a"
                " smaller drive scale"
            )
        return np.asarray(b @ self.gain.T + self.rest)
