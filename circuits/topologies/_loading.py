"""Loading a program into the arrays: conductance grid, range, rounding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ..components import Programming
from ..programs import Program
from ._topology import Topology
from ._values import Weights


@dataclass(frozen=True)
class Loaded:
    """Weights as the arrays hold them, and what did not fit."""

    weights: Weights
    clipped: tuple[str, ...]
    """Entries beyond the range, each as `J[0, 3] = 1.7 clips to 1`."""


def load(
    programming: Programming,
    topology: Topology,
    program: Program,
    conductance: float = 1.0,
    rng: np.random.Generator | None = None,
) -> Loaded:
    """What the arrays hold for `conductance * A`: each entry on the grid of `programming`.

    With b bits an array has `2^b - 1` equal steps of magnitude up to one full scale, its largest entry unless the
    programming gives a range; the sign is a choice of rail. Entries beyond the range clip.

    Args:
        programming: of the design.
        topology: names the arrays.
        program: checked against the topology.
        conductance: scale of the matrix.
        rng: stochastic rounding with this source, whose mean is the entry itself; to the nearest step without.

    Raises:
        ProgramError: the topology cannot realise the program.
    """
    topology.check(program)
    clipped: list[str] = []
    weights: dict[str, Any] = {}
    for name, values in topology.weights(program, conductance).items():
        array = np.asarray(values, dtype=np.float64)
        weights[name] = on_grid(array, programming, rng)
        if programming.full_scale is not None:
            clipped += _clipped(name, array, programming.full_scale)
    return Loaded(weights, tuple(clipped))


def on_grid(
    array: Float[np.ndarray, "..."], programming: Programming, rng: np.random.Generator | None
) -> Float[np.ndarray, "..."]:
    full_scale = programming.full_scale or float(np.abs(array).max(initial=0.0))
    magnitude = np.minimum(np.abs(array), full_scale)
    if programming.bits is not None and full_scale > 0:
        step = full_scale / (2**programming.bits - 1)
        steps = magnitude / step
        # A mesh reads only the lower triangle of its couplings, so that one draw serves both directions.
        draw = 0.5 if rng is None else rng.random(array.shape)
        magnitude = step * np.minimum(np.floor(steps + draw), 2**programming.bits - 1)
    return np.asarray(np.copysign(magnitude, array))


def _clipped(name: str, array: Float[np.ndarray, "..."], full_scale: float) -> list[str]:
    # Scaling by a power of two may meet the range exactly; rounding is not clipping.
    return [
        f"{name}{[int(k) for k in where]} = {array[tuple(where)]:.6g} clips to {full_scale:.6g}"
        for where in np.argwhere(np.abs(array) > full_scale * (1 + 1e-12))
    ]


def largest_weight(weights: Mapping[str, Any]) -> float:
    """The largest magnitude in any array."""
    return max((float(np.abs(values).max(initial=0.0)) for values in weights.values()), default=0.0)
