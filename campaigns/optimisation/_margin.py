"""How far the chips of a design stay within a limit, with a margin for how few they are."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import scipy
from jaxtyping import Float

from ..studies import Limit


@lru_cache
def tolerance_factor(chips: int, part: float, confidence: float) -> float:
    """Standard deviations from the mean of a few chips within which a part of all chips lies, one-sided.

    Of a normal distribution whose mean and spread are those of the sample (Owen, Technometrics 10, 445, 1968): the
    quantile of a noncentral t. It is the margin that keeps the winner of a search honest: with 20 chips, 90 % of all
    lie below mean + 1.93 s, at 95 % confidence, where 1.28 would do if mean and spread were known.
    """
    z = float(scipy.stats.norm.ppf(part)) * math.sqrt(chips)
    return float(scipy.stats.nct.ppf(confidence, chips - 1, z)) / math.sqrt(chips)


def is_logarithmic(limit: Limit, values: Sequence[Float[np.ndarray, " chips"]]) -> bool:
    """Whether a metric is compared by ratios: errors and times are, which have no sign."""
    bounds = [bound for bound in (limit.at_most, limit.at_least) if bound is not None]
    return min(bounds) > 0 and all(bool((one > 0).all()) for one in values)


def room(limit: Limit, values: Float[np.ndarray, " chips"], confidence: float, logarithmic: bool) -> float:
    """How far the tolerance limit of some chips is from the nearest bound, below zero beyond it.

    In the metric's unit, or as the logarithm of a ratio.
    """
    assert limit.required_yield is not None
    both = limit.at_most is not None and limit.at_least is not None
    # What may lie beyond is shared by the two ends.
    part = 1 - (1 - limit.required_yield) / (2 if both else 1)
    factor = tolerance_factor(len(values), part, confidence)
    scaled = np.log(values) if logarithmic else values
    mean = float(scaled.mean())
    reach = factor * float(scaled.std(ddof=1))
    found = []
    if limit.at_most is not None:
        found.append((math.log(limit.at_most) if logarithmic else limit.at_most) - (mean + reach))
    if limit.at_least is not None:
        found.append(mean - reach - (math.log(limit.at_least) if logarithmic else limit.at_least))
    return min(found)
