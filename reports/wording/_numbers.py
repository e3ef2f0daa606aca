"""Numbers with units."""

import math
from collections.abc import Iterable

_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"), (1e-15, "f"), (1e-18, "a"))
_LARGE = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_PREFIXED = ("s", "V", "Hz", "W", "J", "F", "H", "ohm", "Ω", "A", "V/s")
_PERCENT = (
    "relative_error",
    "overshoot",
    "test_accuracy",
    "train_accuracy",
    "validation_accuracy",
    "yield",
)
"""Numbers without a unit that are parts of a whole."""


def in_percent(name: str, unit: str = "1") -> bool:
    """Whether people think of a metric in percent."""
    return unit in ("1", "") and name.partition("(")[0] in _PERCENT


def counted(count: int | str, noun: str) -> str:
    """So many of something: `1 run`, `2 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def amount(value: float | None, unit: str = "", name: str = "", digits: int = 4) -> str:
    """A number for a person: with the prefix of its unit, or in percent; a dash where there is none."""
    if value is None:
        return "–"
    value += 0.0  # of a zero, no sign
    if in_percent(name, unit):
        return f"{100 * value:.{digits}g} %"
    if unit in ("", "1"):
        return f"{value:.{digits}g}"
    if unit not in _PREFIXED:
        return f"{value:.{digits}g} {unit}"
    size = abs(value)
    # What is rounded up to the next prefix has the next prefix: never 1e+03 mV.
    factor, prefix = next((p for p in (*_LARGE, *_PREFIXES) if size >= p[0] * (1 - 0.5 * 10.0**-digits)), (1.0, ""))
    if size < _PREFIXES[-1][0] and size > 0:
        factor, prefix = _PREFIXES[-1]
    shown = f"{value / factor:.{digits}g}"
    return f"{f'{value / factor:.0f}' if 'e+' in shown else shown} {prefix}{unit}"


def plus_minus(value: float, error: float, unit: str = "", relative: bool = False) -> str:
    """A number with its standard error, both with one prefix and to two digits of the error."""
    size = max(abs(value), abs(error))
    factor, prefix = (1e-2, "") if relative else (1.0, "")
    if unit in _PREFIXED and not relative:
        factor, prefix = next((p for p in (*_LARGE, *_PREFIXES) if size >= p[0]), (1.0, ""))
    told = " %" if relative else f" {prefix}{unit}".rstrip()
    if not error > 0:
        return f"{value / factor:.4g} ± 0{told}"
    decimals = max(0, 1 - math.floor(math.log10(error / factor)))
    if decimals > _MOST_DECIMALS:
        return f"{value / factor:.6g} ± {error / factor:.2g}{told}"
    return f"{value / factor + 0.0:.{decimals}f} ± {error / factor:.{decimals}f}{told}"


_MOST_DECIMALS = 6


def percent(share: float | None, digits: int = 1) -> str:
    """A share; what rounds to nothing or everything and is not says so."""
    if share is None:
        return "–"
    text = f"{100 * share:.{digits}f}"
    least = 10.0**-digits
    if share > 0 and float(text) == 0:
        return f"<{least:.{digits}f} %"
    if share < 1 and float(text) == 100:
        return f">{100 - least:.{digits}f} %"
    return f"{text.removesuffix('.' + '0' * digits) if share in (0, 1) else text} %"


def between(low: float | None, high: float | None) -> str:
    """An interval of a share."""
    if low is None or high is None:
        return "no interval"
    return f"95 % interval {percent(low)} to {percent(high)}"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    found = list(words)
    return " and ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))


def median_text(median: float, low: float, high: float, unit: str = "") -> str:
    """A median with its interval; infinite is what was never reached."""
    ends = [amount(value, unit, digits=3) if math.isfinite(value) else "never" for value in (median, low, high)]
    return ends[0] if low == high else f"{ends[0]} ({ends[1]} to {ends[2]})"
