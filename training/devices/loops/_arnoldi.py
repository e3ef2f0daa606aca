"""The edges of a spectrum by products alone."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..._types import Vector

EDGE_VECTORS = 32
"""Products that tell both edges of the spectrum of a loop to about a hundredth of its width."""


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
