"""What stands behind a number: a prefix and a unit, or what can be read in two ways."""

from decimal import Decimal
from typing import Any

from ._units import UNITS, Unit

_LONGEST_SHOWN = 400

PREFIXES = {
    **{"": 0, "k": 3, "K": 3, "g": 9, "G": 9, "t": 12, "T": 12, "m": -3, "u": -6, "U": -6, "n": -9, "N": -9},
    **{"p": -12, "f": -15, "a": -18, "Meg": 6, "MEG": 6, "meg": 6, "M": 6, "P": 15},
}
"""Powers of ten. SPICE has no difference between capitals and others; SI has one in M and P, see `two_readings`."""

ALONE = tuple(prefix for prefix in PREFIXES if prefix)


class QuantityError(ValueError):
    """A number is not one that can be read in one way; one line that says what was expected."""


def factor_of(word: str, unit: Unit, digits: str, *, glued: bool) -> Decimal | None:
    """The size of a unit as it is spelled; None where it is another unit."""
    if not unit.denominators:
        return _numerator(word, "", unit, digits, glued)
    above, slash, below = word.partition("/")
    if not slash:
        return _numerator(word, "", unit, digits, glued) if _no_unit(word, unit) else None
    if below not in unit.denominators:
        return None
    numerator = _numerator(above, f"/{below}", unit, digits, glued)
    return None if numerator is None else numerator * unit.denominators[below]


def _no_unit(word: str, unit: Unit) -> bool:
    return word in PREFIXES or (word in unit.factors and word != "1")


def _numerator(word: str, below: str, unit: Unit, digits: str, glued: bool) -> Decimal | None:
    if word in unit.factors:
        return unit.factors[word]
    for prefix, exponent in PREFIXES.items():
        rest = word[len(prefix) :]
        if not word.startswith(prefix) or not _belongs(prefix, rest, unit):
            continue
        if two := two_readings(prefix, f"{rest}{below}", unit, digits, glued):
            raise QuantityError(f"{digits}{word}{below} is {two}")
        return Decimal(1).scaleb(exponent * unit.power)
    return None


def _belongs(prefix: str, rest: str, unit: Unit) -> bool:
    if rest == "":
        return bool(prefix) and unit.bare
    if unit.name == "F" and rest == "f":  # 100pf
        return bool(prefix)
    return rest in unit.words


def two_readings(prefix: str, rest: str, unit: Unit, digits: str, glued: bool = True) -> str | None:
    """Both meanings of a prefix that SPICE and SI, or capitals and others, tell apart; None where there is one.

    SPICE knows no capitals, so that only an SI unit with a small letter in it shows which of the two is written.
    """
    if unit.name == "byte":
        return None  # no SPICE writes bytes
    capitals = rest == "" or (rest.isascii() and rest.isupper())
    if prefix == "M" and (capitals or rest == "hz"):
        return f"mega by SI and milli in SPICE; write {digits}Meg{rest} or {digits}m{rest}"
    if prefix == "m" and rest in ("hz", "HZ"):
        return f"milli as it stands and mega as many write it; write {digits} MHz or {digits} mHz"
    if prefix == "P" and capitals:
        return f"peta by SI and pico in SPICE; write {digits}e15 or {digits}p{rest}"
    if prefix == "" and rest == "F" and glued:
        return f"farad by SI and femto in SPICE; write {digits} F or {digits}f"
    return None


def other_unit(given: str, word: str, unit: Unit) -> QuantityError:
    """The error for a number in a unit of something else."""
    return QuantityError(
        f"expected a number{in_unit(unit)}, such as {unit.examples};"
        f" got the unit {_unit_alone(word)!r} in {shown(given)}"
    )


def _unit_alone(word: str) -> str:
    """A unit without its prefix, where it is one that is known."""
    known = {spelling for unit in UNITS.values() for spelling in (*unit.words, *unit.factors) if spelling}
    if word in known:
        return word
    tails = [word[len(prefix) :] for prefix in ALONE if word.startswith(prefix)]
    return next((tail for tail in tails if tail in known), word if len(word) <= 40 else word[:37] + "...")


def unreadable(given: str, unit: Unit) -> QuantityError:
    """The error for what is no number with a unit."""
    return QuantityError(f"expected a number{in_unit(unit)}, such as {unit.examples}; got {shown(given)}")


def in_unit(unit: Unit) -> str:
    """The unit that is expected, in words."""
    if unit.celsius:
        return " in K (kelvin)"
    return f" in {unit.said}" if unit.said else ""


def shown(value: Any) -> str:
    """A value as a message quotes it: no longer than a person reads."""
    text = repr(value) if not isinstance(value, str) else repr(value[:60])
    cut = isinstance(value, str) and len(value) > 60
    text = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
    return f"{text[:-1]}...{text[-1]}" if cut else text
