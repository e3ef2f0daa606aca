"""Noise of a loop after a time, without its covariance.

The implicit midpoint rule with step h, `(1 + h F/2) x' = (1 - h F/2) x + sqrt(h) B xi`, has the loop's own stationary
covariance P for any h, normal or not: its Lyapunov equation is h (F P + P F^T) = h B B^T. After steps h_1, ..., h_q
from a known state the covariance is therefore `P - r(F) P r(F)^T`, r(z) the product of (1 - h z/2)/(1 + h z/2), and
only r^2 has to resemble exp(-2 z t) over the loop's rates.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from ..._types import Rows, Vector
from ._krylov import Carrying, CarryingShifted, Relaxing, Shifted, solved

MAX_STEPS = 64
RINGING = 5.0
"""Tolerance of modes that ring, in units of that of the others."""


def steps(
    t: float, slowest: float, fastest: float, tol: float, ringing: Complex[np.ndarray, " modes"] | None = None
) -> Float[np.ndarray, " steps"]:
    """Step sizes whose variance is within a relative `tol` of the exact one for every rate in [slowest, fastest].

    A geometric ladder that adds up to t (or spans the rates for t = inf), as short as it can be, of pairs of equal
    steps: one factorisation serves both, and a ladder of single steps is hardly shorter. `ringing`: complex rates for
    which it holds to `RINGING tol`; each of them takes many steps.
    """
    rates = np.geomspace(slowest, max(fastest, slowest), 200).astype(complex)
    for pairs in range(1, MAX_STEPS // 2 + 1):
        for reach in (1.0, 2.0, 4.0):  # a shortest step a little longer often spares one
            ladder = _ladder(t, slowest, fastest / reach, pairs)
            if _error(ladder, t, rates) <= tol and (ringing is None or _error(ladder, t, ringing) <= RINGING * tol):
                return ladder
    raise ArithmeticError(f"device: no ladder of {MAX_STEPS} noise steps spans rates {slowest:.3g} to {fastest:.3g}")


def noise_at(
    loop: Relaxing,
    forcings: Float[Tensor, "steps N"],
    ladder: Sequence[float] | Float[np.ndarray, " steps"],
    tol: float,
) -> Vector:
    """One sample of the noise. `forcings`: independent `B xi`, each that of one unit of time, one for each step."""
    x = torch.zeros_like(forcings[0])
    left = iter(forcings)
    # one pass over an array for the pushes of all steps
    known = loop.rows_of(forcings) if isinstance(loop, Carrying) else None
    rows = None if known is None else torch.zeros_like(known[0])
    of_pushes: Iterator[Rows | None] = repeat(None) if known is None else iter(known)
    for h, equal in groupby(map(float, ladder)):
        pushes = [_Push(math.sqrt(h), next(left), next(of_pushes)) for _ in equal]
        x, rows = _stepped(loop.shifted(1.0, h / 2.0), x, rows, pushes, tol)
    return x


@dataclass(frozen=True, slots=True, eq=False)
class _Push:
    """What one step adds, and its rows where they are carried; both to be multiplied."""

    factor: float
    of_cells: Vector
    of_rows: Rows | None


def _stepped(
    shifted: Shifted, x: Vector, rows: Rows | None, pushes: Sequence[_Push], tol: float
) -> tuple[Vector, Rows | None]:
    # its caller keeps no factorisation while it makes the next one
    trusted = isinstance(shifted, CarryingShifted) and shifted.trusts(tol)
    for push in pushes:
        known = None
        if trusted and rows is not None and push.of_rows is not None:
            known = 2.0 * rows + push.factor * push.of_rows
        y, of_y = solved(shifted, 2.0 * x + push.factor * push.of_cells, known, tol)
        x = y - x
        rows = None if rows is None or of_y is None else of_y - rows
    return x, rows


def _ladder(t: float, slowest: float, fastest: float, pairs: int) -> Float[np.ndarray, " steps"]:
    longest = 2.0 / slowest if math.isinf(t) else t
    shortest = 2.0 / fastest
    ladder = np.geomspace(longest, min(shortest, longest), pairs).repeat(2)
    return ladder if math.isinf(t) else ladder * (t / ladder.sum())


def _error(ladder: Float[np.ndarray, " steps"], t: float, rates: Complex[np.ndarray, " rates"]) -> float:
    z = rates[:, None] * ladder / 2.0
    kept = np.prod((1.0 - z) / (1.0 + z), axis=1)
    left = np.exp(-rates * t) if not math.isinf(t) else np.zeros_like(rates)
    # a mode's covariance with itself, and with the one that turns the other way
    with_itself = np.abs(kept**2 - left**2) / np.abs(1.0 - left**2)
    with_other = np.abs(np.abs(kept) ** 2 - np.abs(left) ** 2) / (1.0 - np.abs(left) ** 2)
    return float(max(with_itself.max(initial=0.0), with_other.max(initial=0.0)))
