"""SI prefixes for axes."""

import numpy as np

_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"), (1e-18, "a"))
_LARGE = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def prefix(values: object) -> tuple[float, str]:
    """Factor and prefix that bring the largest magnitude to between 1 and 1000."""
    largest = float(np.max(np.abs(np.asarray(values, dtype=float)), initial=0.0))
    if not np.isfinite(largest) or largest == 0:
        return 1.0, ""
    for factor, name in (*_LARGE, *_PREFIXES):
        if largest >= factor:
            return factor, name
    return _PREFIXES[-1]


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A value with prefix and unit, for people."""
    factor, name = prefix(value)
    return f"{value / factor:.{digits}g} {name}{unit}".strip()
