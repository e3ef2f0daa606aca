"""Noise of a loop among the few states that its pushes and its arrays make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ..._types import Rows, Vector
from ._cascade_loop import COARSE, Loop
from ._lagging_loop import LaggedLoop
from ._noise_steps import noise_at


@dataclass(frozen=True, eq=False)
class SpannedLoop:
    """States `x = vectors^T a + D^-1 J_out^T c` of a loop whose cells decay alike; a loop never leads out of them.

    vectors: (count, N). rows: (count, r), J_in of each.
    """

    loop: Loop
    vectors: Float[Tensor, "count N"]
    rows: Float[Tensor, "count r"]

    @cached_property
    def within(self) -> Loop:
        """The same loop for states (a, c), without an array as long as N: `c' = -rate c - H (rows^T a + K c)`.

        K = J_in D^-1 J_out^T, which the loop has worked out.
        """
        gram = self.loop.grams[0]
        count = len(self.vectors)
        J_in = torch.cat([self.rows.T, gram], 1)
        J_out = torch.cat([gram.new_zeros(len(gram), count), torch.eye(len(gram)).to(gram)], 1)
        rate = self.loop.group_rates.expand(count + len(gram)).contiguous()
        return Loop(torch.ones_like(rate), rate, J_in, J_out, self.loop.H, 1)

    def lifted(self, state: Float[Tensor, " count_plus_r"]) -> Vector:
        """x of (a, c)."""
        count = len(self.vectors)
        c: Rows = state[count:]
        return (self.loop.J_out.T @ c).div_(self.loop.D).add_(state[:count] @ self.vectors)


def noise_of_cells(
    loop: Loop,
    lagged: LaggedLoop | None,
    forcings: Float[Tensor, "steps states"],
    ladder: Sequence[float],
    tol: float,
) -> Vector:
    """As `noise_at`, of the cells alone, by two passes over the arrays where the cells' rates are near enough."""
    N = len(loop.D)
    rows = loop.rows_of(forcings[:, :N]) if _alike(loop, max(ladder), tol) else None
    if rows is None:
        return noise_at(loop if lagged is None else lagged, forcings, ladder, tol)[:N]
    spanned = SpannedLoop(loop, forcings[:, :N], rows)
    inside = spanned.within
    count = len(forcings)
    size = len(inside.D)
    pushes = torch.cat([torch.eye(count, size).to(forcings), forcings[:, N:]], 1)
    state = noise_at(inside if lagged is None else replace(lagged, base=inside), pushes, ladder, tol)
    return spanned.lifted(state[:size])


def _alike(loop: Loop, longest: float, tol: float) -> bool:
    """Whether solves by the cells' mean rate need no refinement, and no check of rounding."""
    if len(loop.group_rates) > 1 or tol < COARSE:
        return False
    # what a solve of 1 + h F/2 leaves of its right-hand side f is h/2 (mean - rate) x, and x is no larger than f
    return 0.5 * longest * float((loop.rates - loop.group_rates).abs().max()) <= tol
