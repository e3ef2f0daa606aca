"""Modes of one cell's loop through stages with lags, as far as they carry noise."""

import numpy as np
from jaxtyping import Complex, Float


def heard(
    loop: np.poly1d, lags: np.poly1d, added: Float[np.ndarray, " lambdas"], tol: float
) -> Complex[np.ndarray, " modes"]:
    """Roots of `loop + lambda` with a part `tol` of the variance, of noise in the cell or behind the first stage."""
    z = _roots(loop, added)
    slope = np.abs(loop.deriv()(z)).clip(np.finfo(float).tiny)
    size = 1.0 / np.abs(z.real).clip(np.finfo(float).tiny)
    parts = [size * (np.abs(top) / slope) ** 2 for top in (lags(z), np.ones_like(z))]
    return np.asarray(z[np.any([part >= tol * part.max(1, keepdims=True) for part in parts], axis=0)])


def _roots(polynomial: np.poly1d, added: Float[np.ndarray, " count"]) -> Complex[np.ndarray, "count degree"]:
    """Of the polynomial with each number added, as eigenvalues of companion matrices."""
    c = polynomial.coeffs
    companion = np.zeros((len(added), polynomial.order, polynomial.order))
    companion[:, 0] = -c[1:] / c[0]
    companion[:, 0, -1] -= added / c[0]
    companion[:, range(1, polynomial.order), range(polynomial.order - 1)] = 1.0
    return np.asarray(np.linalg.eigvals(companion).astype(complex))
