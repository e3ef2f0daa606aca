"""A loop's state after a time, by a Krylov space that does not grow with the loop's speed."""

import math
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..._types import Rows, Vector

POLES_PER_TIME = 10.0
BEFORE = 30.0
"""A change is only believed to be the last after one of at most this times the tolerance: in a space that converges
changes fall by such factors, and a single one may be small because a coefficient happens to vanish."""
MAX_DIMENSION = 128
FIRST_ROOM = 16
"""Vectors that there is room for at first; it doubles as they become more."""
SOLVED = 0.3
"""Tolerance of the first solve in units of the whole one's."""
SPURIOUS = 1e3
"""phi1 of a stable loop is about one; no smaller than this is taken for a growing mode of the small matrix."""


@runtime_checkable
class Shifted(Protocol):
    """Solves `(p + h F) x = f` to a relative tolerance."""

    def solve(self, f: Vector, tol: float) -> Vector: ...


@runtime_checkable
class Relaxing(Protocol):
    """A loop `x' = -F x`, such as `Loop` and `LaggedLoop`."""

    def matvec(self, x: Vector) -> Vector: ...

    def shifted(self, p: float, h: float) -> Shifted: ...


@runtime_checkable
class Carrying(Protocol):
    """A loop of few rows: what its input array makes of a state tells the solver half of what it has to find out."""

    def rows_of(self, states: Float[Tensor, "count states"]) -> Float[Tensor, "count r"] | None:
        """Of each state; None where that spares no product with the arrays."""
        ...


@runtime_checkable
class CarryingShifted(Shifted, Protocol):
    """Its solver."""

    def carried(self, f: Vector, rows: Rows, tol: float) -> tuple[Vector, Rows]:
        """`solve` of f with these rows, and the rows of the solution."""
        ...

    def trusts(self, tol: float) -> bool:
        """Whether rows that were added up are good enough to that tolerance."""
        ...


def carried_rows(
    loop: Relaxing, shifted: Shifted, states: Float[Tensor, "count states"], tol: float
) -> Float[Tensor, "count r"] | None:
    """Rows to carry along while `shifted` solves for these states and what is made of them; None for none."""
    if isinstance(loop, Carrying) and isinstance(shifted, CarryingShifted) and shifted.trusts(tol):
        return loop.rows_of(states)
    return None


def solved(shifted: Shifted, f: Vector, rows: Rows | None, tol: float) -> tuple[Vector, Rows | None]:
    """`shifted.solve`, and the rows of the solution where those of f are known."""
    if rows is None:
        return shifted.solve(f, tol), None
    assert isinstance(shifted, CarryingShifted)
    return shifted.carried(f, rows, tol)


Kept = dict[tuple[float, float], Shifted]
"""The last factorisation, for whoever asks for another state at the same time."""


def state_at(
    loop: Relaxing,
    d: Vector,
    x0: Vector | None,
    t: float,
    tol: float,
    kept: Kept | None = None,
    pulled: Vector | None = None,
) -> Vector:
    """x(t) of `dx = -(F x - d) ds` from x0 (zero when absent), within about `tol` of the change from x0.

    t = inf: one solve. Otherwise `x0 + t phi1(-t F)(d - F x0)`, phi1(z) = (e^z - 1)/z, in the Krylov space of
    (1 + h F)^-1, h = t/10 (van den Eshof and Hochbruck, 2006, "Preconditioning Lanczos approximations to the
    matrix exponential"): its dimension does not grow with F's norm, and one factorisation serves it.
    pulled: F x0, where it is known.
    Raises ArithmeticError when the space does not suffice.
    """
    if math.isinf(t):
        return _shifted(loop, 0.0, 1.0, kept).solve(d, tol)
    start = torch.zeros_like(d) if x0 is None else x0
    v = d if x0 is None else d - (loop.matvec(x0) if pulled is None else pulled)
    size = float(v.norm())
    if t == 0.0 or size == 0.0:
        return start
    shifted = _shifted(loop, 1.0, t / POLES_PER_TIME, kept)
    v = v / size
    rows = carried_rows(loop, shifted, v[None], SOLVED * tol)
    return start + _phi1(shifted, v, None if rows is None else rows[0], POLES_PER_TIME, tol).mul_(size * t)


def _shifted(loop: Relaxing, p: float, h: float, kept: Kept | None) -> Shifted:
    if kept is None:
        return loop.shifted(p, h)
    if (p, h) not in kept:
        kept.clear()
        kept[p, h] = loop.shifted(p, h)
    return kept[p, h]


def _phi1(shifted: Shifted, v: Vector, rows: Rows | None, scaled: float, tol: float) -> Vector:
    # Arnoldi with (1 + h F)^-1, so that basis^T (h F) basis = inv(hessenberg) - 1
    room = v.new_empty(FIRST_ROOM, len(v))
    room[0] = v
    carried = [rows]
    hessenberg = torch.zeros(MAX_DIMENSION + 1, MAX_DIMENSION, dtype=torch.float64)
    last = torch.zeros(0, dtype=torch.float64)
    before = math.inf
    relaxed = 1.0
    for m in range(1, MAX_DIMENSION + 1):
        basis = room[:m]
        w, rows = solved(shifted, basis[-1], carried[-1], min(SOLVED * tol / relaxed, 2e-2))
        if m == len(room):
            room = torch.cat([room, torch.empty_like(room)])
        column = _orthogonal(w, basis, room[m])
        carried.append(None if rows is None else _combined(rows, column.to(v), carried))
        hessenberg[: m + 1, m - 1] = column
        exhausted = float(column[-1]) <= 100 * torch.finfo(v.dtype).eps * float(column.norm()) or m == len(v)
        y = _small_phi1(hessenberg[:m, :m], scaled)
        if not float(y.norm()) < SPURIOUS and not exhausted:
            # a small space of a loop that is not normal may seem to grow; a larger one does not
            continue
        change = y.clone()
        change[: len(last)] -= last
        changed = float(change.norm() / y.norm().clamp_min(_tiny(y)))
        if exhausted or (changed <= tol and before <= BEFORE * tol):
            return y.to(v) @ basis
        # later vectors count for less, so their solves may be coarser (Simoncini and Szyld, 2003)
        relaxed = min(1.0, max(float(y[-1].abs() / y.norm().clamp_min(_tiny(y))), before / BEFORE, tol))
        last = y
        before = changed
    raise ArithmeticError(f"device: the state after t took more than {MAX_DIMENSION} Krylov vectors; use float64")


def _orthogonal(w: Vector, basis: Float[Tensor, "m N"], into: Vector) -> Float[Tensor, " m_plus_1"]:
    """Coefficients of w in the basis, and of the unit vector across it, which is written to `into`; w is used up."""
    # classical Gram-Schmidt, twice
    first = basis @ w
    w.addmv_(basis.T, first, alpha=-1.0)
    second = basis @ w
    w.addmv_(basis.T, second, alpha=-1.0)
    norm = w.norm()
    torch.div(w, norm.clamp_min(_tiny(w)), out=into)
    return torch.cat([first + second, norm.unsqueeze(0)]).double().cpu()


def _combined(rows: Rows, column: Float[Tensor, " m_plus_1"], carried: list[Rows | None]) -> Rows:
    # as the vector itself, for no product with the arrays
    known = torch.stack([one for one in carried if one is not None])
    return (rows - column[:-1] @ known) / column[-1].clamp_min(_tiny(column))


def _tiny(like: Tensor) -> float:
    return torch.finfo(like.dtype).tiny


def _small_phi1(hessenberg: Float[Tensor, "m m"], scaled: float) -> Float[Tensor, " m"]:
    # phi1(-scaled (inv(H) - 1)) e1 as a column of an augmented matrix exponential
    m = len(hessenberg)
    block = torch.zeros(m + 1, m + 1, dtype=torch.float64)
    block[:m, :m] = -scaled * (torch.linalg.inv(hessenberg) - torch.eye(m, dtype=torch.float64))
    block[0, m] = 1.0
    return torch.linalg.matrix_exp(block)[:m, m]
