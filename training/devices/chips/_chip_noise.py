"""Noise of a loaded chip: what each amplifier makes of the conductances at its virtual ground."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..._types import Jacobian, Rows, Vector
from ...programs import block_product
from ..loops import Loop
from ._chip_statistics import NoiseLike

# Rows of an array whose negative part is copied at a time.
_TILE = 64


@dataclass(frozen=True, slots=True)
class WhiteEverywhere:
    """Noise of chips of which kappa0 is all that is known: it stands in every cell and stage, whatever is loaded."""

    thermal: float = 0.0
    voltage: float = 0.0
    white_voltage: float = 0.0
    current: float = 1.0
    injected: float = 0.0
    rails: bool = False


def strength(sources: NoiseLike, gain: Tensor, feedback: Tensor | None = None) -> Tensor:
    """Noise of an amplifier in parts of kappa0, at its output through a feedback resistor of R0.

    gain: sum |G| over all conductances at its virtual ground, the feedback's included, in units of the feedback's.
    feedback: conductance of that resistor [1/R0], one unless given.
    """
    if feedback is None:
        return sources.thermal * gain + sources.voltage * gain**2 + sources.current
    return sources.thermal * gain / feedback + sources.voltage * gain**2 + sources.current / feedback**2


def rail_strength(sources: NoiseLike, inverter: Tensor) -> Tensor:
    """The same of inverting amplifiers of two unit resistors whose gains are -(1 + inverter), as if at their inputs.

    There, because the loaded arrays hold the gains of the rails that feed them.
    """
    gain = 1.0 + inverter
    return sources.thermal * (1.0 + 1.0 / gain) + sources.voltage * (1.0 + 1.0 / gain) ** 2 + sources.current


@dataclass(frozen=True, slots=True, eq=False)
class CascadeNoise:
    """White noise of a cascade in parts of kappa0, the strengths of `dx = ... + N(0, 2 strength ds)`.

    cells (N,): of the current into each integrator. first, second (r,): at the outputs of the stages, in the volts that
        they have. rails (N,), (r,), (r,): at the inputs of the inverted rails of the cells and of both kinds of stages;
    None where they have none. wide (N,): variance of the readout by the cell's own
        amplifier over all of its band, of which the cell itself follows next to nothing.
    """

    cells: Vector
    first: Rows
    second: Rows | None
    rails: tuple[Vector, Rows, Rows] | None
    wide: Vector

    def forcing(self, loop: Loop, stage: float, stages: bool, normals: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """What one unit of time puts into the cells, and adds to the settled outputs of the two stages.

        normals (count, N + 2 r) standard normal for the currents and the stages, (count, 2 N + 4 r) with rails.
        Returns (count, N), (count, r), (count, r), the latter in units of the program (`Cascade.stage`); zero, or None
        without a second stage, where `stages` is false.
        """
        N = len(loop.D)
        r = len(self.first)
        cells, first, second, of_cells, of_first, of_second = _split(normals, (N, r, r, N, r, r))
        total = (2.0 * self.cells).sqrt() * cells
        if not stages:
            return total, torch.zeros_like(first), None if self.second is None else torch.zeros_like(second)
        first = (2.0 * self.first).sqrt() / stage * first
        last = None if self.second is None else stage * (2.0 * self.second).sqrt() * second
        if self.rails is None:
            return total, first, last
        cells, forward, backward = ((2.0 * rail).sqrt() for rail in self.rails)
        first = first + through_negative(loop.J_in, cells * of_cells)
        total = total + stage * back_through_negative(loop.J_out, backward * of_second)
        if last is not None and loop.H is not None:
            last = last + block_product(loop.H.clamp_max(0.0), (forward * of_first).T).T / stage
        return total, first, last

    @property
    def sources(self) -> int:
        """How many independent normals `forcing` takes."""
        N = len(self.cells)
        r = len(self.first)
        return N + 2 * r if self.rails is None else 2 * (N + 2 * r)


def _split(normals: Tensor, sizes: tuple[int, ...]) -> list[Tensor]:
    if normals.shape[1] < sum(sizes):
        half = sizes[: len(sizes) // 2]
        return [*normals.split(half, 1), *(normals[:, :0] for _ in half)]
    return list(normals.split(sizes, 1))


def through_negative(J: Jacobian, x: Tensor) -> Tensor:
    """min(J, 0) x for each row of x (count, N), without a copy of J."""
    return torch.cat([x @ piece.clamp_max(0.0).T for piece in J.split(_TILE)], 1)


def back_through_negative(J: Jacobian, u: Tensor) -> Tensor:
    """min(J, 0)^T u for each row of u (count, r)."""
    total = u.new_zeros(len(u), J.shape[1])
    for piece, rows in zip(J.split(_TILE), u.split(_TILE, 1), strict=True):
        total.addmm_(rows, piece.clamp_max(0.0))
    return total
