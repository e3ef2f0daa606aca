"""Numbers as SPICE writes them: a decimal, a scale factor, a unit that says nothing."""

import re
from math import isfinite

NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
_WITH_D = re.compile(r"(?:\d++(?:\.\d*+)?|\.\d++)d\d+", re.IGNORECASE)
"""An exponent as Fortran has it: ngspice takes it on a card, without a sign, and in no expression."""

_SCALES = {
    "t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "mil": 25.4e-6, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6,
    "n": 1e-9, "p": 1e-12, "f": 1e-15,
}  # fmt: skip
_UNITS = frozenset({
    "ohm", "ohms", "ω", "r", "f", "farad", "farads", "h", "henry", "v", "volt", "volts", "a", "amp", "amps", "s", "sec",
    "hz", "w", "c", "deg", "vdc", "vac",
})  # fmt: skip
_D = re.compile(r"d[+-]?\d*")
_TAIL = re.compile(r"(meg|mil|[tgkmuµμnpf])?(.*)", re.DOTALL)
_BETWEEN = re.compile(r"[rkmgtunpfµμ]|meg")
# A whole number without leading zeros keeps a product exact: 12 p is 12e-12 and not 12 * 1e-12, one digit off.
_EXPONENTS = {"t": 12, "g": 9, "meg": 6, "k": 3, "m": -3, "u": -6, "µ": -6, "μ": -6, "n": -9, "p": -12, "f": -15}


def read_number(text: str) -> float:
    """The value of a SPICE number: `10k`, `4.7uF`, `1e-3`, `2Meg`; `m` and `M` are milli, `F` is femto.

    Raises:
        ValueError: no number, or one that simulators read in different ways; the message says which.
    """
    sign = -1.0 if text.startswith("-") else 1.0
    body = text.lower().removeprefix("-") if sign < 0 else text.lower().removeprefix("+")
    found = _WITH_D.match(body) or NUMBER.match(body)
    if found is None:
        raise ValueError(f"expected a number, got {text!r}")
    return sign * scaled(found[0], body[found.end() :], text)


def scaled(decimal: str, tail: str, text: str) -> float:
    """A decimal with what follows it: a scale factor, then a unit.

    Raises:
        ValueError: as `read_number`.
    """
    if not tail:
        return _finite(float(decimal.replace("d", "e")), text)
    if tail in ("a", "amp", "amps", "adc", "aac"):
        raise ValueError(f"{text!r}: simulators disagree whether A is ampere or atto; leave the unit out")
    if _D.fullmatch(tail):
        raise ValueError(f"{text!r}: simulators disagree on an exponent with D; write E")
    parts = _TAIL.fullmatch(tail)
    assert parts is not None
    scale, unit = parts[1] or "", parts[2]
    if unit and unit not in _UNITS:
        if unit[0].isdigit() or (_BETWEEN.match(tail) and tail[-1].isdigit()):
            raise ValueError(f"{text!r}: digits behind a letter are ignored by SPICE; write the point as a point")
        if tail in _UNITS:
            scale = ""
        else:
            raise ValueError(f"{text!r}: expected a number with a scale factor (T G Meg k mil m u n p f) and a unit")
    return _finite(_times(decimal.replace("d", "e"), scale), text)


def _times(decimal: str, scale: str) -> float:
    """`float('4.7e-6')` for 4.7u: the nearest number, where a product would be rounded twice."""
    if scale not in _EXPONENTS:
        return float(decimal) * _SCALES.get(scale, 1.0)
    mantissa, _, exponent = decimal.partition("e")
    return float(f"{mantissa}e{int(exponent or 0) + _EXPONENTS[scale]}")


def _finite(value: float, text: str) -> float:
    if not isfinite(value):
        raise ValueError(f"{text!r}: expected a finite number")
    return value
