"""What the operators and functions of parameters mean, where simulators agree on it."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from ._linear import Linear, NotLinearError

DISAGREE = "simulators disagree on {}; write {}"
_ROUNDING = 1e-12


def power(base: float, exponent: float) -> float:
    if base < 0 and exponent % 2 != 0:
        raise ValueError("simulators disagree on a power of a negative number; write it without")
    return math.pow(base, exponent)


def _signed_power(base: float, exponent: float) -> float:
    if base < 0:
        raise ValueError("simulators disagree on a power of a negative number; write it without")
    return math.pow(base, exponent)


def _whole_quotient(a: Any, b: Any) -> float:
    if isinstance(quotient := a / b, Linear):
        raise NotLinearError("a whole part of a voltage or a current")
    if quotient < 0:
        raise ValueError(DISAGREE.format("a negative quotient by \\", "int(a/b)"))
    return float(math.trunc(quotient))


def _remainder(a: Any, b: Any) -> float:
    """Of whole numbers, or where rounding does not decide between nothing and almost a whole divisor."""
    found = math.fmod(a, b)
    edge = min(abs(found), abs(b) - abs(found))
    whole = float(a).is_integer() and float(b).is_integer()
    if not whole and edge <= _ROUNDING * abs(a):
        raise ValueError(DISAGREE.format("a remainder that rounding decides", "whole numbers"))
    return found


FUNCTIONS: Mapping[str, tuple[int, Callable[..., float]]] = {
    "sqrt": (1, math.sqrt), "sqr": (1, lambda x: x * x), "exp": (1, math.exp), "ln": (1, math.log),
    "log": (1, math.log), "log10": (1, math.log10), "abs": (1, abs), "sgn": (1, lambda x: float((x > 0) - (x < 0))),
    "sin": (1, math.sin), "cos": (1, math.cos), "tan": (1, math.tan), "asin": (1, math.asin),
    "acos": (1, math.acos), "atan": (1, math.atan), "arctan": (1, math.atan), "sinh": (1, math.sinh),
    "cosh": (1, math.cosh), "tanh": (1, math.tanh), "floor": (1, math.floor), "ceil": (1, math.ceil),
    "int": (1, math.trunc), "nint": (1, round), "min": (2, min), "max": (2, max), "pow": (2, power),
    "pwr": (2, _signed_power), "ternary_fcn": (3, lambda c, a, b: a if c else b),
}  # fmt: skip
"""Functions by name, with the number of their arguments."""

RANDOM = frozenset({"gauss", "agauss", "unif", "aunif", "rnd", "random", "flat", "mc"})

DISPUTED = {
    "limit": "simulators disagree on limit(): some draw at random; write min(max(x, low), high)",
    "if": "simulators disagree on if(): ngspice has none; write condition ? a : b",
    "atan2": "simulators disagree on atan2(): ngspice has none; write atan(y/x), with pi added where x is below 0",
}
CHOOSING = frozenset({"ternary_fcn"})
"""Functions whose last two arguments may be voltages and currents."""

OF_PARAMETERS = frozenset({"int", "sqr", "arctan", "%", "\\"})
"""What ngspice knows in a parameter and in no expression of a source."""

LEVELS: tuple[Mapping[str, Callable[[Any, Any], Any]], ...] = (
    {"||": lambda a, b: float(bool(a) or bool(b))},
    {"&&": lambda a, b: float(bool(a) and bool(b))},
    {
        "==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b), "<>": lambda a, b: float(a != b),
    },
    {
        "<": lambda a, b: float(a < b), ">": lambda a, b: float(a > b),
        "<=": lambda a, b: float(a <= b), ">=": lambda a, b: float(a >= b),
    },
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a / b, "%": _remainder, "\\": _whole_quotient},
)  # fmt: skip
"""Operators from the loosest to the tightest, each level from left to right."""
EQUALITIES = 2
COMPARISONS = (2, 3)
SIGNS = ("-", "+", "!")
