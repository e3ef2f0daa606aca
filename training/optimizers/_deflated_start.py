"""A start in which the slowest modes are settled already, so that the others set the time of a step."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from .._types import Vector

_MODE_ERROR = 1e-3
"""Residual of a mode, relative to its rate, at which Lanczos has found it."""

_PER_MODE = 10
"""Products for each mode, and for the next one, after which Lanczos stops in any case: each keeps a vector of N."""

_FEWEST = 40
"""Products after which it may stop at all without having found them."""

_LOOK = 4
"""Products between two looks at what has been found."""

_NOTHING = 1e-12
"""Rates below so much of the largest are rounding: without damping they belong to no mode."""


@runtime_checkable
class _Multiplied(Protocol):
    def matvec(self, v: Vector) -> Vector: ...


@dataclass(frozen=True, eq=False)
class DeflatedStart:
    """Where a device starts from, and what is left to relax (arXiv 2603.24183).

    Of the modes of F only those count that the residual `b - F x0` has a part in; a damped network has thousands of
    modes of one rate, and they count as one. Lanczos from that residual finds them.

    value: (N,) `x0 + sum_i u_i u_i'(b - F x0) / a_i` over the k slowest modes.
    rates: (m,) of all modes that Lanczos tells of, rising [1/tau]; the first k of them are settled.
    parts: (m,) of the residual in each.
    products: of F and a vector, the digital cost.
    """

    value: Vector
    rates: Float[Tensor, " m"]
    parts: Float[Tensor, " m"]
    k: int
    products: int

    def residual(self, t: float, settled: int | None = None) -> float:
        """`|b - F x(t)|` that is foreseen after analog time t [tau], of a start with so many modes settled (k)."""
        left = slice(self.k if settled is None else settled, None)
        return float((self.parts[left] * torch.exp(-t * self.rates[left])).norm())

    @property
    def slowest_left(self) -> float:
        """The rate [1/tau] that sets the time; infinite where nothing is left to relax."""
        return float(self.rates[self.k]) if self.k < len(self.rates) else math.inf


def deflated_start(program: _Multiplied, b: Vector, x0: Vector | None, k: int) -> DeflatedStart:
    """Settles the k slowest modes of a start x0 (zero when None), by products with F alone.

    Where Lanczos has not found them after 10 (k + 1) products, 40 at least, the best of what it has is settled: the
    start is nearer to the solution in any case, in the norm of F.
    """
    start = torch.zeros_like(b) if x0 is None else x0
    residual = b if x0 is None else b - program.matvec(x0)
    lanczos = _Lanczos.of(residual)
    while not lanczos.done(k):
        lanczos.grow(program)
    if not lanczos.products:
        return DeflatedStart(start, b.new_zeros(0), b.new_zeros(0), 0, int(x0 is not None))
    rates, S = lanczos.ritz()
    parts = lanczos.size * S[0]
    kept = rates > _NOTHING * rates.abs().max()
    rates, S, parts = rates[kept], S[:, kept], parts[kept]
    k = min(k, len(rates))
    settled = S[:, :k] @ (parts[:k] / rates[:k])
    value = start + torch.stack(lanczos.basis[: len(S)], dim=1) @ settled.to(b)
    return DeflatedStart(value, rates, parts, k, lanczos.products + int(x0 is not None))


@dataclass
class _Lanczos:
    """An orthonormal basis of `r, F r, F^2 r ...`, in which F is tridiagonal; its last vector has no product yet."""

    basis: list[Vector]
    diagonal: list[float]
    beside: list[float]
    size: float

    @classmethod
    def of(cls, residual: Vector) -> "_Lanczos":
        size = float(residual.norm())
        return cls([residual / size] if size > 0 else [], [], [], size)

    @property
    def products(self) -> int:
        return len(self.diagonal)

    def grow(self, program: _Multiplied) -> None:
        """By one product."""
        q = self.basis[-1]
        w = program.matvec(q)
        self.diagonal.append(float(q @ w))
        Q = torch.stack(self.basis, dim=1)
        for _ in range(2):  # once leaves what rounding made of it
            w = w - Q @ (Q.T @ w)
        norm = float(w.norm())
        self.beside.append(norm)
        self.basis.append(w / norm if norm > 0 else w)

    def ritz(self) -> tuple[Float[Tensor, " m"], Float[Tensor, "m m"]]:
        """Rates, rising, and modes in the basis."""
        beside = torch.tensor(self.beside[:-1], dtype=torch.float64)
        T = torch.diag(torch.tensor(self.diagonal, dtype=torch.float64))
        T = T + torch.diag(beside, 1) + torch.diag(beside, -1) if len(beside) else T
        w, S = torch.linalg.eigh(T)
        return w, S

    def done(self, k: int) -> bool:
        """The k slowest modes are found, there are no others, or it has taken long enough."""
        m = self.products
        if self.size == 0:
            return True
        if m == 0:
            return False
        if m == len(self.basis[0]) or m >= max(_FEWEST, _PER_MODE * (k + 1)):
            return True
        epsilon = torch.finfo(self.basis[0].dtype).eps
        if self.beside[-1] <= 10 * epsilon * math.sqrt(m) * max(self.diagonal):
            return True
        if m <= k or m % _LOOK:
            return False
        w, S = self.ritz()
        wrong = self.beside[-1] * S[-1, : k + 1].abs()
        return bool((wrong <= _MODE_ERROR * w[: k + 1]).all())
