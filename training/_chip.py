"""A chip holding a program: arrays with their errors, and what they add to the drive."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from . import _draws as draws
from ._ageing import NEW, Aged
from ._convert import grid, to_grid
from ._errors import Amplifiers, ChipErrors
from ._factors import Factors
from ._lagged_loop import LaggedLoop
from ._loop import MAX_GROUPS, Loop
from ._population import Effects, PopulationLike
from ._types import Matrix, Rows, Vector


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
class Cascade:
    """A loaded cascade. `drive` (N,): relative gain of the drive inputs; `offset` (N,) [V]: added to the drive.

    `stage`: the J arrays hold `stage J`, the H array `H/stage^2`, which decides what the stages' own errors weigh.
    `lagged`: the same loop with stages that take time; None where they take none.
    """

    loop: Loop
    lagged: LaggedLoop | None
    loads: Loads
    drive: Vector
    offset: Vector
    stage: float
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Crossbar:
    """A loaded crossbar: `dx = -(F x - drive b - offset) ds`, both divided by D. `loads`: as `Loads.cells`."""

    F: Matrix
    D: Vector
    drive: Vector
    offset: Vector
    loads: Vector


@dataclass(frozen=True, slots=True, eq=False)
class _Arrays:
    """J_in (its rows divided by their stages' gain errors) and J_out; sum |G| of their rows and columns, sum G
    of J_in's rows.

    `rails` [V]: what the inverted rails' own offsets put into the stages and into the cells; None where nothing.
    """

    J_in: Tensor
    J_out: Tensor
    row_gain: Rows
    row_sum: Rows
    column_gain: Vector
    rails: tuple[Rows, Vector] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """One chip. The same position in an array has the same error at every program."""

    population: PopulationLike
    effects: Effects
    errors: ChipErrors
    rounding: torch.Generator | None = None
    aged: Aged = NEW

    def load_cascade(self, factors: Factors, groups: Callable[[float], int] = lambda fastest: MAX_GROUPS) -> Cascade:
        """groups: into how many the cells are sorted, when the fastest of them decays with so much [1/tau]."""
        lam, given = factors.damping, factors.H
        stage = 1.0 if given is None else 1.0 / math.sqrt(factors.batch)
        arrays = self._arrays(factors, stage)
        J_out, like = arrays.J_out, arrays.J_out
        if not bool(arrays.row_gain.isfinite().all()):
            raise ValueError("DeviceSPU: the factors are not finite; lower lr or raise the damping")
        H, hessian_gain, hessian_rails = self._hessian(factors, stage)
        gain = 1.0 + lam + arrays.column_gain
        D, drive = self._cells(like, gain)
        held = lam * self.aged.programmed * (1.0 + self._error("damping", like))
        Lam = held + gain * self._inverse_gain
        loop = Loop(D, Lam, arrays.J_in, J_out, H, groups(float((Lam / D).max())))
        first = self._offset("forward", like[:, 0]) * (1.0 + arrays.row_gain)
        offset = self._offset("cells", like[0]) * gain
        if arrays.rails is not None:
            first, offset = first - arrays.rails[0], offset - arrays.rails[1]
        offset = offset + J_out.T @ loop.hessian(first) / stage  # inverted twice on its way, the other once
        if H is not None:
            second = self._offset("hessian", like[:, 0]) * (1.0 + hessian_gain) - hessian_rails
            offset = offset - stage * (J_out.T @ second)
        exact = arrays.J_in is factors.J and J_out is factors.J and H is given
        last = 1.0 + arrays.row_gain + self._rail
        loads = Loads(
            lam + arrays.column_gain + self._rail, last if H is None else 1.0 + hessian_gain + self._rail, last
        )
        return Cascade(loop, self._lagged(loop, arrays, hessian_gain, stage), loads, drive, offset, stage, exact)

    def load_crossbar(self, A: Matrix) -> Crossbar:
        n = len(A)
        held = self._with_inverters(self._rounded(A, float(A.abs().max())), self._inverters("cells", A[0]))
        if self.effects.conductance and (error := self.errors.crossbar(n, A)) is not None:
            held = held * (1.0 + error)
        held = self.aged.programmed * held
        gain = 1.0 + held.abs().sum(1)
        D, drive = self._cells(A, gain)
        F = (held + torch.diag(gain * self._inverse_gain)) / D.unsqueeze(1)
        return Crossbar(F, D, drive, self._offset("cells", A[0]) * gain, held.abs().sum(0) + self._rail)

    def _arrays(self, factors: Factors, stage: float) -> _Arrays:
        J = factors.J
        changed = self.aged.programmed != 1.0
        flawed = self.effects.conductance or self.effects.inverter or self._bits is not None or changed
        if not (flawed or self._inverse_gain > 0.0):
            return _Arrays(J, J, stage * J.abs().sum(1), stage * J.sum(1), stage * J.abs().sum(0))
        # where the digital side needs J no more, the first array takes its place
        J_in = J if factors.scratch else torch.empty_like(J)
        J_out = torch.empty_like(J) if flawed else J.clone() if factors.scratch else J
        # no temporary as large as J
        full_scale = float(torch.stack(J.aminmax()).abs().max())
        columns, lines = self._inverters("cells", J[0]), self._inverters("hessian", J[:, 0])
        rails, rail_lines = self._rails("cells", J[0]), self._rails("hessian", J[:, 0])
        feedback = self._feedback("forward", J[:, 0])
        row_gain, row_sum, column_gain = J.new_empty(len(J)), J.new_empty(len(J)), J.new_zeros(J.shape[1])
        into_rows, into_cells = torch.zeros_like(row_gain), torch.zeros_like(column_gain)
        # tile by tile, so that nothing but the two arrays themselves is as large as J
        for index, piece in enumerate(J.split(draws.TILE)):
            here = slice(index * draws.TILE, index * draws.TILE + len(piece))
            first = self._rounded(piece, full_scale)
            second = first if self.rounding is None else self._rounded(piece, full_scale)
            if flawed:
                line = None if lines is None else lines[here].unsqueeze(1)
                J_out[here] = self._held(second, "J^T", index, line)
            column_gain += J_out[here].abs().sum(0)
            first = self._held(first, "J", index, columns)
            if feedback is not None:
                first.div_(feedback[here].unsqueeze(1))
            row_gain[here], row_sum[here] = stage * first.abs().sum(1), stage * first.sum(1)
            if rails is not None and rail_lines is not None:
                into_rows[here] = stage * (first.clamp_max(0.0) @ rails).neg_()
                into_cells -= stage * (rail_lines[here] @ J_out[here].clamp_max(0.0))
            J_in[here] = first.div_((1.0 + (1.0 + row_gain[here]) * self._inverse_gain).unsqueeze(1))
        into = None if rails is None else (into_rows, into_cells)
        return _Arrays(J_in, J_out, row_gain, row_sum, column_gain.mul_(stage), into)

    def _held(self, values: Tensor, name: Literal["J", "J^T"], tile: int, inverter: Tensor | None) -> Tensor:
        held = self._with_inverters(values, inverter)
        error = None
        if self.effects.conductance:
            error = self.errors.tile(name, tile, len(values), values.shape[1], values)
        if error is None:
            return self.aged.programmed * held
        torch.addcmul(held, held, error, out=error)
        return error if self.aged.programmed == 1.0 else error.mul_(self.aged.programmed)

    def _hessian(self, factors: Factors, stage: float) -> tuple[Tensor | None, Rows, Rows]:
        """H (its rows divided by their stages' gain errors), sum |G| of its rows, what inverted rails put in [V]."""
        H, like = factors.H, factors.J[:, 0]
        if H is None:
            return None, torch.zeros_like(like), torch.zeros_like(like)
        B, k, _ = H.shape
        held = self._rounded(H, float(H.abs().max()))
        inverters, rails = self._inverters("forward", like), self._rails("forward", like)
        held = self._with_inverters(held, None if inverters is None else inverters.reshape(B, 1, k))
        if self.effects.conductance and (error := self.errors.blocks(B, k, H)) is not None:
            held = held * (1.0 + error)
        if self.aged.programmed != 1.0:
            held = self.aged.programmed * held
        if (feedback := self._feedback("hessian", like)) is not None:
            held = held / feedback.reshape(B, k, 1)
        gain = held.abs().sum(2) / stage**2
        into = torch.zeros_like(like)
        if rails is not None:
            into = -torch.einsum("bij,bj->bi", held.clamp_max(0.0), rails.reshape(B, k)).reshape(-1) / stage**2
        if self._inverse_gain > 0.0:
            held = held / (1.0 + (1.0 + gain) * self._inverse_gain).unsqueeze(2)
        return held, gain.reshape(-1), into

    def _lagged(self, loop: Loop, arrays: _Arrays, hessian_gain: Rows, stage: float) -> LaggedLoop | None:
        if self._lag == 0.0:
            return None
        inverted = (arrays.row_gain - arrays.row_sum) / arrays.row_gain.clamp_min(1e-30)  # twice its part, 0 to 2
        first = 1.0 + arrays.row_gain + inverted
        if loop.H is None:
            return LaggedLoop(loop, self._rate(first + 1.0 + inverted), None, self._lag)
        cancelled = loop.H.sum(2).reshape(-1) / stage**2
        second = 1.0 + hessian_gain + 1.0 + inverted + 1.0 - cancelled / hessian_gain.clamp_min(1e-30)
        return LaggedLoop(loop, self._rate(first), self._rate(second), self._lag)

    def _rate(self, noise_gain: Rows) -> Rows:
        # the pole of a closed loop; at least as fast as the open one
        return (1.0 / noise_gain + self._inverse_gain) / self._lag

    def _cells(self, like: Tensor, noise_gain: Vector) -> tuple[Vector, Vector]:
        D = torch.ones_like(like[0])
        if self.effects.capacitance:
            D = D * (1.0 + self.errors.cells("capacitance", like.shape[1], like))
        D = D * (1.0 + self._inverse_gain) + noise_gain * self._lag
        return D, 1.0 + self._error("drive", like)

    def _error(self, name: Literal["damping", "drive"], like: Tensor) -> Vector:
        return self.errors.cells(name, like.shape[1], like) if self.effects.conductance else torch.zeros_like(like[0])

    def _offset(self, name: Amplifiers, like: Vector) -> Vector:
        if not self.effects.offset:
            return torch.zeros_like(like)
        return self.aged.offset + self.errors.offsets(name, len(like), like)

    def _rails(self, name: Amplifiers, like: Vector) -> Vector | None:
        return self.errors.inverter_offsets(name, len(like), like) if self.effects.offset else None

    def _inverters(self, name: Amplifiers, like: Vector) -> Vector | None:
        return self.errors.inverters(name, len(like), like) if self.effects.inverter else None

    def _feedback(self, name: Amplifiers, like: Vector) -> Vector | None:
        error = self.errors.feedback(name, len(like), like) if self.effects.conductance else None
        return None if error is None else 1.0 + error

    def _with_inverters(self, held: Tensor, error: Tensor | None) -> Tensor:
        # negative coefficients are fed from the inverted rail
        return held if error is None else torch.addcmul(held, held.clamp_max(0.0), error)

    def _rounded(self, values: Tensor, full_scale: float) -> Tensor:
        return to_grid(values, grid(full_scale, self._bits), self.rounding)

    @property
    def _bits(self) -> int | None:
        return self.population.dac_bits if self.effects.program_bits else None

    @property
    def _inverse_gain(self) -> float:
        return 1.0 / self.population.gain if self.effects.gain else 0.0

    @property
    def _lag(self) -> float:
        """Of an amplifier at noise gain 1, in the chip's own tau."""
        p = self.population
        if not self.effects.bandwidth:
            return 0.0
        return self.aged.rate / (2.0 * math.pi * p.gain_bandwidth * p.tau)

    @property
    def _rail(self) -> float:
        # an inverting amplifier has two resistors, an ideal inverter none
        return 0.0 if math.isinf(self.population.gain) else 2.0
