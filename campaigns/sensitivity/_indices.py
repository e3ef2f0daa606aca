"""Sobol indices from the values of a design, and their bootstrap."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float


def sobol_indices(
    f_A: Float[np.ndarray, " rows"], f_B: Float[np.ndarray, " rows"], f_AB: Float[np.ndarray, "parameters rows"]
) -> tuple[Float[np.ndarray, " parameters"], Float[np.ndarray, " parameters"]]:
    """First-order and total indices, by the estimators that `scipy.stats.sobol_indices` has (Saltelli et al., Comput.
    Phys. Commun. 181, 259, 2010, table 2, b and f). That function takes powers of two alone; here rows can be lost.

    NaN where the values do not vary.
    """
    mean = np.mean([f_A, f_B])
    A = f_A - mean
    B = f_B - mean
    AB = f_AB - mean
    variance = np.var([A, B], axis=(0, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        first = np.mean(B * (AB - A), axis=-1) / variance
        total = 0.5 * np.mean((A - AB) ** 2, axis=-1) / variance
    return first, total


Statistic = Callable[[Float[np.ndarray, "*some chips"]], Float[np.ndarray, "*some"]]
"""Of the last axis."""


def bootstrapped(
    f: Float[np.ndarray, "parts rows chips"], statistic: Statistic, resamples: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "2 parameters"], Float[np.ndarray, "2 parameters"]]:
    """Ends of the 95 % intervals of both indices: rows and chips are drawn again, each with all that was found there.

    Args:
        f: values of A, of B, and of A with one column from B for each parameter.
        statistic: of the chips of a point.
        resamples: how often.
        rng: draws.
    """
    parts, rows, chips = f.shape
    found = np.full((2, resamples, parts - 2), np.nan)
    for k in range(resamples):
        again = f[:, rng.integers(0, rows, rows)]
        values = statistic(again[..., rng.integers(0, chips, chips)] if chips > 1 else again)
        found[:, k] = sobol_indices(values[0], values[1], values[2:])
    low, high = np.nanquantile(found, [0.025, 0.975], axis=1)
    return np.stack([low[0], high[0]]), np.stack([low[1], high[1]])
