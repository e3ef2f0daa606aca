"""The edges of a spectrum by products alone."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..._types import Vector

EDGE_VECTORS = 32
"""Products that tell both edges of the spectrum of a loop to about a hundredth of its width."""
SLOWEST_VECTORS = 64
"""Solves that find the slowest mode of a loop, in a matrix at least four times as large, and products beside them."""
FOUND = 1e-3
"""Relative error of a decay rate, or of a growth rate, that is looked for no further."""
DOUBT = 0.1
"""In units of the cells' own rate: so far off the others a mode tells of more that have not been found."""


def edges(apply: Callable[[Vector], Vector], size: int, like: Tensor) -> tuple[float, float]:
    """Smallest and largest real part of a matrix's eigenvalues, by 32 products with it.

    Both lie within the spectrum's hull for a symmetric matrix. A small matrix has all of its eigenvalues found.
    """
    if size <= 2 * EDGE_VECTORS:
        columns = [apply(e) for e in torch.eye(size).to(like)]
        found = torch.linalg.eigvals(torch.stack(columns, 1)).real
    else:
        found = torch.linalg.eigvals(hessenberg(apply, size, EDGE_VECTORS, like)[:EDGE_VECTORS]).real
    return float(found.min()), float(found.max())


def leftmost(matrix: Float[Tensor, "r r"], rate: float) -> float:
    """Smallest real part of a matrix's eigenvalues, that plus `rate` to about a thousandth.

    By Arnoldi's method with `(matrix + rate)^-1`, which has the slowest mode of a loop that decays for its largest
    eigenvalue, and those that grow alone on the other side of zero. A mode far from that shift is no edge of this
    spectrum, but one of the matrix's own, which is looked at as well. Both take a third of the time that all
    eigenvalues take; those are found where the matrix is small, and where there is a doubt.
    """
    if len(matrix) >= 4 * SLOWEST_VECTORS:
        found = _by_inverse(matrix.double(), rate)
        if found is not None and _nothing_beyond(matrix, min(found, 0.0), rate):
            return found
    return float(torch.linalg.eigvals(matrix).real.min())


def _by_inverse(matrix: Float[Tensor, "r r"], rate: float) -> float | None:
    LU, pivots, failed = torch.linalg.lu_factor_ex(matrix + rate * torch.eye(len(matrix)).to(matrix))
    if int(failed):
        return None
    m = SLOWEST_VECTORS
    found = hessenberg(lambda v: torch.linalg.lu_solve(LU, pivots, v.unsqueeze(1)).squeeze(1), len(matrix), m, matrix)
    if not bool(found.isfinite().all()):
        return None
    values, vectors = torch.linalg.eig(found[:m])
    sure = found[m, m - 1] * vectors[-1].abs() <= FOUND * values.abs()
    # all that grow, and of those that decay without ringing the slowest
    edge = values.real < 0.0
    edge[values.real.argmax()] = True
    if not bool(sure[edge].all()):
        return None
    return float((1.0 / values[sure]).real.min()) - rate


def _nothing_beyond(matrix: Float[Tensor, "r r"], least: float, rate: float) -> bool:
    """Whether no mode that is an edge of the spectrum lies below `least`, or rings."""
    m = SLOWEST_VECTORS
    found = hessenberg(lambda v: matrix @ v, len(matrix), m, matrix)
    values, vectors = torch.linalg.eig(found[:m])
    # where a matrix is not normal, its dense end has such values around it that are no modes, and never become any
    left = found[m, m - 1] * vectors[-1].abs()
    off = torch.maximum(least - values.real, values.imag.abs()) - left
    return float(off.max()) <= DOUBT * rate


def hessenberg(apply: Callable[[Vector], Vector], size: int, m: int, like: Tensor) -> Float[Tensor, "m_plus_1 m"]:
    """Of m steps of Arnoldi's method from a start that no program is blind to, always the same, in doubles."""
    basis = like.new_zeros(m + 1, size)
    found = torch.zeros(m + 1, m, dtype=torch.float64)
    start = torch.randn(size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    basis[0] = (start / start.norm()).to(like)
    for k in range(m):
        v = apply(basis[k])
        for _ in range(2):
            part = basis[: k + 1] @ v
            v = v - part @ basis[: k + 1]
            found[: k + 1, k] += part.double().cpu()
        found[k + 1, k] = float(v.norm())
        basis[k + 1] = v / v.norm().clamp_min(torch.finfo(v.dtype).tiny)
    return found
