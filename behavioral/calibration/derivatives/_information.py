"""Sums over many runs of matrices as large as all unknowns together."""

import numpy as np
import scipy
from jaxtyping import Float

_ROWS = 1024
"""Rows of derivatives that are gathered before they are multiplied: to add a matrix of all unknowns takes as long as
some hundred rows of its product."""

_BLOCK = 256
"""Columns that are mirrored at once: a whole matrix does not fit into a cache, and takes thirty times as long."""


class Information:
    """`start + sum_k weight_k root_k^T root_k`, for roots of few rows and many columns."""

    def __init__(self, start: Float[np.ndarray, "p p"]) -> None:
        # BLAS adds to a matrix in place where it lies by columns; the sum is symmetric.
        self._sum = np.array(start, order="F")
        self._rows: list[Float[np.ndarray, "rows p"]] = []
        self._count = 0

    def add(self, root: Float[np.ndarray, "rows p"], weight: float = 1.0) -> None:
        """One more product, of rows that have at least as many columns."""
        self._rows.append(np.sqrt(weight) * root[:, : len(self._sum)])
        self._count += len(root)
        if self._count >= _ROWS:
            self._multiply()

    def add_whole(self, matrix: Float[np.ndarray, "p p"], weight: float = 1.0) -> None:
        """One more matrix, as it is."""
        p = len(self._sum)
        self._sum += weight * matrix[:p, :p]

    @property
    def matrix(self) -> Float[np.ndarray, "p p"]:
        """The sum so far."""
        self._multiply()
        return _mirrored(self._sum.copy(order="F"))

    def _multiply(self) -> None:
        if self._rows:
            rows = np.concatenate(self._rows)
            self._sum = scipy.linalg.blas.dsyrk(1.0, rows.T, 1.0, self._sum, lower=1, overwrite_c=1)
            self._rows = []
            self._count = 0


def inverse(matrix: Float[np.ndarray, "p p"]) -> Float[np.ndarray, "p p"]:
    """Of a symmetric positive definite matrix, by Cholesky's factor: half the work of any matrix's.

    Where rounding has left it without a factor it is any matrix.
    """
    factor, failed = scipy.linalg.lapack.dpotrf(matrix, lower=1)
    if not failed:
        factor, failed = scipy.linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed:
        return np.asarray(np.linalg.inv(matrix))
    return _mirrored(factor)


def solved(matrix: Float[np.ndarray, "p p"], right: Float[np.ndarray, " p"]) -> Float[np.ndarray, " p"]:
    """The solution with a symmetric positive definite matrix, as `inverse` takes it."""
    try:
        return np.asarray(scipy.linalg.cho_solve(scipy.linalg.cho_factor(matrix, lower=True), right))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.solve(matrix, right))


def _mirrored(lower: Float[np.ndarray, "p p"]) -> Float[np.ndarray, "p p"]:
    """The symmetric matrix of a lower triangle, in its place."""
    p = len(lower)
    for begin in range(0, p, _BLOCK):
        end = min(begin + _BLOCK, p)
        block = np.tril(lower[begin:end, begin:end])
        lower[begin:end, begin:end] = block + np.tril(block, -1).T
        lower[begin:end, end:] = lower[end:, begin:end].T
    return lower
