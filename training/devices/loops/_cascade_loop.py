"""The analog loop of a cascade: diagonal plus low rank, not symmetric."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from ..._exceptions import StalledSolve, UnstableLoop
from ..._types import Jacobian, OutputHessian, Rows, Vector
from ...programs import block_product
from ._arnoldi import edges, leftmost

MAX_GROUPS = 12
COARSE = 1e-3
"""Solves to no better than this need no check of rounding."""
# Columns of both arrays that are near the processor together, where one is divided before they are multiplied.
NEAR_COLUMNS = 1 << 12


@dataclass(frozen=True, eq=False)
class Loop:
    """`F = D^-1 (Lam + J_out^T H J_in)`, with D and Lam diagonal; nothing of size N x N.

    D: (N,) relative capacitances. Lam: (N,) damping conductances. J_in, J_out: (r, N) the two arrays that hold J.
    groups: cells are sorted by their rate Lam/D into at most so many groups; changes the work, not the answers.
    """

    D: Vector
    Lam: Vector
    J_in: Jacobian
    J_out: Jacobian
    H: OutputHessian | None
    groups: int = MAX_GROUPS

    def matvec(self, x: Vector) -> Vector:
        """F x."""
        return (self.Lam * x + self.J_out.T @ self.hessian(self.J_in @ x)) / self.D

    def hessian(self, u: Rows) -> Rows:
        return u if self.H is None else block_product(self.H, u)

    @cached_property
    def rates(self) -> Vector:
        """Lam/D, the decay rates outside the range of the arrays."""
        return self.Lam / self.D

    @cached_property
    def group(self) -> Integer[Tensor, " N"]:
        """Cells of nearly one rate share a group."""
        low = float(self.rates.min())
        high = float(self.rates.max())
        if self.groups == 1 or high - low <= 10 * torch.finfo(self.D.dtype).eps * high:
            return torch.zeros_like(self.rates, dtype=torch.int64)
        place = ((self.rates - low) * (self.groups / (high - low))).long().clamp_max(self.groups - 1)
        return place.unique(return_inverse=True)[1]

    @cached_property
    def group_rates(self) -> Float[Tensor, " groups"]:
        """Mean rate of each group."""
        counts = torch.bincount(self.group)
        return self.rates.new_zeros(len(counts)).index_add(0, self.group, self.rates) / counts

    def of_cells(self, values: Float[Tensor, " groups"]) -> Vector:
        """Of each cell its group's value; only to read."""
        return values.expand(len(self.D)) if len(values) == 1 else values[self.group]

    @cached_property
    def grams(self) -> Float[Tensor, "groups r r"]:
        """`J_in D^-1 J_out^T` over the cells of each group.

        Together they cost one product of r^2 N and serve every shift: with its group's rate in each cell's place,
        `J_in (p D + h Lam)^-1 J_out^T` is their sum with weights 1/(p + h rate).
        """
        r = len(self.J_in)
        groups = len(self.group_rates)
        grams = self.J_in.new_zeros(groups, r, r)
        if groups == 1:
            step = NEAR_COLUMNS if self.D.device.type == "cpu" else max(NEAR_COLUMNS, -(-len(self.D) // 12))
            for J_in, J_out, D in zip(*(x.split(step, -1) for x in (self.J_in, self.J_out, self.D)), strict=True):
                grams[0].addmm_(J_in / D, J_out.T)
            return grams
        for index, gram in enumerate(grams):
            cells = (self.group == index).nonzero().squeeze(-1)
            torch.mm(self.J_in[:, cells].div_(self.D[cells]), self.J_out[:, cells].T, out=gram)
        return grams

    @cached_property
    def growth(self) -> float:
        """Largest real part of -F's eigenvalues, negative when stable, by those of the r x r `J_in D^-1 J_out^T H`.

        Right when all rates are equal; otherwise an upper estimate, off by no more than their spread.
        """
        rate = float(self.rates.min())
        return -(rate + min(leftmost(self.turn, rate), 0.0))

    def certified(self, growth: float = 0.0) -> bool:
        """A sufficient condition for no mode growing faster than exp(growth s), at a tenth of the eigenvalues' cost.

        With K = J_in D^-1 J_out^T a mode of F in the arrays' range obeys du = -(rate + K H) u; the energy u^T P u,
        P = |sym(H)| + floor I > 0, grows slower than that when sym(P (rate + growth + K H)) > 0: the errors of J_in and
        J_out drop out to first order.
        """
        # one line for each r x r matrix of doubles, so that no more than two are there at a time
        energy = self.grams.sum(0).double()
        rate = float(self.rates.min()) + growth
        if rate < 0.0:
            return False  # of modes outside the arrays' range
        if self.H is None:
            energy.diagonal().add_(rate)
        else:
            H = self.H.double()
            w, V = torch.linalg.eigh((H + H.mT) / 2)
            P = (V * (w.abs() + 1e-4 * w.abs().max()).unsqueeze(-2)) @ V.mT
            energy = energy.T.contiguous()
            energy = block_product(H.mT.contiguous(), energy)
            energy.diagonal().add_(rate)
            energy = energy.T.contiguous()
            energy = block_product(P, energy)
        energy = energy + energy.T
        return int(torch.linalg.cholesky_ex(energy)[1]) == 0

    def check_stable(self, t: float) -> None:
        """Raises UnstableLoop when a mode grows by more than e within t."""
        if not self.certified(1.0 / t if t > 0.0 else math.inf):
            refuse_growth(self.growth, t)

    def check_decay(self, least: float) -> None:
        """Raises UnstableLoop unless every mode decays at a rate `least` [1/tau]."""
        if not self.certified(-least):
            refuse_slow_decay(self.growth, least)

    @cached_property
    def edges(self) -> tuple[float, float]:
        """Smallest and largest real part [1/tau] of what the arrays add to the decay rates, to about a hundredth.

        The larger is lambda_max of the program as the arrays hold it; errors of the arrays make the smaller negative.
        """
        return edges(lambda u: self.turn @ u, len(self.J_in), self.D)

    def speed(self) -> float:
        """An upper estimate of F's largest eigenvalue."""
        return float(self.rates.max()) + float(self.turn.norm())

    @cached_property
    def turn(self) -> Float[Tensor, "r r"]:
        """Once round the loop, `J_in D^-1 J_out^T H`: what the arrays add to the decay rates."""
        return self._times_hessian(self.grams.sum(0))

    def rows_of(self, states: Float[Tensor, "count N"]) -> Float[Tensor, "count r"] | None:
        """`J_in x` of each; None where groups differ in their weights, and every solve has to ask for its own."""
        if len(self.group_rates) > 1:
            return None
        return (self.J_in @ states[0])[None] if len(states) == 1 else states @ self.J_in.T

    def shifted(self, p: float, h: float) -> "ShiftedLoop":
        """A solver for p + h F."""
        weight = 1.0 / (p + h * self.group_rates)
        K = self.weighted(weight)
        small = self._times_hessian(K).mul_(h)
        small.diagonal().add_(1.0)
        return ShiftedLoop(self, p, h, self.of_cells(weight), torch.linalg.lu_factor(small))

    def weighted(self, weight: Float[Tensor, " groups"]) -> Float[Tensor, "r r"]:
        """Sum of the grams with a weight for each group."""
        return torch.einsum("g,gij->ij", weight, self.grams)

    def _times_hessian(self, K: Float[Tensor, "r r"]) -> Float[Tensor, "r r"]:
        # K H, block by block from the right
        return K if self.H is None else block_product(self.H.mT, K.T.contiguous()).T.contiguous()


def refuse_growth(growth: float, t: float) -> None:
    # a mode that hardly grows before the readout does no more harm than one that hardly decays
    if not (growth < 0.0 or growth * t <= 1.0):
        raise UnstableLoop(
            f"device: the mismatched loop is unstable, its fastest mode grows as exp({growth:.3g} t/tau), t = {t:g}; "
            "raise the damping, shorten t, or tighten the mismatch or the program's bits",
            1.0 / growth if growth > 0.0 else math.inf,
        )


def refuse_slow_decay(growth: float, least: float) -> None:
    if not growth <= -least:
        how = "grows" if growth > 0.0 else "decays"
        raise UnstableLoop(
            f"device: the mismatched loop is unstable, or nearly: its slowest mode {how} at {abs(growth):.3g}/tau, "
            f"where a decay of {least:.3g}/tau was expected; raise the damping, or tighten the mismatch or the "
            "program's bits",
            1.0 / growth if growth > 0.0 else math.inf,
        )


@dataclass(frozen=True, eq=False)
class ShiftedLoop:
    """Solves `(p + h F) x = f` by the Woodbury identity in the r rows, then by refinement.

    The identity is exact for a loop whose cells have their group's rate; refinement contracts by the relative spread
    of the rates within a group. Where rounding spoils the identity, refinement goes by residuals of the arrays.
    """

    loop: Loop
    p: float
    h: float
    weight: Vector
    factor: tuple[Tensor, Tensor]

    def solve(self, f: Vector, tol: float) -> Vector:
        """x with |f - (p + h F) x| <= tol |f|, or to rounding. Raises StalledSolve."""
        return self.driven(f, None, tol, float(f.norm()))[0]

    def carried(self, f: Vector, rows: Rows, tol: float) -> tuple[Vector, Rows]:
        """`solve` where J_in f is known, in one group, and J_in x."""
        return self.driven(f, None, tol, float(f.norm()), rows)

    def trusts(self, tol: float) -> bool:
        """Whether rounding leaves what is added up in the r rows as good as a product with the arrays."""
        return tol >= COARSE or self.rounding <= 3.0 * tol

    def driven(
        self, f: Vector, c: Rows | None, tol: float, size: float, known: Rows | None = None
    ) -> tuple[Vector, Rows]:
        """x with |f - h D^-1 J_out^T c - (p + h F) x| <= tol size, or to rounding, and J_in x. Raises StalledSolve.

        `c` enters behind H; None is zero. known: J_in f, where there is one group alone.
        """
        exact_sums = self.trusts(tol)
        x, rows = self._approximate(f, c, known)
        residual = self._left_over(x) if exact_sums else self._residual(f, c, x)
        goal = tol * size
        last = math.inf
        while (left := float(residual.norm())) > goal:
            if not left < 0.5 * last:
                self._check(x, left, size)
                break
            step, more = self._approximate(residual)
            x = x + step
            rows = rows + more
            last = left
            residual = self._left_over(step) if exact_sums else self._residual(f, c, x)
        return x, rows if exact_sums or c is None else self.loop.J_in @ x

    def _left_over(self, x: Vector) -> Vector:
        # The approximation is exact for the groups' rates, so what it leaves of its right-hand side is their difference
        # from the cells': no product with the arrays is needed to know it.
        return self.spread * x

    def _residual(self, f: Vector, c: Rows | None, x: Vector) -> Vector:
        left = f - self.p * x - self.h * self.loop.matvec(x)
        return left if c is None else left - self.h / self.loop.D * (self.loop.J_out.T @ c)

    @cached_property
    def spread(self) -> Vector:
        """h (group's rate - rate) of each cell."""
        return self.h * (self.loop.of_cells(self.loop.group_rates) - self.loop.rates)

    @cached_property
    def lift(self) -> Vector:
        """What each cell makes of a voltage that the output array puts on it: h/(D (p + h rate))."""
        return self.h * self.weight / self.loop.D

    @cached_property
    def rounding(self) -> float:
        """How far `_left_over` is from the residual, relative, for a vector in the arrays' range and one outside."""
        loop = self.loop
        inside = loop.J_out.T @ torch.ones_like(loop.J_out[:, 0]) / loop.D
        f = inside / inside.norm().clamp_min(torch.finfo(inside.dtype).tiny) + len(inside) ** -0.5
        x = self.approximate(f)
        return float((self._residual(f, None, x) - self._left_over(x)).norm() / f.norm())

    @cached_property
    def gram(self) -> Float[Tensor, "r r"]:
        """`J_in (p D + h Lam)^-1 J_out^T` with its group's rate in each cell's place."""
        return self.loop.weighted(1.0 / (self.p + self.h * self.loop.group_rates))

    def approximate(self, f: Vector) -> Vector:
        """x without refinement."""
        return self._approximate(f)[0]

    def _approximate(self, f: Vector, c: Rows | None = None, known: Rows | None = None) -> tuple[Vector, Rows]:
        # x and J_in x, which the Woodbury identity finds first
        loop = self.loop
        x = self.weight * f
        rows = loop.J_in @ x if known is None else self.weight[0] * known
        if c is not None:
            rows = rows - self.h * (self.gram @ c)
        u: Tensor = torch.linalg.lu_solve(*self.factor, rows.unsqueeze(-1)).squeeze(-1)
        through = loop.hessian(u) if c is None else loop.hessian(u) + c
        return x.addcmul_(self.lift, loop.J_out.T @ through, value=-1.0), u

    def _check(self, x: Vector, left: float, size: float) -> None:
        scale = size + self.h * float(self.loop.matvec(x).norm())
        if not left <= 1e3 * torch.finfo(x.dtype).eps * scale:
            raise StalledSolve(f"device: structured solve stalled at residual {left:.3g} of {scale:.3g}; use float64")
