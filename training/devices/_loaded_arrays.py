"""A chip takes a program: what its deviations and its amplifiers make of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from .._types import Matrix, Rows, Vector
from ..programs import Factors
from .chips import (
    NEW,
    Aged,
    Amplifiers,
    ArrayGrid,
    CascadeArrays,
    CascadeErrors,
    CascadeNoise,
    ChipAmplifiers,
    CrossbarErrors,
    Deviations,
    DeviceEffects,
    LoadedCascade,
    LoadedCrossbar,
    LoadedHessian,
    LoadedJacobian,
    Loads,
    PopulationLike,
    rail_strength,
    strength,
)
from .loops import MAX_GROUPS, LaggedLoop, Loop


@dataclass(frozen=True, slots=True, eq=False)
class ChipArrays:
    """One chip. The same position in an array has the same error at every program."""

    population: PopulationLike
    effects: DeviceEffects
    rounding: torch.Generator | None = None
    aged: Aged = NEW

    def load_cascade(
        self, factors: Factors, errors: CascadeErrors, groups: Callable[[float], int] = lambda fastest: MAX_GROUPS
    ) -> LoadedCascade:
        """groups: into how many the cells are sorted, when the fastest of them decays with so much [1/tau]."""
        grid = self._grid
        amplifiers = self._amplifiers
        return _CascadeLoader(CascadeArrays(errors, self.effects, grid, amplifiers, self.aged)).load(factors, groups)

    def load_crossbar(self, A: Matrix, errors: CrossbarErrors) -> LoadedCrossbar:
        chip = Deviations(errors, self.effects, self._grid, self._amplifiers, self.aged)
        amplifiers = self._amplifiers
        full_scale = chip.grid.full_scale(A)
        held = chip.grid.rounded(A, full_scale)
        if self.effects.conductance and (error := errors.crossbar(len(A), A)) is not None:
            held = held * (1.0 + error)
        held = chip.grid.switched(self.aged.programmed * held)
        negative = held.clamp_max(0.0)

        drive = chip.resistors("drive", A)
        gain = drive + held.abs().sum(1)
        load = held.clamp_min(0.0).sum(0) + amplifiers.rail_load
        loading = amplifiers.loading(load)
        D = _time_constants(chip, A, gain, loading)
        fed = chip.with_inverters(held, chip.inverters("cells", A[0]))
        F = (fed + torch.diag(amplifiers.pull(gain, loading))) / D.unsqueeze(1)
        offset = chip.offsets("cells", A[0]) * gain + amplifiers.bias
        if (rail_offsets := chip.rail_offsets("cells", A[0])) is not None:
            offset = offset + negative @ rail_offsets

        # at high frequencies the capacitor shorts what lies between a cell's output and its own virtual ground, and an
        # inverter's two resistors are in series
        around = gain + load - 2.0 * held.diagonal().clamp_min(0.0) - amplifiers.rail_load / 2.0
        noise = torch.diag(strength(amplifiers.noise, gain) + amplifiers.noise.injected)
        if amplifiers.noise.rails:
            rails = rail_strength(amplifiers.noise, chip.inverter_errors("cells", A[0]))
            fed_by_rails = fed.clamp_max(0.0)
            noise = noise + (fed_by_rails * rails) @ fed_by_rails.T
        return LoadedCrossbar(
            F=F,
            D=D,
            drive=drive,
            offset=offset,
            jump=chip.offsets("cells", A[0]) if self.effects.offset else None,
            loads=held.abs().sum(0) + amplifiers.resistors,
            diffusion=2.0 * noise / D / D.unsqueeze(1),
            wide=amplifiers.readout_variance(around),
            limits=amplifiers.limits,
            clipped=chip.grid.clipped(A, full_scale),
        )

    @property
    def _grid(self) -> ArrayGrid:
        return ArrayGrid.of(self.population, self.effects, self.rounding)

    @property
    def _amplifiers(self) -> ChipAmplifiers:
        return ChipAmplifiers.of(self.population, self.effects, self.aged)


@dataclass(frozen=True, slots=True, eq=False)
class _CascadeLoader:
    chip: CascadeArrays

    def load(self, factors: Factors, groups: Callable[[float], int]) -> LoadedCascade:
        chip = self.chip
        amplifiers = chip.amplifiers
        stage = 1.0 if factors.H is None else 1.0 / math.sqrt(factors.batch)
        hessian = chip.hessian(factors, stage)
        # what hangs on the stages behind J: their own feedback, the columns of H, an inverted rail
        first_loading = amplifiers.stage_loading(hessian.gain, hessian.sum)
        jacobian = chip.jacobian(factors, stage, None if factors.H is None else first_loading)
        if not bool(jacobian.row_gain.isfinite().all()):
            raise ValueError("DeviceSPU: the factors are not finite; lower lr or raise the damping")
        exact = jacobian.J_in is factors.J and jacobian.J_out is factors.J and hessian.H is factors.H
        return self._damped(jacobian, hessian, stage, exact, groups, factors.damping)

    def _damped(
        self,
        jacobian: LoadedJacobian,
        hessian: LoadedHessian,
        stage: float,
        exact: bool,
        groups: Callable[[float], int],
        damping: float,
    ) -> LoadedCascade:
        chip = self.chip
        amplifiers = chip.amplifiers
        like = jacobian.J_in
        first_loading = amplifiers.stage_loading(hessian.gain, hessian.sum)
        lam = chip.grid.rounded_number(damping) * chip.aged.programmed
        held = chip.grid.switched(lam * chip.resistors("damping", like))
        drive = chip.resistors("drive", like)
        gain = drive + held + jacobian.column_gain
        load = held + (jacobian.column_gain + jacobian.column_sum) / 2.0 + amplifiers.rail_load
        D = _time_constants(chip, like, gain, amplifiers.loading(load))
        Lam = held + amplifiers.pull(gain, amplifiers.loading(load))
        loop = Loop(D, Lam, jacobian.J_in, jacobian.J_out, hessian.H, groups(float((Lam / D).max())))

        first, second, offset = self._offsets(loop, stage, gain, jacobian, hessian)
        last_loading = amplifiers.stage_loading(jacobian.row_gain, jacobian.row_sum)
        # at high frequencies the capacitor shorts the damping resistor, and an inverter's two are in series
        around = gain + load - 2.0 * held - amplifiers.rail_load / 2.0
        return LoadedCascade(
            loop=loop,
            lagged=self._lagged(
                loop, stage, jacobian, hessian, first_loading, last_loading, amplifiers.loading(around)
            ),
            loads=self._loads(held, jacobian, hessian),
            drive=drive,
            offset=offset,
            jump=chip.offsets("cells", gain) if chip.effects.offset else None,
            first=first,
            second=second,
            stage=stage,
            exact=exact,
            noise=self._noise(gain, around, jacobian, hessian),
            limits=amplifiers.limits,
            clipped=jacobian.clipped + hessian.clipped + self._clipped_damping(damping),
            damped=partial(self._damped, jacobian, hessian, stage, exact, groups),
        )

    def _offsets(
        self, loop: Loop, stage: float, gain: Vector, jacobian: LoadedJacobian, hessian: LoadedHessian
    ) -> tuple[Rows, Rows, Vector]:
        """Of the stages' outputs by their own amplifiers, and of the drive by all of them [V]."""
        chip = self.chip
        like = jacobian.row_gain
        first = chip.offsets("forward", like) * (1.0 + jacobian.row_gain) + chip.biases("forward", like)
        offset = chip.offsets("cells", gain) * gain + chip.amplifiers.bias
        if jacobian.rails is not None:
            first = first - jacobian.rails[0]
            offset = offset - jacobian.rails[1]
        offset = offset + loop.J_out.T @ loop.hessian(first) / stage  # inverted twice on its way, the other once
        if loop.H is None:
            return first, torch.zeros_like(first), offset
        second = chip.offsets("hessian", like) * (1.0 + hessian.gain) + chip.biases("hessian", like) - hessian.rails
        return first, second, offset - stage * (loop.J_out.T @ second)

    def _noise(self, gain: Vector, around: Vector, jacobian: LoadedJacobian, hessian: LoadedHessian) -> CascadeNoise:
        """around: conductances at the outputs of the cells at high frequencies."""
        amplifiers = self.chip.amplifiers
        sources = self.chip.amplifiers.noise
        forward, backward = (self.chip.feedback(name, jacobian.row_gain) for name in ("forward", "hessian"))
        second = None if hessian.H is None else strength(sources, 1.0 + hessian.gain, backward)
        return CascadeNoise(
            cells=strength(sources, gain) + sources.injected,
            first=strength(sources, 1.0 + jacobian.row_gain, forward),
            second=second,
            rails=self._rails(gain, jacobian.row_gain) if sources.rails else None,
            wide=amplifiers.readout_variance(around),
        )

    def _rails(self, cells: Vector, stages: Rows) -> tuple[Vector, Rows, Rows]:
        names: tuple[Amplifiers, ...] = ("cells", "forward", "hessian")
        of_cells, forward, backward = (
            rail_strength(self.chip.amplifiers.noise, self.chip.inverter_errors(name, like))
            for name, like in zip(names, (cells, stages, stages), strict=True)
        )
        return of_cells, forward, backward

    def _lagged(
        self,
        loop: Loop,
        stage: float,
        jacobian: LoadedJacobian,
        hessian: LoadedHessian,
        first_loading: Rows,
        last_loading: Rows,
        readout_loading: Vector,
    ) -> LaggedLoop | None:
        """The loadings are those of the stages behind J and behind H, and of the cells at high frequencies."""
        amplifiers = self.chip.amplifiers
        row_gain = jacobian.row_gain
        if amplifiers.lag == 0.0:
            return None
        inverted = (row_gain - jacobian.row_sum) / row_gain.clamp_min(1e-30)  # twice its part, 0 to 2
        first = 1.0 + row_gain + inverted
        # a cell answers late by its amplifier's lag, and all cells nearly alike
        delay = amplifiers.lag * float(readout_loading.mean())
        if loop.H is None:
            return LaggedLoop(loop, amplifiers.rate((first + 1.0 + inverted) * last_loading), None, delay)
        cancelled = loop.H.sum(2).reshape(-1) / stage**2
        second = 1.0 + hessian.gain + 1.0 + inverted + 1.0 - cancelled / hessian.gain.clamp_min(1e-30)
        rates = amplifiers.rate(first * first_loading), amplifiers.rate(second * last_loading)
        return LaggedLoop(loop, *rates, delay)

    def _loads(self, held: Vector, jacobian: LoadedJacobian, hessian: LoadedHessian) -> Loads:
        resistors = self.chip.amplifiers.resistors
        cells = held + jacobian.column_gain + resistors
        last = 1.0 + jacobian.row_gain + resistors
        return Loads(cells, last if hessian.H is None else 1.0 + hessian.gain + resistors, last)

    def _clipped_damping(self, damping: float) -> int:
        limit = self.chip.grid.range
        return int(limit is not None and damping > limit)


def _time_constants(chip: Deviations, like: Tensor, noise_gain: Vector, loading: Vector) -> Vector:
    """Of the cells [tau]: by their capacitors, and slower by their amplifiers."""
    D = torch.full_like(like[0], chip.amplifiers.slowness)
    if chip.effects.capacitance:
        D = D * (1.0 + chip.errors.cells("capacitance", like.shape[1], like))
    return D * (1.0 + chip.amplifiers.inverse_gain) + noise_gain * loading * chip.amplifiers.lag
