"""A drawn chip holding a program: arrays with their errors, and what they add to the drive."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from . import _draws as draws
from ._ageing import Aged
from ._convert import grid, to_grid
from ._factors import Factors
from ._loop import MAX_GROUPS, Loop
from ._population import Effects, PopulationLike
from ._types import Matrix, Rows, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Cascade:
    """A loaded cascade. `drive` (N,): relative gain of the drive inputs; `offset` (N,) [V]: added to the drive.

    `stage`: the J arrays hold `stage J`, the H array `H/stage^2`, which decides what the stages' own errors weigh.
    """

    loop: Loop
    drive: Vector
    offset: Vector
    stage: float
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Crossbar:
    """A loaded crossbar: `dx = -(F x - drive b - offset) ds`, both divided by D."""

    F: Matrix
    D: Vector
    drive: Vector
    offset: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """The chip number `seed` of a population. The same position in an array has the same error at every program."""

    population: PopulationLike
    effects: Effects
    seed: int
    rounding: torch.Generator | None = None
    aged: Aged = Aged()

    def load_cascade(self, factors: Factors, groups: int = MAX_GROUPS) -> Cascade:
        J, lam = factors.J, factors.damping
        stage = 1.0 if factors.H is None else 1.0 / math.sqrt(factors.batch)
        J_in, J_out, row_gain, column_gain = self._arrays(factors, stage)
        if not bool(row_gain.isfinite().all()):
            raise ValueError("DeviceSPU: the factors are not finite; lower lr or raise the damping")
        H, hessian_gain = self._hessian(factors, stage)
        D, drive = self._cells(J)
        leak = (1.0 + lam + column_gain) * self._inverse_gain
        held = lam * self.aged.programmed * (1.0 + self._error("damping", J))
        loop = Loop(D, held + leak, J_in, J_out, H, groups)
        offset = self._offset("cells", J[0]) * (1.0 + lam + column_gain)
        first = self._offset("forward", J[:, 0]) * (1.0 + row_gain)
        offset = offset - J_out.T @ loop.hessian(first) / stage
        if H is not None:
            offset = offset - stage * (J_out.T @ (self._offset("hessian", J[:, 0]) * (1.0 + hessian_gain)))
        return Cascade(loop, drive, offset, stage, exact=J_in is J and J_out is J and H is factors.H)

    def load_crossbar(self, A: Matrix) -> Crossbar:
        n = len(A)
        held = self._with_inverters(self._rounded(A, float(A.abs().max())), self._inverters("cells", A[0]))
        if self.effects.conductance:
            held = held * (1.0 + self.population.conductance_sigma * draws.rows(self.seed, "A", n, n, A))
        held = self.aged.programmed * held
        gain = 1.0 + held.abs().sum(1)
        D, drive = self._cells(A)
        F = (held + torch.diag(gain * self._inverse_gain)) / D.unsqueeze(1)
        return Crossbar(F, D, drive, self._offset("cells", A[0]) * gain)

    def _arrays(self, factors: Factors, stage: float) -> tuple[Tensor, Tensor, Rows, Vector]:
        """J_in (its rows divided by the stages' finite gain) and J_out, and sum |G| of their rows and columns."""
        J = factors.J
        changed = self.aged.programmed != 1.0
        flawed = self.effects.conductance or self.effects.inverter or self._bits is not None or changed
        if not (flawed or self._inverse_gain > 0.0):
            return J, J, stage * J.abs().sum(1), stage * J.abs().sum(0)
        # where the digital side needs J no more, the first array takes its place
        J_in = J if factors.scratch else torch.empty_like(J)
        J_out = torch.empty_like(J) if flawed else J.clone() if factors.scratch else J
        # no temporary as large as J
        full_scale = float(torch.stack(J.aminmax()).abs().max())
        columns, lines = self._inverters("cells", J[0]), self._inverters("hessian", J[:, 0])
        row_gain, column_gain = J.new_empty(len(J)), J.new_zeros(J.shape[1])
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
            row_gain[here] = stage * first.abs().sum(1)
            J_in[here] = first.div_((1.0 + (1.0 + row_gain[here]) * self._inverse_gain).unsqueeze(1))
        return J_in, J_out, row_gain, column_gain.mul_(stage)

    def _held(self, values: Tensor, name: str, tile: int, inverter: Tensor | None) -> Tensor:
        held = self._with_inverters(values, inverter)
        if not self.effects.conductance:
            return self.aged.programmed * held
        error = draws.tile(self.seed, name, tile, values.shape[1])[: len(values)].to(values)
        error.mul_(self.population.conductance_sigma).add_(1.0).mul_(held)
        return error if self.aged.programmed == 1.0 else error.mul_(self.aged.programmed)

    def _hessian(self, factors: Factors, stage: float) -> tuple[Tensor | None, Tensor]:
        H = factors.H
        if H is None:
            return None, factors.J.new_zeros(0)
        B, k, _ = H.shape
        held = self._rounded(H, float(H.abs().max()))
        inverters = self._inverters("forward", factors.J[:, 0])
        held = self._with_inverters(held, None if inverters is None else inverters.reshape(B, 1, k))
        if self.effects.conductance:
            error = draws.rows(self.seed, "H", B, k * k, H).reshape(B, k, k)
            held = held * (1.0 + self.population.conductance_sigma * error)
        if self.aged.programmed != 1.0:
            held = self.aged.programmed * held
        gain = held.abs().sum(2) / stage**2
        if self._inverse_gain > 0.0:
            held = held / (1.0 + (1.0 + gain) * self._inverse_gain).unsqueeze(2)
        return held, gain.reshape(-1)

    def _cells(self, like: Tensor) -> tuple[Vector, Vector]:
        D = torch.ones_like(like[0])
        if self.effects.capacitance:
            error = draws.vector(self.seed, "capacitance", like.shape[1], like)
            D = D * (1.0 + self.population.capacitor_sigma * error)
        return D * (1.0 + self._inverse_gain), 1.0 + self._error("drive", like)

    def _error(self, name: str, like: Tensor) -> Vector:
        if not self.effects.conductance:
            return torch.zeros_like(like[0])
        return self.population.conductance_sigma * draws.vector(self.seed, name, like.shape[1], like)

    def _offset(self, name: str, like: Vector) -> Vector:
        if not self.effects.offset:
            return torch.zeros_like(like)
        sigma, mean = self.population.offset_sigma, self.population.offset_mean
        return mean + self.aged.offset + sigma * draws.vector(self.seed, f"offset {name}", len(like), like)

    def _inverters(self, name: str, like: Vector) -> Vector | None:
        if not self.effects.inverter or self.population.inverter_sigma == 0.0:
            return None
        return self.population.inverter_sigma * draws.vector(self.seed, f"inverter {name}", len(like), like)

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
