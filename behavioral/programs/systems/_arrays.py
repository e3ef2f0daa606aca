"""Plain numbers of the right shape, or one line that says which are not."""

import numpy as np
from jaxtyping import Float

from ..._exceptions import ProblemError

_ASYMMETRY = 1e-12
_NEGATIVE = 1e-10


def vector(name: str, value: object, n: int, infinite: bool = False) -> Float[np.ndarray, " n"]:
    """A vector of n numbers; infinite ones where they mean something.

    Raises:
        ProblemError: another length, or something that is no number.
    """
    array = _numbers(name, value, infinite=infinite)
    if array.shape != (n,):
        raise ProblemError(f"{name}: expected {n} values, got shape {array.shape}")
    return array


def matrix(name: str, value: object, columns: int | None = None) -> Float[np.ndarray, "rows columns"]:
    """A matrix with so many columns.

    Raises:
        ProblemError: another shape, or something that is no number.
    """
    array = _numbers(name, value, infinite=False)
    if array.ndim != 2 or (columns is not None and array.shape[1] != columns):
        wanted = "a matrix" if columns is None else f"rows of {columns} values"
        raise ProblemError(f"{name}: expected {wanted}, got shape {array.shape}")
    return array


def symmetric(name: str, value: object, n: int | None = None) -> Float[np.ndarray, "n n"]:
    """A symmetric matrix, of n rows where n is given.

    Raises:
        ProblemError: not square, empty, of another size, or not symmetric; with the first pair that differs.
    """
    array = matrix(name, value)
    if array.shape[0] != array.shape[1] or array.size == 0 or n not in (None, len(array)):
        wanted = "a square matrix" if n is None else f"{n} rows and columns"
        raise ProblemError(f"{name}: expected {wanted}, got shape {array.shape}")
    wrong = np.abs(array - array.T) > _ASYMMETRY * np.abs(array).max()
    if wrong.any():
        i, j = (int(k) for k in np.argwhere(wrong)[0])
        raise ProblemError(
            f"{name}: expected a symmetric matrix, got {array[i, j]:.6g} at [{i}, {j}] and {array[j, i]:.6g} at"
            f" [{j}, {i}]; take (M + M')/2 where that is meant"
        )
    return np.asarray((array + array.T) / 2)


def positive(name: str, value: object, n: int | None = None, definite: bool = True) -> Float[np.ndarray, "n n"]:
    """A symmetric matrix without negative eigenvalues, and without zero ones where it has to be definite.

    Raises:
        ProblemError: as `symmetric`, or an eigenvalue that is too small.
    """
    array = symmetric(name, value, n)
    w = np.linalg.eigvalsh(array)
    largest = float(np.abs(w).max())
    if definite and not w[0] > len(w) * np.finfo(float).eps * largest:
        raise ProblemError(f"{name}: expected a positive definite matrix; its smallest eigenvalue is {w[0]:.3g}")
    if w[0] < -_NEGATIVE * largest:
        raise ProblemError(
            f"{name}: expected no negative eigenvalue, or the problem is not convex; the smallest is {w[0]:.3g}"
        )
    return array


def _numbers(name: str, value: object, *, infinite: bool) -> Float[np.ndarray, "..."]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ProblemError(f"{name}: expected a rectangular array of numbers, got ragged rows") from None
    if array.dtype.kind not in "iuf":
        raise ProblemError(f"{name}: expected real numbers, got dtype {array.dtype}")
    array = array.astype(np.float64)
    wrong = np.isnan(array) if infinite else ~np.isfinite(array)
    if wrong.any():
        where = tuple(int(k) for k in np.argwhere(wrong)[0])
        raise ProblemError(f"{name}: expected finite numbers, got {array[where]} at index {where}")
    return array
