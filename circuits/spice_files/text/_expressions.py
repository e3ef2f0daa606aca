"""The closed arithmetic of parameters: numbers, names, operators and a list of functions. Nothing is executed.

An expression of a source has voltages and currents in it too; one that is linear in them is worked out exactly.
"""

import re
from collections.abc import Callable
from math import isfinite

from ._linear import Linear, NotLinearError
from ._numbers import NUMBER, scaled
from ._operators import (
    CHOOSING,
    COMPARISONS,
    DISAGREE,
    DISPUTED,
    EQUALITIES,
    FUNCTIONS,
    LEVELS,
    OF_PARAMETERS,
    RANDOM,
    SIGNS,
    power,
)

MOST_CHARACTERS = 20_000
MOST_DEPTH = 60
"""Of parentheses and functions inside each other; a page of arithmetic has five."""

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[a-z_][a-z0-9_.$]*")
_LETTERS = re.compile(r"[a-zµμω][a-z0-9µμω]*")
_NAMES = re.compile(r"([^()]*)\)")
_OPERATOR = re.compile(r"\*\*|&&|\|\||==|!=|<>|<=|>=|[-+*/%\\^<>!?:(),]")


Value = float | Linear
QuantityOf = Callable[[str, list[str]], Linear]
"""The voltage (`v`) or current (`i`) of some names; may raise `ValueError`."""


def evaluate(text: str, value_of: Callable[[str], float]) -> float:
    """The value of an expression; `value_of` gives a name's, and may raise `ValueError` or `KeyError`.

    Raises:
        ValueError: what is no such expression, or has no finite real value; the message says where.
    """
    found = _worked_out(text, value_of, None)
    assert not isinstance(found, Linear)
    return found


def evaluate_linear(text: str, value_of: Callable[[str], float], quantity_of: QuantityOf) -> Linear:
    """The coefficients of an expression that is linear in voltages `v(a,b)` and currents `i(source)`.

    Raises:
        ValueError: as `evaluate`; or an expression that is not linear, by what makes it so.
    """
    found = _worked_out(text, value_of, quantity_of)
    return found if isinstance(found, Linear) else Linear({}, found)


def _worked_out(text: str, value_of: Callable[[str], float], quantity_of: QuantityOf | None) -> Value:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"expected an expression of at most {MOST_CHARACTERS:,} characters, got {len(text):,}")
    reader = _Reader(text.lower(), value_of, quantity_of)
    try:
        value = reader.whole()
    except NotLinearError as error:
        raise ValueError(f"{_shown(text)}: {error} is not linear") from None
    except ZeroDivisionError:
        raise ValueError(f"{_shown(text)}: division by zero") from None
    except RecursionError:
        # Parameters that stand on each other, each inside parentheses, add up.
        raise ValueError(f"{_shown(text)}: expected parentheses and parameters that are less deep") from None
    except (OverflowError, ArithmeticError):
        raise ValueError(f"{_shown(text)}: expected a finite value") from None
    numbers = (value.constant, *value.terms.values()) if isinstance(value, Linear) else (value,)
    for number in numbers:
        if not isfinite(number):
            raise ValueError(f"{_shown(text)}: expected a finite value, got {number}")
    return value if isinstance(value, Linear) else float(value)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


class _Reader:
    """Recursive descent; each level of operators reads the next tighter one."""

    def __init__(self, text: str, value_of: Callable[[str], float], quantity_of: QuantityOf | None) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._behind_operator = False
        self._sign_behind = False
        self._value_of = value_of
        self._quantity_of = quantity_of

    def whole(self) -> Value:
        value = self._choice()
        if self._peek():
            raise self._fault("the end")
        return value

    def _fault(self, expected: str) -> ValueError:
        rest = self._text[self._at :].strip()
        got = "nothing more" if not rest else repr(rest[:20])
        return ValueError(f"{_shown(self._text)}: expected {expected}, got {got}")

    def _peek(self) -> str:
        """The operator that comes next, or some text that is none; empty at the end."""
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # matches anywhere
        found = _OPERATOR.match(self._text, self._at)
        return found[0] if found else self._text[self._at : self._at + 1]

    def _take(self, *operators: str) -> str:
        found = self._peek()
        if found not in operators:
            return ""
        self._at += len(found)
        return found

    def _choice(self) -> Value:
        """`condition ? a : b`; both are worked out, so that a fault in either is told."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise ValueError(f"{_shown(self._text)}: expected at most {MOST_DEPTH} levels of parentheses")
        value = self._level(0)
        if self._take("?"):
            first = self._first_choice()
            if not self._take(":"):
                raise self._fault("':'")
            second = self._choice()
            value = first if value else second
        self._depth -= 1
        return value

    def _first_choice(self) -> Value:
        self._behind_operator = True
        if self._peek() == "-" and not NUMBER.match(self._text, self._at + 1):
            raise self._disputed("a sign behind '?'")
        value = self._level(0)
        if self._peek() == "?":
            raise self._disputed("a choice between '?' and ':'")
        return value

    def _disputed(self, what: str) -> ValueError:
        return ValueError(f"{_shown(self._text)}: {DISAGREE.format(what, 'parentheses')}")

    def _level(self, level: int) -> Value:
        if level == len(LEVELS):
            return self._signed()
        signed = self._peek() in SIGNS
        value = self._level(level + 1)
        operators = LEVELS[level]
        while operator := self._take(*operators):
            self._behind_operator = True
            if operator == "\\" and signed:
                raise self._disputed("a sign before a whole quotient")
            value = operators[operator](value, self._level(level + 1 + (level == EQUALITIES)))
            self._refuse_in_source(operator)
            if level in COMPARISONS and self._sign_behind and self._quantity_of is not None:
                raise self._disputed("a sign behind an operator in a comparison")
            if level == EQUALITIES and self._peek() in LEVELS[level + 1]:
                raise self._disputed("which of two comparisons comes first")
        return value

    def _signed(self) -> Value:
        behind = self._behind_operator
        self._behind_operator = False
        sign = self._take(*SIGNS)
        if sign and self._peek() in SIGNS:
            raise self._disputed("two signs in a row")
        if sign and behind and self._quantity_of is None:
            self._refuse_sign_of_more_than_a_number()
        self._sign_behind |= bool(sign) and behind
        value = self._power(signed=sign == "!" or (bool(sign) and behind))
        if sign == "!":
            self._refuse_operator("what '!' is applied to")
            return float(not value)
        return -value if sign == "-" else value

    def _refuse_sign_of_more_than_a_number(self) -> None:
        """ngspice binds such a sign to what follows, however far it goes."""
        self._peek()
        if not NUMBER.match(self._text, self._at):
            raise self._disputed("a sign behind an operator")

    def _refuse_in_source(self, name: str) -> None:
        if name in OF_PARAMETERS and self._quantity_of is not None:
            raise ValueError(f"{_shown(self._text)}: {DISAGREE.format(f'{name} in a source', 'it into a .param')}")

    def _refuse_operator(self, what: str) -> None:
        if self._peek() not in ("", ")", ",", "?", ":"):
            raise self._disputed(what)

    def _power(self, signed: bool) -> Value:
        base = self._operand()
        if not self._take("**", "^"):
            return base
        if signed:
            raise self._disputed("a sign before a power")
        exponent = -self._signed_exponent() if self._take("-") else self._operand()
        if self._peek() in ("**", "^"):
            raise ValueError(f"{_shown(self._text)}: simulators disagree on a^b^c; write parentheses")
        if isinstance(base, Linear) or isinstance(exponent, Linear):
            raise NotLinearError("a power")
        return self._real(lambda: power(base, exponent))

    def _signed_exponent(self) -> Value:
        if self._quantity_of is None:
            self._refuse_sign_of_more_than_a_number()
        return self._operand()

    def _operand(self) -> Value:
        if self._take("("):
            value = self._choice()
            if not self._take(")"):
                raise self._fault("')'")
            return value
        self._peek()
        if found := NUMBER.match(self._text, self._at):
            return self._number(found[0])
        if name := _NAME.match(self._text, self._at):
            self._at = name.end()
            return self._call(name[0]) if self._take("(") else self._value(name[0])
        raise self._fault("a number, a name or '('")

    def _number(self, decimal: str) -> Value:
        self._at += len(decimal)
        tail = _LETTERS.match(self._text, self._at)
        letters = tail[0] if tail else ""
        self._at += len(letters)
        if letters.startswith("mil"):
            # ngspice takes it for milli in a parameter, for a thousandth of an inch on a card
            raise ValueError(f"{decimal + letters}: {DISAGREE.format('mil', '25.4u')}")
        return scaled(decimal, letters, decimal + letters)

    def _value(self, name: str) -> Value:
        try:
            return self._value_of(name)
        except KeyError:
            raise ValueError(f"{_shown(self._text)}: there is no parameter {name!r}") from None

    def _quantity(self, name: str, quantity_of: QuantityOf) -> Value:
        found = _NAMES.match(self._text, self._at)
        if found is None:
            raise self._fault("a name and ')'")
        self._at = found.end()
        return quantity_of(name, [part.strip() for part in found[1].split(",")])

    def _call(self, name: str) -> Value:
        if name in ("v", "i") and self._quantity_of is not None:
            return self._quantity(name, self._quantity_of)
        arguments = [self._choice()]
        while self._take(","):
            arguments.append(self._choice())
        if not self._take(")"):
            raise self._fault("')'")
        if name in RANDOM:
            raise ValueError(f"{name}() draws at random; tolerances of a circuit are described beside it")
        if name in DISPUTED:
            raise ValueError(DISPUTED[name])
        if name not in FUNCTIONS:
            raise ValueError(f"there is no function {name}(); expected one of {', '.join(sorted(FUNCTIONS))}")
        self._refuse_in_source(name)
        count, function = FUNCTIONS[name]
        if len(arguments) != count:
            raise ValueError(f"{name}(): expected {count} arguments, got {len(arguments)}")
        chosen = arguments[:1] if name in CHOOSING else arguments
        if any(isinstance(argument, Linear) for argument in chosen):
            raise NotLinearError(f"{name}() of a voltage or a current")
        return self._real(lambda: function(*arguments))

    def _real(self, work: Callable[[], Value | complex]) -> Value:
        try:
            value = work()
        except ValueError as error:
            own = str(error).startswith("simulators")
            raise ValueError(f"{_shown(self._text)}: {error if own else 'a function outside its range'}") from None
        if isinstance(value, complex):
            raise ValueError(f"{_shown(self._text)}: a function outside its range")
        return value if isinstance(value, Linear) else float(value)
