"""1/f noise as a sum of relaxation processes: their rates and variances."""

from math import ceil, exp, log, log10, pi

import numpy as np
from jaxtyping import Float

PER_DECADE = 2
"""Processes in a decade: the density is then right to 0.3 %."""

# Rates reach this many decades beyond the band; what lies still further out is lumped into the last ones.
_MARGIN = 1.0

_ABOVE = 100.0


def relaxations(
    low: float, high: float, per_decade: int = PER_DECADE
) -> tuple[Float[np.ndarray, " poles"], Float[np.ndarray, " poles"]]:
    """Rates [1/s] and variances of relaxation processes whose sum has the one-sided density 1/f from low to high [Hz].

    Rates are spaced evenly in their logarithm, and the variances are that spacing (van der Ziel, Physica 16, 1950).
    """
    count = ceil((log10(high / low) + 2 * _MARGIN) * per_decade) + 1
    first = log(low) - _MARGIN * log(10.0)
    last = log(high) + _MARGIN * log(10.0)
    rates = np.asarray(2 * pi * np.exp(np.linspace(first, last, count)))
    spacing = log(rates[1] / rates[0])
    weights = np.full(count, spacing)
    # The poles left out beyond an end act in the band as one: their weights fall off as exp(-distance).
    weights[[0, -1]] += exp(-spacing / 2)
    return rates, weights


def flicker_band(corner: float, lowest: float) -> tuple[float, float]:
    """Where an amplifier's 1/f noise is followed [Hz]: above a hundred corners it is below 1 % of the white noise."""
    return lowest, max(_ABOVE * corner, 10 * lowest)
