"""Relaxation of a loaded chip: one face for cascades and crossbars."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .._types import Matrix, Rows, Vector
from ..programs import block_product
from ..solvers import DenseFlow
from .chips import LoadedCascade, LoadedCrossbar
from .loops import Kept, Relaxing, noise_of_cells, refuse_growth, refuse_slow_decay, state_at, steps

HEARD = 0.1
"""Stages' modes with a smaller part of the noise than this times the tolerance may be less right."""
MAX_RELAXED = 100.0
"""An offset's response is right to this times the tolerance at least."""


@dataclass(frozen=True, slots=True, eq=False)
class CascadeFlow:
    """Nothing larger than the arrays. `tol`: of the mean, `noise_tol`: of the noise variance; both relative.

    rate: of the chip's own tau to the one that times are told in.
    """

    chip: LoadedCascade
    tol: float
    noise_tol: float
    stage_noise: bool
    rate: float = 1.0
    kept: Kept = field(default_factory=dict, init=False, repr=False)
    decaying: list[float] = field(default_factory=list, init=False, repr=False)

    @property
    def like(self) -> Tensor:
        return self.chip.loop.D

    def check_stable(self, t: float) -> None:
        """Raises UnstableLoop when errors of the arrays make a mode grow by more than e within t."""
        if self.decaying:
            return
        if not self.chip.exact:
            self.chip.loop.check_stable(t)
        if self.chip.lagged is not None:
            self.chip.lagged.check_stable(t)

    def check_decay(self, part: float) -> None:
        """Raises UnstableLoop unless every mode decays with this part of the slowest cell's own rate, however long.

        Modes of the stages do so at their amplifiers' poles, whatever the damping, and half of that is enough.
        """
        least = part * float(self.chip.loop.rates.min())
        if not self.chip.exact:
            self.chip.loop.check_decay(least)
        if self.chip.lagged is not None:
            self.chip.lagged.check_decay(min(least, 0.5 * self.chip.lagged.slowest))
        self.decaying.append(least)

    def stability(self, t: float) -> dict[str, float]:
        """Stats of a loop that `check_stable` has let pass, by what it knows already and some products of r x r."""
        if t == 0.0:
            return {}
        loop = self.chip.loop
        low, high = loop.edges
        slowest = float(loop.rates.min())
        growth = vars(loop).get("growth", -(slowest + min(low, 0.0)))
        if self.chip.lagged is not None:
            growth = max(growth, vars(self.chip.lagged).get("growth", growth))
        told = {"lambda_max": high, **_margin(growth, t)}
        slack = {"damping_slack": min(told["loop_margin"] / slowest, 1.0)} if slowest > 0.0 else {}
        return {**told, **slack}

    def mean(self, b: Vector, x0: Vector | None, t: float) -> Vector:
        """Response to the drive b and the amplifiers' offsets, from x0; all in volts."""
        d = (self.chip.drive * b + self.chip.offset) / self.chip.loop.D
        return self._state(d, _started(x0, self.chip.jump, t), t, self.tol)

    def offset(self, t: float, beside: float = 0.0) -> Vector:
        """Response to the amplifiers' offsets alone [V], to `tol` of its own norm or of `beside`, if that is larger."""
        loop = self.chip.loop
        d = self.chip.offset / self.chip.loop.D
        rate = float(loop.rates.min())
        largest = float(d.norm()) * (min(t, 1.0 / rate) if rate > 0.0 else t)
        relaxed = min(max(1.0, beside / largest if largest else 1.0), MAX_RELAXED)
        return self._state(d, _started(None, self.chip.jump, t), t, self.tol * relaxed)

    def _state(self, d: Vector, x0: Vector | None, t: float, tol: float) -> Vector:
        lagged = self.chip.lagged
        if lagged is not None:
            t = max(t - lagged.delay, 0.0)
        # by the flow's own tolerance, so that all that is asked for at a time comes from one loop
        if lagged is None or lagged.negligible(t, self.tol):
            return state_at(self.chip.loop, d, x0, t, tol, self.kept)
        z0 = None if x0 is None else lagged.settled(x0)
        pulled = None if z0 is None else lagged.pulled(z0)
        return lagged.cells(state_at(lagged, lagged.driven(d), z0, t, tol, self.kept, pulled))

    def noise(self, t: float, generator: torch.Generator) -> Vector:
        """One sample of the noise for kappa0 = 1, the stages settled at the start."""
        loop = self.chip.loop
        lagged = self.chip.lagged
        t = t if lagged is None else max(t - lagged.delay, 0.0)
        if t == 0.0:
            return torch.zeros_like(loop.D)
        wide = self.chip.noise.wide.sqrt() * _normal(loop.D, generator)
        # errors of H may slow a mode down below the slowest cell
        slowest = 0.5 * float(loop.rates.min())
        if lagged is None or lagged.unheard(t, self.noise_tol):
            ladder = steps(t, slowest, loop.speed(), self.noise_tol)
            forcings = self._forcings(self._normals(len(ladder), generator))
            return wide.add_(noise_of_cells(loop, None, forcings, ladder.tolist(), self.noise_tol))
        modes = lagged.modes(HEARD * self.noise_tol)
        ringing = modes[modes.imag > 0.0]
        ladder = steps(t, slowest, float(np.abs(modes).max()), self.noise_tol, ringing)
        forcings = self._lagged_forcings(self._normals(len(ladder), generator))
        return wide.add_(noise_of_cells(loop, lagged, forcings, ladder.tolist(), self.noise_tol))

    def covariance(self, t: float) -> Matrix:
        """Covariance of the noise for kappa0 = 1 after t; by matrices of all states, for small chips."""
        lagged = self.chip.lagged
        N = len(self.chip.loop.D)
        t = t if lagged is None else max(t - lagged.delay, 0.0)
        F, forcings = self._matrices()
        P = DenseFlow(F, forcings.T @ forcings).covariance(t)[:N, :N]
        return P if t == 0.0 else P + torch.diag(self.chip.noise.wide)

    def density(self) -> Vector:
        """Two-sided density of the settled noise at frequency zero, for kappa0 = 1 and per tau; as `covariance`."""
        F, forcings = self._matrices()
        return torch.linalg.solve(F, forcings.T)[: len(self.chip.loop.D)].square().sum(1)

    def _matrices(self) -> tuple[Matrix, Tensor]:
        """F of all states, and what each source of noise puts into them in one unit of time."""
        loop = self.chip.loop
        lagged = self.chip.lagged
        every = torch.eye(self.chip.noise.sources).to(loop.D)
        forcings = self._forcings(every) if lagged is None else self._lagged_forcings(every)
        states: Relaxing = loop if lagged is None else lagged
        units = torch.eye(forcings.shape[1]).to(loop.D)
        return torch.stack([states.matvec(unit) for unit in units], 1), forcings

    def strain(self, x: Vector, drive: Vector | None = None) -> float:
        """As `AmplifierLimits.strain`, the cells at x [V], the stages settled; slopes under a drive [V], if given."""
        limits = self.chip.limits
        loop = self.chip.loop
        stage = self.chip.stage
        if limits is None:
            return 0.0
        rows = loop.J_in @ x
        outputs = self._outputs(x, rows)
        if drive is None:
            return limits.strain(outputs)
        slope = self._slope(x, rows, drive)
        turned = stage * (loop.J_in @ slope)
        slopes = [slope, turned] if loop.H is None else [slope, turned, loop.hessian(turned) / stage**2]
        return limits.strain(outputs, torch.cat(slopes))

    def _outputs(self, x: Vector, rows: Rows) -> Tensor:
        """Of cells and stages [V], J_in x known."""
        chip = self.chip
        first = chip.first - chip.stage * rows
        if chip.loop.H is None:
            return torch.cat([x, first])
        return torch.cat([x, first, chip.second - chip.loop.hessian(first) / chip.stage**2])

    def _slope(self, x: Vector, rows: Rows, drive: Vector) -> Vector:
        """Of the cells [V/tau], J_in x known."""
        loop = self.chip.loop
        back = loop.Lam * x + loop.J_out.T @ loop.hessian(rows)
        return (self.chip.drive * drive + self.chip.offset - back) / loop.D

    def power(self, x: Vector, b: Vector) -> float:
        """Of all resistors [V^2/R0] with the cells at x and the drive b [V], the stages settled."""
        chip = self.chip
        u = chip.loop.J_in @ x
        total = _square(chip.loads.cells, x) + _square(1.0, b) + chip.stage**2 * _square(chip.loads.first, u)
        if chip.loop.H is not None:
            total += _square(chip.loads.second, chip.loop.hessian(u)) / chip.stage**2
        return total

    def _normals(self, count: int, generator: torch.Generator) -> Tensor:
        like = self.chip.loop.D
        sources = self.chip.noise.sources
        return torch.randn(count, sources, generator=generator, dtype=like.dtype).to(like.device)

    def _forcings(self, normals: Tensor) -> Tensor:
        loop = self.chip.loop
        total, first, second = self.chip.noise.forcing(loop, self.chip.stage, self.stage_noise, normals)
        through = first if loop.H is None else block_product(loop.H, first.T).T
        if second is not None:
            through = through + second
        return (total + through @ loop.J_out) / loop.D

    def _lagged_forcings(self, normals: Tensor) -> Tensor:
        lagged = self.chip.lagged
        assert lagged is not None
        total, first, second = self.chip.noise.forcing(self.chip.loop, self.chip.stage, self.stage_noise, normals)
        return lagged.driven_many(total / self.chip.loop.D, first, second)


@dataclass(frozen=True, slots=True, eq=False)
class CrossbarFlow:
    """A chip with one array, n x n."""

    chip: LoadedCrossbar
    rate: float = 1.0
    known: list[float] = field(default_factory=list, init=False, repr=False)

    @property
    def like(self) -> Tensor:
        return self.chip.D

    def check_stable(self, t: float) -> None:
        refuse_growth(self._growth, t)

    def check_decay(self, part: float) -> None:
        """Raises UnstableLoop where a mode grows; what the damping is of a dense program is not known."""
        refuse_slow_decay(self._growth, 0.0)

    def stability(self, t: float) -> dict[str, float]:
        """As `CascadeFlow.stability`, without what only a cascade has."""
        return {} if t == 0.0 else _margin(self._growth, t)

    @property
    def _growth(self) -> float:
        # once for all columns that a program is asked for
        if not self.known:
            self.known.append(-float(torch.linalg.eigvals(self.chip.F).real.min()))
        return self.known[0]

    def mean(self, b: Vector, x0: Vector | None, t: float) -> Vector:
        return self._flow().mean(self._driven(b), _started(x0, self.chip.jump, t), t)

    def offset(self, t: float, beside: float = 0.0) -> Vector:
        return self._flow().mean(self.chip.offset / self.chip.D, _started(None, self.chip.jump, t), t)

    def noise(self, t: float, generator: torch.Generator) -> Vector:
        if t == 0.0:
            return torch.zeros_like(self.chip.D)
        wide = self.chip.wide.sqrt() * _normal(self.chip.D, generator)
        return wide + self._flow().noise(t, _normal(self.chip.D, generator))

    def covariance(self, t: float) -> Matrix:
        """As `CascadeFlow.covariance`."""
        P = self._flow().covariance(t)
        return P if t == 0.0 else P + torch.diag(self.chip.wide)

    def density(self) -> Vector:
        """As `CascadeFlow.density`."""
        inverse = torch.linalg.inv(self.chip.F)
        return (inverse @ self.chip.diffusion @ inverse.T).diagonal()

    def strain(self, x: Vector, drive: Vector | None = None) -> float:
        """As `CascadeFlow.strain`."""
        limits = self.chip.limits
        if limits is None:
            return 0.0
        return limits.strain(x, None if drive is None else self._driven(drive) - self.chip.F @ x)

    def power(self, x: Vector, b: Vector) -> float:
        """Of all resistors [V^2/R0] with the cells at x and the drive b [V]."""
        return _square(self.chip.loads, x) + _square(1.0, b)

    def _flow(self) -> DenseFlow:
        return DenseFlow(self.chip.F, self.chip.diffusion)

    def _driven(self, b: Vector) -> Vector:
        return (self.chip.drive * b + self.chip.offset) / self.chip.D


DeviceFlow = CascadeFlow | CrossbarFlow


def _started(x0: Vector | None, jump: Vector | None, t: float) -> Vector | None:
    """The start [V] as soon as the amplifiers work; before, and where the start is forgotten, it does not matter."""
    if jump is None or t == 0.0 or math.isinf(t):
        return x0
    return jump if x0 is None else x0 + jump


def _margin(growth: float, t: float) -> dict[str, float]:
    """By how much a mode might grow faster [1/tau] before `refuse_growth`."""
    return {"growth": growth, "loop_margin": 1.0 / t - growth}


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def _square(conductance: Tensor | float, v: Tensor) -> float:
    return float((conductance * v.square()).sum())
