"""The linear equations of a chip with a program loaded, in a file of arrays and a script beside it."""

import io
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from jaxtyping import Float

from ...circuits import Instance, Program, Scaling
from ..devices import DeviceModel


@dataclass(frozen=True, eq=False)
class NumpyChip:
    """What is written: `arrays` go to `NAME.npz`, `script` to `NAME.py`, which reads them."""

    arrays: bytes
    script: str


def numpy_chip(
    model: DeviceModel, program: Program, scaling: Scaling, example: Float[np.ndarray, " n"], comments: tuple[str, ...]
) -> NumpyChip:
    """The chip with a matrix loaded, any drive, its noise with it.

    Args:
        model: of the chip.
        program: whose matrix is loaded.
        scaling: how; of its drive nothing is in the equations.
        example: drive [V] that the script shows when it is run.
        comments: plain lines of where it comes from.

    Raises:
        ProgramError: the topology cannot realise the program.
    """
    # One volt at the inputs stands for one volt of b: the response with a drive scale of one.
    response = model.response(program, Scaling(scaling.conductance, 1.0), allow_clipping=True)
    process = response.process
    space = response.space
    amplifiers = response.amplifiers
    drive, direct = _columns(model.instance, program, model, scaling)
    m = len(space.F)
    more = process.n - len(space.F)
    padded = ((0, more), (0, 0))
    arrays = {
        "F": process.drift,
        "Q": process.diffusion,
        "M": response.M,
        "input": np.pad(np.linalg.solve(space.C, drive), padded),
        "bias": np.pad(np.linalg.solve(space.C, space.bias), (0, more)),
        "direct": direct,
        "shift": space.y_bias,
        "start": np.pad(space.initial, padded),
        "rails_of": np.pad(amplifiers.M, ((0, 0), (0, more))).reshape(-1, m + more),
        "rail_low": amplifiers.low,
        "rail_high": amplifiers.high,
        "example": example,
    }
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    text = (files(__package__) / "script.txt").read_text(encoding="utf-8")
    return NumpyChip(file.getvalue(), text.replace("@COMMENTS@", "\n".join(comments)))


def _columns(
    instance: Instance, program: Program, model: DeviceModel, scaling: Scaling
) -> tuple[Float[np.ndarray, "m n"], Float[np.ndarray, "n n"]]:
    return instance.drive_columns(program, model.level, Scaling(scaling.conductance, 1.0))
