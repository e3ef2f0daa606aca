"""The arrays of a cascade with a program in them: rounded, deviating, aged, tile by tile."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..._types import Jacobian, Rows, Vector
from ...programs import Factors, room_for
from . import _deviation_draws as draws
from ._ageing import Aged
from ._array_grid import ArrayGrid
from ._chip_amplifiers import ChipAmplifiers
from ._chip_noise import back_through_negative, through_negative
from ._deviations import Amplifiers, CascadeErrors, CellErrors
from ._effects import DeviceEffects

_COLUMNS = 1 << 13
"""Of a tile of float32 these are half a megabyte: a step of the loading is done in the processor's own cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Deviations:
    """What a chip does to the values in its arrays, as far as the effects are wanted."""

    errors: CellErrors
    effects: DeviceEffects
    grid: ArrayGrid
    amplifiers: ChipAmplifiers
    aged: Aged

    def offsets(self, name: Amplifiers, like: Vector) -> Vector:
        """Input offsets [V]."""
        if not self.effects.offset:
            return torch.zeros_like(like)
        return self.amplifiers.offset + self.errors.offsets(name, len(like), like)

    def rail_offsets(self, name: Amplifiers, like: Vector) -> Vector | None:
        """What inverted rails put out with their inputs at zero [V]; None where nothing."""
        if not self.effects.offset:
            return None
        own = self.errors.inverter_offsets(name, len(like), like)
        offset = self.amplifiers.offset
        bias = self.amplifiers.bias
        if own is None and offset == bias == 0.0:
            return None
        # an inverting amplifier of two equal resistors doubles its offset
        inverter = self.inverter_errors(name, like)
        common = (2.0 + inverter) * offset + (1.0 + inverter) * bias
        return common if own is None else own + common

    def inverters(self, name: Amplifiers, like: Vector) -> Vector | None:
        return self.errors.inverters(name, len(like), like) if self.effects.inverter else None

    def inverter_errors(self, name: Amplifiers, like: Vector) -> Vector:
        error = self.inverters(name, like)
        return torch.zeros_like(like) if error is None else error

    def with_inverters(self, held: Tensor, error: Tensor | None) -> Tensor:
        # negative coefficients are fed from the inverted rail
        return held if error is None else torch.addcmul(held, held.clamp_max(0.0), error)

    def resistors(self, name: Literal["damping", "drive"], like: Tensor) -> Vector:
        """One plus the deviation of each."""
        one = torch.ones_like(like[0])
        return one + self.errors.cells(name, like.shape[1], like) if self.effects.conductance else one


@dataclass(frozen=True, slots=True, eq=False)
class LoadedJacobian:
    """J_in, its rows divided by their stages' gain errors, and J_out.

    Attributes:
        row_gain, row_sum: (r,) sum |G| and sum G of J_in's rows, column_gain, column_sum: (N,) those of J_out's
            columns, of the arrays as they hold `stage J`.
        rails: what the inverted rails' own offsets put into the stages and into the cells [V]; None where nothing.
        clipped: entries beyond the range.
    """

    J_in: Jacobian
    J_out: Jacobian
    row_gain: Rows
    row_sum: Rows
    column_gain: Vector
    column_sum: Vector
    rails: tuple[Rows, Vector] | None = None
    clipped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class LoadedHessian:
    """H, its rows divided by their stages' gain errors; None is the identity, without an array.

    Attributes:
        gain, sum: (r,) sum |G| and sum G of its rows.
        rails: (r,) what inverted rails put into its stages [V].
        clipped: entries beyond the range.
    """

    H: Tensor | None
    gain: Rows
    sum: Rows
    rails: Rows
    clipped: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CascadeArrays(Deviations):
    """Those of a cascade: J and J^T are two arrays, H a third."""

    errors: CascadeErrors

    def feedback(self, name: Amplifiers, like: Vector) -> Vector | None:
        """One plus the deviation of each stage's feedback conductance; None where they are exact."""
        error = self.errors.feedback(name, len(like), like) if self.effects.conductance else None
        return None if error is None else 1.0 + error

    def biases(self, name: Amplifiers, like: Vector) -> Vector:
        """What the input currents of stages put out, through their own feedback resistors [V]."""
        bias = torch.full_like(like, self.amplifiers.bias)
        feedback = self.feedback(name, like)
        return bias if feedback is None else bias / feedback

    def jacobian(self, factors: Factors, stage: float, loading: Rows | None) -> LoadedJacobian:
        """loading: of the amplifiers behind J, by what they drive; None where that is J^T."""
        J = factors.J
        flawed = self._flawed
        rails = self.rail_offsets("cells", J[0])
        rail_lines = self.rail_offsets("hessian", J[:, 0])
        if not (flawed or self.amplifiers.inverse_gain > 0.0):
            into = None
            if rails is not None and rail_lines is not None:
                into = (
                    -stage * through_negative(J, rails[None])[0],
                    -stage * back_through_negative(J, rail_lines[None])[0],
                )
            sizes = stage * torch.linalg.vector_norm(J, 1, 1), stage * torch.linalg.vector_norm(J, 1, 0)
            return LoadedJacobian(J, J, sizes[0], stage * J.sum(1), sizes[1], stage * J.sum(0), into)
        # where the digital side needs J no more, the first array takes its place
        J_in = J if factors.scratch else room_for(len(J), J.shape[1], J)
        J_out = J
        if flawed or factors.scratch:
            J_out = room_for(len(J), J.shape[1], J)
        if not flawed and factors.scratch:
            J_out.copy_(J)
        full_scale = self.grid.full_scale(J, stage)
        clipped = 0
        columns = self.inverters("cells", J[0])
        lines = self.inverters("hessian", J[:, 0])
        feedback = self.feedback("forward", J[:, 0])
        row_gain = J.new_empty(len(J))
        row_sum = J.new_empty(len(J))
        column_gain = J.new_zeros(J.shape[1])
        column_sum = J.new_zeros(J.shape[1])
        into_rows = torch.zeros_like(row_gain)
        into_cells = torch.zeros_like(column_gain)
        # tile by tile, so that nothing but the two arrays themselves is as large as J
        for index, piece in enumerate(J.split(draws.TILE)):
            here = slice(index * draws.TILE, index * draws.TILE + len(piece))
            # a stage's output is its input current through its own feedback resistor
            unit = J.new_ones(()) if feedback is None else feedback[here]
            mismatch = self._mismatch("J", index, piece), self._mismatch("J^T", index, piece) if flawed else None
            totals, negatives, fed = (J.new_zeros(len(piece)) for _ in range(3))
            for columns_here in self._parts(piece):
                part = piece[:, columns_here]
                clipped += self.grid.clipped(part, full_scale)
                first = self.grid.rounded(part, full_scale)
                second = first if self.grid.rounding is None else self.grid.rounded(part, full_scale)
                if flawed:
                    second = self._held(second, mismatch[1], columns_here, stage)
                first = self._held(first, mismatch[0], columns_here, stage)
                # sum |G| = sum G - 2 sum min(G, 0), and what is negative is needed anyhow
                first_negative = first.clamp_max(0.0)
                second_negative = second.clamp_max(0.0)
                total = second.sum(0)
                column_sum[columns_here] += total
                column_gain[columns_here] += total.sub_(second_negative.sum(0), alpha=2.0)
                totals += first.sum(1)
                negatives += first_negative.sum(1)
                if rails is not None and rail_lines is not None:
                    fed += first_negative @ rails[columns_here]
                    into_cells[columns_here] -= stage * (rail_lines[here] @ second_negative)
                if flawed:
                    mine = None if lines is None else lines[here].unsqueeze(1)
                    self._with_inverters_into(J_out[here, columns_here], second, second_negative, mine)
                mine = None if columns is None else columns[columns_here]
                self._with_inverters_into(J_in[here, columns_here], first, first_negative, mine)
            gains = totals - 2.0 * negatives
            row_gain[here], row_sum[here] = stage * gains / unit, stage * totals / unit
            into_rows[here] = -stage * fed / unit
            pull = self._pull(row_gain[here], row_sum[here], None if loading is None else loading[here])
            J_in[here].div_((unit * (1.0 + pull)).unsqueeze(1))
        into = None if rails is None else (into_rows, into_cells)
        sums = row_gain, row_sum, column_gain.mul_(stage), column_sum.mul_(stage)
        return LoadedJacobian(J_in, J_out, *sums, into, clipped)

    def hessian(self, factors: Factors, stage: float) -> LoadedHessian:
        """The array holds `H/stage^2`."""
        H = factors.H
        like = factors.J[:, 0]
        if H is None:
            nothing = torch.zeros_like(like)
            return LoadedHessian(None, nothing, nothing, nothing)
        B, k, _ = H.shape
        full_scale = self.grid.full_scale(H, stage**-2)
        held = self.grid.rounded(H, full_scale)
        inverters = self.inverters("forward", like)
        rails = self.rail_offsets("forward", like)
        if self.effects.conductance and (error := self.errors.blocks(B, k, H)) is not None:
            held = held * (1.0 + error)
        if self.aged.programmed != 1.0:
            held = self.aged.programmed * held
        held = self.grid.switched(held, stage**-2)
        if (feedback := self.feedback("hessian", like)) is not None:
            held = held / feedback.reshape(B, k, 1)
        gain = held.abs().sum(2) / stage**2
        total = held.sum(2) / stage**2
        into = torch.zeros_like(like)
        if rails is not None:
            into = -torch.einsum("bij,bj->bi", held.clamp_max(0.0), rails.reshape(B, k)).reshape(-1) / stage**2
        held = self.with_inverters(held, None if inverters is None else inverters.reshape(B, 1, k))
        if self.amplifiers.inverse_gain > 0.0:
            # they drive the array J^T, whose rows are as long as those of J
            behind = stage * torch.linalg.vector_norm(factors.J, 1, 1), stage * factors.J.sum(1)
            loading = self.amplifiers.stage_loading(*behind).reshape(B, k)
            held = held / (1.0 + self.amplifiers.pull(1.0 + gain, loading)).unsqueeze(2)
        return LoadedHessian(held, gain.reshape(-1), total.reshape(-1), into, self.grid.clipped(H, full_scale))

    @property
    def _flawed(self) -> bool:
        effects = self.effects
        return effects.conductance or effects.inverter or not self.grid.exact or self.aged.programmed != 1.0

    def _pull(self, row_gain: Rows, row_sum: Rows, loading: Rows | None) -> Rows:
        """Of stages with so much conductance at their inputs, and without `loading` as much at their outputs."""
        if loading is None:
            loading = self.amplifiers.stage_loading(row_gain, row_sum)
        return self.amplifiers.pull(1.0 + row_gain, loading)

    def _parts(self, piece: Tensor) -> Iterator[slice]:
        """Columns of a tile that are worked on together, so few that they stay near the processor."""
        width = piece.shape[1]
        # stochastic rounding draws for a tile as a whole, and a GPU has too little to do with a part
        step = _COLUMNS if self.grid.rounding is None and piece.device.type == "cpu" else width
        return (slice(start, min(start + step, width)) for start in range(0, width, step))

    def _mismatch(self, name: Literal["J", "J^T"], tile: int, like: Tensor) -> tuple[Tensor, float] | None:
        """Relative errors of a tile's conductances, in a unit; only to read."""
        if not self.effects.conductance:
            return None
        return self.errors.tile(name, tile, len(like), like.shape[1], like)

    def _held(self, values: Tensor, mismatch: tuple[Tensor, float] | None, columns: slice, stage: float) -> Tensor:
        """Conductances in columns of a tile, each with the sign of its rail; a tensor to keep."""
        if mismatch is None:
            return self.grid.switched(self.aged.programmed * values, stage)
        error, unit = mismatch
        held = torch.addcmul(values, values, error[:, columns], value=unit)
        return self.grid.switched(held if self.aged.programmed == 1.0 else held.mul_(self.aged.programmed), stage)

    @staticmethod
    def _with_inverters_into(target: Tensor, held: Tensor, negative: Tensor, error: Tensor | None) -> None:
        if error is None:
            target.copy_(held)
        else:
            # negative coefficients are fed from the inverted rail
            torch.addcmul(held, negative, error, out=target)
