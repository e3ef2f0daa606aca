"""Few rows of the inverse of a large sparse matrix, one adjoint solve each.

In a large network the noise sources are as many as the elements, n^2 in an array, and the states a few for each cell.
One adjoint solve for each current into a storage element and each readout then takes the place of one solve for each
source (adjoint network analysis; Director and Rohrer, IEEE Trans. Circuit Theory 16, 318, 1969).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from jaxtyping import Float

Triplets = Sequence[tuple[int, int, Any]]
"""(row, column, value); values at the same place add up."""

_TOGETHER = 256
"""Adjoint solves at once: dense for a moment, kept sparse."""


def rows_of_inverse(wanted: "scipy.sparse.csr_array", K: "scipy.sparse.csc_array") -> "scipy.sparse.csr_array":
    """`wanted K^-1`.

    Raises:
        RuntimeError: K is singular.
    """
    factors = scipy.sparse.linalg.splu(K.T.tocsc())
    parts = [
        scipy.sparse.csr_array(factors.solve(wanted[k : k + _TOGETHER].toarray().T).T)
        for k in range(0, wanted.shape[0], _TOGETHER)
    ]
    return scipy.sparse.vstack(parts).tocsr()


def summed(triplets: Triplets, shape: tuple[int, int]) -> Float[np.ndarray, "rows columns"]:
    """The dense matrix of triplets."""
    rows, columns, values = zip(*triplets, strict=True) if triplets else ((), (), ())
    flat = np.array(rows, dtype=np.intp) * shape[1] + np.array(columns, dtype=np.intp)
    return np.bincount(flat, np.array(values, dtype=float), shape[0] * shape[1]).reshape(shape)


def sparse(triplets: Triplets, shape: tuple[int, int]) -> "scipy.sparse.csc_array":
    """The sparse matrix of triplets."""
    rows, columns, values = zip(*triplets, strict=True) if triplets else ((), (), ())
    placed = (np.array(values, dtype=float), (np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)))
    return scipy.sparse.coo_array(placed, shape=shape).tocsc()
