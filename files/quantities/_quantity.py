"""Numbers with prefixes and units as people write them, read in one way or refused."""

import math
import re
from decimal import Decimal
from numbers import Real
from typing import Any

from ._unit_text import ALONE, PREFIXES, QuantityError, factor_of, in_unit, other_unit, shown, two_readings, unreadable
from ._units import UNITS, Unit

LONGEST = 1000
"""Characters of a quantity; a double written out has some 300."""

# One repetition beside the next, never one within another: linear in the length.
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_POINT = re.compile(r"(Meg|MEG|meg|[A-Za-z])([0-9]+)")

_SAME = (
    ("\N{MICRO SIGN}", "u"),
    ("\N{GREEK SMALL LETTER MU}", "u"),
    ("\N{OHM SIGN}", "\N{GREEK CAPITAL LETTER OMEGA}"),
    ("\N{MINUS SIGN}", "-"),
    ("\N{DEGREE CELSIUS}", "degC"),
    ("\N{DEGREE SIGN} C", "degC"),
    ("\N{DEGREE SIGN}C", "degC"),
    ("deg C", "degC"),
    ("\N{SUPERSCRIPT TWO}", "^2"),
    ("**", "^"),
    ("\N{SQUARE ROOT}(Hz)", "sqrt(Hz)"),
    ("\N{SQUARE ROOT}Hz", "sqrt(Hz)"),
)

_CELSIUS = ("C", "degC", "Celsius", "celsius")
_ZERO_CELSIUS = Decimal("273.15")

DOUBTFUL_KELVIN = (1.0, 200.0)
"""A temperature in this range is asked for its unit: 25 is a usual one in degrees Celsius, and in kelvin it is none
that amplifiers work at."""


def parse_quantity(value: Any, unit: str) -> float:
    """The number in this unit.

    Numbers are taken as they are. Text is a decimal number, with an SI or SPICE prefix and the unit where they are
    written: `4k7`, `65Meg`, `155 V/us`, `25 ppm/K`, `-40 degC`. What people read in two ways is refused: `1M` is mega
    by SI and milli in SPICE, a decimal comma, a leading zero, an absolute temperature of 25 without its unit.

    Args:
        value: a number or text.
        unit: one of `UNITS`, by its name.

    Raises:
        QuantityError: one line with what was expected and what came.
    """
    return _parse(value, UNITS[unit])


def parse_whole(value: Any, unit: str = "count") -> int:
    """A quantity, as `parse_quantity` reads it, for what is counted: a whole number, exactly.

    Raises:
        QuantityError: one line with what was expected and what came.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _parse(value, UNITS[unit])
    if isinstance(value, str) and value.strip().lstrip("+-").isdecimal():
        # A float would round what is beyond 2^53 to another whole number.
        number = int(value)
    if number != int(number):
        raise QuantityError(f"expected a whole number{in_unit(UNITS[unit])}, got {shown(value)}")
    if abs(number) > 2**53:
        raise QuantityError(f"expected a whole number of at most 2^53, got {shown(value)}")
    return int(number)


def quantity_text(value: float | int, unit: str) -> float | int | str:
    """What `parse_quantity` reads back as the same number: the number, with its unit where that would be asked for."""
    if UNITS[unit].celsius and _is_doubtful(value):
        return f"{value!r} K"
    return value


def unit_factor(text: str, unit: str) -> float | None:
    """What a number in the unit of this text is multiplied with to be in `unit`; None for a unit of another kind.

    A unit with an offset, such as degrees Celsius, has no factor.
    """
    known = UNITS[unit]
    spelled = _same(text.strip())
    if spelled == known.name or (known.name == "" and spelled in ("1", "dimensionless")):
        return 1.0
    try:
        factor = factor_of(spelled, known, "1", glued=False)
    except QuantityError:
        return None
    return None if factor is None or spelled in ALONE else float(factor)


def _parse(value: Any, unit: Unit) -> float:
    if isinstance(value, str):
        number = _read(value, unit)
        return _checked(number, value, unit)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise QuantityError(f"expected a number{in_unit(unit)}, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise QuantityError(f"expected a finite number{in_unit(unit)}, got one beyond 1e308") from None
    _ask_for_unit(number, unit, f"{value}")
    return _checked(number, value, unit)


def _checked(number: float, value: Any, unit: Unit) -> float:
    if math.isfinite(number):
        return number
    raise _not_finite(value, unit)


def _not_finite(value: Any, unit: Unit) -> QuantityError:
    return QuantityError(f"Input should be a finite number{in_unit(unit)}, got {shown(value).strip(chr(39))}")


def _ask_for_unit(number: float, unit: Unit, text: str) -> None:
    if not unit.celsius or not math.isfinite(number):
        return
    if number <= 0:
        raise QuantityError(
            f"expected kelvin, greater than 0, got {text}; with its unit it may be degrees Celsius: {text} degC"
        )
    if _is_doubtful(number):
        raise QuantityError(f"{text} may be kelvin or degrees Celsius; write {text} K or {text} degC")


def _is_doubtful(kelvin: float) -> bool:
    return DOUBTFUL_KELVIN[0] <= kelvin < DOUBTFUL_KELVIN[1]


def _read(given: str, unit: Unit) -> float:
    if len(given) > LONGEST:
        raise QuantityError(f"expected a number{in_unit(unit)}, got {shown(given)} of {len(given):,} characters")
    text = _same(given.strip())
    found = _NUMBER.match(text)
    assert found is not None  # it matches nothing at all as well
    sign, before, after, exponent = found.groups()
    rest = text[found.end() :]
    if not before and not after:
        return _word(text, given, unit)
    if after is None and exponent is None and (point := _POINT.match(rest)):
        return _with_letter_as_point(sign + before, point, rest[point.end() :], given, unit)
    number = _decimal(sign, before, after or "", _exponent(exponent), given, unit)
    return _scaled(number, rest, given, unit, found.group())


def _same(text: str) -> str:
    """The text with one spelling for each sign that has several."""
    for sign, plain in _SAME:
        text = text.replace(sign, plain)
    return re.sub(r" ?([/^]) ?", r"\1", text)


def _exponent(digits: str | None) -> int:
    """An exponent of more than five characters leaves every range, and so does the largest of five."""
    if digits is None:
        return 0
    return int(digits) if len(digits) <= 5 else -99999 if digits[0] == "-" else 99999


def _decimal(sign: str, before: str, after: str, exponent: int, given: str, unit: Unit) -> Decimal:
    if len(before) > 1 and before[0] == "0":
        plain = before.lstrip("0") or "0"
        raise QuantityError(f"{shown(given)} begins with a zero, which may mean octal; write {plain[:20]}")
    digits = f"{before}{after}" or "0"
    return Decimal(f"{sign}{digits}e{exponent - len(after)}")


def _word(text: str, given: str, unit: Unit) -> float:
    if unit.letters and text[:1] in unit.letters and text[1:].isdecimal() and text.isascii():
        return _to_float(Decimal(f"0.{text[1:]}"), given, unit)  # R47
    lowered = text.lower().lstrip("+-.")
    if lowered in ("inf", "infinity", "nan"):
        raise _not_finite(given, unit)
    raise unreadable(given, unit)


def _with_letter_as_point(before: str, point: re.Match[str], rest: str, given: str, unit: Unit) -> float:
    """4k7 is 4.7 k: the letter stands where the point is (IEC 60062)."""
    letter, after = point.groups()
    if not before.lstrip("+-") or (letter not in unit.letters and (letter not in PREFIXES or not unit.bare)):
        raise unreadable(given, unit)
    sign = before[:1] if before[:1] in ("+", "-") else ""
    number = _decimal(sign, before.lstrip("+-"), after, 0, given, unit)
    if letter in unit.letters:
        letter = ""
    elif two := two_readings(letter, "", unit, f"{before}.{after}"):
        raise QuantityError(f"{shown(given)} is {two}")
    number = number.scaleb(PREFIXES[letter])
    word = rest.strip()
    if word and word not in unit.words:
        raise other_unit(given, word, unit)
    return _to_float(number, given, unit)


def _scaled(number: Decimal, rest: str, given: str, unit: Unit, digits: str) -> float:
    word = rest.strip()
    if unit.celsius and word in _CELSIUS:
        return _to_float(number + _ZERO_CELSIUS, given, unit)
    if unit.celsius and word in ("F", "degF", "\N{DEGREE SIGN}F", "Fahrenheit"):
        raise QuantityError(f"expected kelvin or degrees Celsius, such as {unit.examples}, got {shown(given)}")
    if unit.decibels and word in ("dB", "db", "DB"):
        return _amplitude(number, given, unit)
    if not word:
        _ask_for_unit(float(number), unit, digits)
        return _to_float(number, given, unit)
    if why := _separators(rest):
        raise QuantityError(f"expected a number{in_unit(unit)}, such as {unit.examples}; got {shown(given)}: {why}")
    if word in unit.unclear:
        raise QuantityError(f"{shown(given)} may be {unit.unclear[word]}; write the one that you mean")
    factor = factor_of(word, unit, digits, glued=rest == word)
    if factor is None:
        raise other_unit(given, word, unit)
    return _to_float(number * factor, given, unit)


def _amplitude(number: Decimal, given: str, unit: Unit) -> float:
    try:
        return math.pow(10, float(number) / 20)
    except OverflowError:
        raise _not_finite(given, unit) from None


def _separators(rest: str) -> str | None:
    """Why what follows the first digits is more of a number, and not a unit."""
    match rest[0]:
        case ",":
            return "write a decimal point, and nothing between thousands"
        case "_" | "'":
            return "write digits with nothing in between"
        case ":":
            return "write a time in seconds or with its unit, such as 90 s"
        case "." | "+" | "-":
            return "it is more than one number"
    if rest.lstrip()[:1].isdecimal() and not rest.lstrip().startswith("1/"):
        return "write digits with nothing in between"
    return None


def _to_float(number: Decimal, given: str, unit: Unit) -> float:
    found = float(number)
    if found == 0 and number != 0:
        raise QuantityError(f"expected a number{in_unit(unit)}, got {shown(given)}, which is nearer to 0 than 1e-323")
    if math.isinf(found):
        raise QuantityError(f"expected a finite number{in_unit(unit)}, got one beyond 1e308")
    return found
