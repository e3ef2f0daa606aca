"""The analog loop of a cascade whose stages take time to settle."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ..._exceptions import UnstableLoop
from ..._types import Rows, Vector
from ._arnoldi import hessenberg
from ._cascade_loop import Loop, ShiftedLoop, refuse_slow_decay
from ._heard_modes import heard

HARMLESS = 0.25
"""Once round the loop in units of the slowest stage's rate: up to here its lag is no danger, whatever the program.

Equal stages oscillate at 2, unequal ones of a diagonal H not below 1.5."""
MODES = 80
"""Krylov vectors that find the modes at the spectrum's edge, where those are that ring."""
CONVERGED = 0.03

_WIDEST = math.radians(75.0)
"""Modes closer to the imaginary axis take many noise steps each."""

State = Float[Tensor, " states"]


@dataclass(frozen=True, eq=False)
class LaggedLoop:
    """`D x' = d - Lam x - J_out^T w, u' = -first (u - J_in x), w' = -second (w - H u)`, time in tau.

    The stages' outputs u and w are states beside the cells' x; without an H there is one stage, `w = u`. Nothing
    of size N x N: with u and w eliminated, `p + h F` is that of the loop without lags whose H is
    `a_2 H a_1`, a = h omega/(p + h omega), and its arrays' products serve as they are.

    first, second: (r,) rates of the stages [1/tau]; `second` is None where the base has no H. delay [tau]: so much
    later the cells show x. States are (x, u, w) in one vector, u and w scaled by `scale`.
    """

    base: Loop
    first: Rows
    second: Rows | None
    delay: float = 0.0

    @cached_property
    def scale(self) -> float:
        """Makes stage voltages weigh about as much as the cells' in a norm."""
        return float(self.base.grams.sum(0).norm().clamp_min(torch.finfo(self.first.dtype).tiny)) ** -0.5

    @property
    def lag(self) -> float:
        """Longest delay through the stages [tau]."""
        slowest = [self.first] if self.second is None else [self.first, self.second]
        return sum(1.0 / float(rates.min()) for rates in slowest)

    def settled(self, x: Vector) -> State:
        """The state with cells at x and the stages settled there."""
        u = self.base.J_in @ x
        return self._joined(x, u, u if self.second is None else self.base.hessian(u))

    def pulled(self, settled: State) -> State:
        """F z of a state whose stages are settled: they stay where they are, and the cells take one product."""
        base = self.base
        x, _, w = self.parts(settled)
        return self.driven((base.Lam * x + base.J_out.T @ w) / base.D)

    def driven(self, d: Vector) -> State:
        """The drive d of the cells as that of the state."""
        u = torch.zeros_like(self.first)
        return self._joined(d, u, u)

    def driven_many(self, d: Tensor, first: Tensor, second: Tensor | None) -> Tensor:
        """`driven` for each row of d (count, N), first and second (count, r)."""
        u = self.scale * self.first * first
        if self.second is None or second is None:
            return torch.cat([d, u], 1)
        return torch.cat([d, u, self.scale * self.second * second], 1)

    def cells(self, z: State) -> Vector:
        return z[: len(self.base.D)]

    def parts(self, z: State) -> tuple[Vector, Rows, Rows]:
        """x, u and w."""
        N = len(self.base.D)
        r = len(self.first)
        x = z[:N]
        u = z[N : N + r] / self.scale
        w = z[-r:] / self.scale
        return x, u, w

    def matvec(self, z: State) -> State:
        """F z."""
        base = self.base
        x, u, w = self.parts(z)
        cells = (base.Lam * x + base.J_out.T @ w) / base.D
        second = u if self.second is None else self.second * (w - base.hessian(u))
        return self._joined(cells, self.first * (u - base.J_in @ x), second)

    def rows_of(self, states: Float[Tensor, "count states"]) -> Float[Tensor, "count r"] | None:
        """As that of the base, of the cells."""
        return self.base.rows_of(states[:, : len(self.base.D)])

    def shifted(self, p: float, h: float) -> "LaggedShifted":
        """A solver for p + h F."""
        first = _kept(self.first, p, h)
        H = self.base.H
        if H is None or self.second is None:
            H = first.reshape(-1, 1, 1)
        else:
            B, k, _ = H.shape
            H = _kept(self.second, p, h).reshape(B, k, 1) * H * first.reshape(B, 1, k)
        through = replace(self.base, H=H)
        # what the loop has worked out of its arrays and cells does not depend on H
        vars(through).update({name: getattr(self.base, name) for name in ("rates", "group", "group_rates", "grams")})
        return LaggedShifted(self, p, h, through.shifted(p, h))

    def negligible(self, t: float, tol: float) -> bool:
        """Is the state after t the one without lags, to a relative `tol`?

        To first order a lag delta turns a decay rate s into `s (1 + s delta)`, which changes `exp(-s t)` by
        `s^2 delta t exp(-s t)`: at most `4 delta/(e^2 t)`, and at most `S^2 delta t` for the fastest rate S.
        """
        if t == 0.0 or math.isinf(t):
            return True
        fastest = self.base.speed()
        return self.lag * fastest <= HARMLESS and self.lag * min(4.0 * math.exp(-2.0) / t, fastest**2 * t) <= tol

    def unheard(self, t: float, tol: float) -> bool:
        """Is the noise after t the one without lags, its variance to a relative `tol`?

        To first order a lag delta multiplies the variance of a mode of decay rate s by `1 + s delta`, and a stage's
        noise, filtered, accumulates in t as if it began delta later.
        """
        return self.lag * max(self.base.speed(), 1.0 / t) <= tol

    def modes(self, tol: float) -> Complex[np.ndarray, " modes"]:
        """Rates like those of this loop, real and (one of each pair) complex, that carry a part `tol` of the noise.

        Roots z of `(rate - z)(1 - z/omega_1)(1 - z/omega_2) + lambda`, all cells and the stages of each kind alike, for
        lambda up to what the arrays add to the fastest mode; at most 75 degrees from a decay that does not ring.
        """
        lags = np.poly1d([1.0])
        for poles in (self.first, self.second):
            if poles is not None:
                lags *= np.poly1d([-1.0 / float(poles.median()), 1.0])
        loop = np.poly1d([-1.0, float(self.base.rates.median())]) * lags
        added = self._added()
        z = heard(loop, lags, np.geomspace(1e-3 * added, added, 40), tol)
        angle = np.clip(np.angle(z), -_WIDEST, _WIDEST)
        return np.asarray((np.abs(z) * np.exp(1j * angle))[z.imag >= 0.0])

    def _added(self) -> float:
        """The largest that the arrays add to a decay rate, by the power method."""
        turn = self.base.turn
        x = turn.abs().sum(1)
        size = 0.0
        for _ in range(20):
            x = x / x.norm().clamp_min(torch.finfo(x.dtype).tiny)
            x = turn @ x
            size = float(x.norm())
        return max(size, torch.finfo(x.dtype).tiny)

    def check_stable(self, t: float) -> None:
        """Raises UnstableLoop when the lags make a mode grow by more than e within t; the base has its own check."""
        if self.harmless:
            return
        growth = self.growth
        if not (growth < 0.0 or growth * t <= 1.0):
            slowest = self.slowest
            raise UnstableLoop(
                f"device: the stages' amplifiers are too slow, the loop rings up as exp({growth:.3g} t/tau), "
                f"t = {t:g}; the slowest stage settles with {slowest:.3g}/tau: "
                "raise the gain-bandwidth or tau, or shorten t",
                1.0 / growth if growth > 0.0 else math.inf,
            )

    def check_decay(self, least: float) -> None:
        """As that of `Loop`."""
        if not self.harmless:
            refuse_slow_decay(self.growth, least)

    @property
    def harmless(self) -> bool:
        """Whether no lag can make it ring up; one stage settles whatever its rate."""
        return self.second is None or float(self.base.turn.norm()) <= HARMLESS * self.slowest

    @property
    def slowest(self) -> float:
        """Rate of the slowest stage [1/tau]."""
        rates = self.first if self.second is None else torch.minimum(self.first, self.second)
        return float(rates.min())

    @cached_property
    def growth(self) -> float:
        """Largest real part of -F's eigenvalues with the slowest cell's rate in every cell, those of a 3r x 3r matrix.

        As `Loop.growth`, right when all rates are equal. By Arnoldi's method, and by all eigenvalues where that leaves
        a doubt: a mode that rings is an extreme point of the spectrum, and found among the first.
        """
        found = _rightmost(self._rings, self._ring_size, self.first)
        if found is not None:
            return found
        columns = [self._rings(e) for e in torch.eye(self._ring_size).to(self.first)]
        return float(torch.linalg.eigvals(torch.stack(columns, 1)).real.max())

    @property
    def _ring_size(self) -> int:
        return (2 if self.base.H is None or self.second is None else 3) * len(self.first)

    @cached_property
    def _unit(self) -> float:
        """Of w, which makes the ring's blocks alike."""
        return 1.0 if self.base.H is None else float(self.base.H.abs().sum(2).max()) or 1.0

    def _rings(self, z: State) -> State:
        """-F of `J_in x`, u and w, by blocks: the whole would be as large as the arrays."""
        base = self.base
        r = len(self.first)
        x = z[:r]
        u = z[r : 2 * r]
        w = z[-r:]
        cells = -float(base.rates.min()) * x - self._unit * (self._turned @ w)
        first = self.first * (x - u)
        if base.H is None or self.second is None:
            return torch.cat([cells, first])
        return torch.cat([cells, first, self.second * (base.hessian(u) / self._unit - w)])

    @cached_property
    def _turned(self) -> Float[Tensor, "r r"]:
        grams = self.base.grams
        return grams[0] if len(grams) == 1 else grams.sum(0)

    def _joined(self, x: Vector, u: Rows, w: Rows) -> State:
        if self.second is None:
            return torch.cat([x, self.scale * u])
        return torch.cat([x, self.scale * u, self.scale * w])


@dataclass(frozen=True, eq=False)
class LaggedShifted:
    """Solves `(p + h F) z = f` with the stages eliminated; `through` is what is left for the cells."""

    loop: LaggedLoop
    p: float
    h: float
    through: ShiftedLoop

    def solve(self, f: State, tol: float) -> State:
        """z with |f - (p + h F) z| <= tol |f|, or to rounding. Raises StalledSolve."""
        return self._solved(f, None, tol)[0]

    def carried(self, f: State, rows: Rows, tol: float) -> tuple[State, Rows]:
        """As that of `ShiftedLoop`, with the rows of the cells."""
        return self._solved(f, rows, tol)

    def trusts(self, tol: float) -> bool:
        """As that of `ShiftedLoop`."""
        return self.through.trusts(tol)

    def _solved(self, f: State, known: Rows | None, tol: float) -> tuple[State, Rows]:
        loop, (x, u, w) = self.loop, self.loop.parts(f)
        u = u / (self.p + self.h * loop.first)  # what the stages give without the cells
        if loop.second is None:
            x, rows = self.through.driven(x, u, tol, float(f.norm()), known)
            w = u = u + _kept(loop.first, self.p, self.h) * rows
        else:
            kept = _kept(loop.second, self.p, self.h)
            w = w / (self.p + self.h * loop.second) + kept * loop.base.hessian(u)
            x, rows = self.through.driven(x, w, tol, float(f.norm()), known)
            u = u + _kept(loop.first, self.p, self.h) * rows
            w = w + self.through.loop.hessian(rows)
        return loop._joined(x, u, w), rows


def _kept(omega: Rows, p: float, h: float) -> Rows:
    return h * omega / (p + h * omega)


def _rightmost(apply: Callable[[State], State], size: int, like: Tensor) -> float | None:
    """Largest real part of the eigenvalues by a Krylov space; None where it has not found that of a growing mode."""
    m = MODES
    if size <= 2 * m:
        return None  # all of them cost no more
    found = hessenberg(apply, size, m, like)
    values, vectors = torch.linalg.eig(found[:m])
    left = found[m, m - 1] * vectors[-1].abs()
    if bool(((values.real > 0.0) & (left > CONVERGED * values.real)).any()):
        return None
    return float(values.real.max())
