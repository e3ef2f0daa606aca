"""Cards of sources with an expression: B, and E and G with VALUE, where the expression is linear."""

import re
from collections.abc import Callable, Iterator

from ...networks import (
    NODE_NAME,
    ControlledCurrent,
    ControlledVoltage,
    CurrentSource,
    Element,
    Transconductor,
    Transresistor,
    VoltageSource,
)
from ..text import Linear, given, words
from ._site import Site

_NODE = r"[^\s=,(){}'\"]+"
_CARD = re.compile(
    rf"(?P<name>[beg]\S*)\s+(?P<ends>\(?\s*(?P<a>{_NODE})[\s,]+(?P<b>{_NODE})[\s,)]+)(?P<kind>value|vol|cur|v|i)\s*"
    r"(?:=|(?=[{']))\s*(?P<rest>.*)",
    re.DOTALL,
)
_KINDS = {
    "b": {"v": "v", "i": "i"},
    "e": {"value": "v", "vol": "v"},
    "g": {"value": "i", "cur": "i"},
}
"""Whether a voltage or a current is given, by the letter of the card and its word."""

_GIVEN = re.compile(r"(?:^|(?<=[\s,]))[a-z_]\w*\s*=(?!=)")


def has_expression(text: str) -> bool:
    """Whether a card is one of these."""
    first = text[:1].lower()
    return first == "b" or (first in "eg" and _matched(text) is not None)


def _matched(text: str) -> re.Match[str] | None:
    found = _CARD.fullmatch(" ".join(text.lower().split()))
    return found if found is not None and found["kind"] in _KINDS[text[0].lower()] else None


def from_expression(site: Site, text: str) -> list[Element]:
    """The elements of such a card.

    Raises:
        ValueError: an expression that is not linear, or no such card.
    """
    found = _matched(text)
    if found is None:
        raise ValueError(f"{text.split()[0].lower()}: expected two nodes, then V= or I= and an expression")
    name = found["name"]
    if not NODE_NAME.fullmatch(name):
        raise ValueError(f"expected the name of an element, got {name!r}")
    try:
        return _elements(site, found, _KINDS[name[0]][found["kind"]])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _elements(site: Site, found: re.Match[str], kind: str) -> list[Element]:
    if found["name"][0] != "b":
        _check_form(found)
    expression, factor = _parts(site, found["rest"], kind)

    def quantity(which: str, names: list[str]) -> Linear:
        return _quantity(site, which, names)

    value = _value(site, expression, quantity)
    terms = {quantity: number for quantity, number in value.terms.items() if number != 0}
    ends = (site.node(found["a"]), site.node(found["b"]))
    name = site.prefix + found["name"]
    if kind == "v":
        return list(_voltages(name, *ends, Linear(terms, value.constant)))
    return list(_currents(name, *ends, Linear(terms, value.constant) * factor))


def _check_form(found: re.Match[str]) -> None:
    """Refuse what ngspice 39 takes of B and not of E and G."""
    if not found["rest"].startswith(("{", "'")):
        kind = found["kind"].upper()
        raise ValueError(f"simulators disagree on an expression without braces; write {kind}={{...}}")
    if found["ends"].startswith("(") and "," in found["ends"]:
        raise ValueError("simulators disagree on (a,b) before an expression; write the nodes with a blank between")


def _parts(site: Site, rest: str, kind: str) -> tuple[str, float]:
    """The expression, and how many sources stand for one."""
    first = _GIVEN.search(_outside(rest))
    expression = (rest if first is None else rest[: first.start()]).strip(" \t,")
    named = {} if first is None else given(words(rest[first.start() :])).named
    factor = site.scope.value(named.pop("m")[0]) if kind == "i" and len(named.get("m", ())) == 1 else 1.0
    if named:
        raise ValueError(f"{next(iter(named))}= is not known here; expected an expression alone")
    if not factor > 0:
        raise ValueError(f"expected m above 0, got {factor:g}")
    if kind == "i" and site.multiplier != 1:
        raise ValueError("simulators disagree on an expression in a subcircuit that stands for several (m)")
    if not expression:
        raise ValueError("expected an expression")
    quoted = len(expression) > 1 and expression[0] == expression[-1] == "'" and "'" not in expression[1:-1]
    return (expression[1:-1] if quoted else expression), factor


def _outside(text: str) -> str:
    """The text with blanks for what stands in brackets or quotes."""
    depth = 0
    quoted = False
    shown = []
    for c in text:
        depth += (c in "({") - (c in ")}")
        quoted ^= c == "'"
        shown.append(" " if depth > 0 or quoted or c in ")}'" else c)
    return "".join(shown)


_PARENTHESES = str.maketrans("{}", "()")
_PASTED = str.maketrans("{}", "  ")


def _value(site: Site, expression: str, quantity: Callable[[str, list[str]], Linear]) -> Linear:
    """What it comes to where braces are parentheses, as in LTspice, and where they are nothing, as in ngspice."""
    value = site.scope.linear(expression.translate(_PARENTHESES), quantity)
    if "{" in expression and not _same(value, _pasted(site, expression, quantity)):
        raise ValueError("simulators disagree on braces inside an expression; write parentheses")
    return value


def _pasted(site: Site, expression: str, quantity: Callable[[str, list[str]], Linear]) -> Linear | None:
    try:
        return site.scope.linear(expression.translate(_PASTED), quantity)
    except ValueError:
        return None


def _same(one: Linear, other: Linear | None) -> bool:
    if other is None:
        return False
    difference = one - other
    size = max(map(abs, (one.constant, *one.terms.values())))
    return max(map(abs, (difference.constant, *difference.terms.values()))) <= _ROUNDING * size


_ROUNDING = 1e-12


def _quantity(site: Site, which: str, names: list[str]) -> Linear:
    if which == "v" and len(names) in (1, 2) and all(names):
        plus, minus = (site.node(word) for word in (*names, "0")[:2])
        return Linear({("v", plus, minus): 1.0} if plus != minus else {})
    if which == "i" and len(names) == 1 and names[0].startswith("v"):
        return Linear({("i", site.sensor(names[0])): 1.0})
    such = "the current through a voltage source, such as i(v1)" if which == "i" else "v(node) or v(node,node)"
    raise ValueError(f"expected {such}, got {which}({','.join(names)[:40]})")


def _voltages(name: str, out: str, back: str, value: Linear) -> Iterator[Element]:
    """Controlled voltages, one on top of the other, with the constant at the bottom."""
    makers: list[Callable[[str, str, str], Element]] = [_voltage(key, factor) for key, factor in value.terms.items()]
    if value.constant != 0 or not makers:
        makers.append(lambda own, a, b: VoltageSource(own, a, b, value.constant))
    nodes = [out, *(f"{name}#{k}" for k in range(1, len(makers))), back]
    for k, make in enumerate(makers):
        yield make(name if k == 0 else f"{name}#{k}", nodes[k], nodes[k + 1])


def _voltage(key: tuple[str, ...], factor: float) -> Callable[[str, str, str], Element]:
    if key[0] == "v":
        return lambda own, a, b: ControlledVoltage(own, a, b, key[1], key[2], factor)
    return lambda own, a, b: Transresistor(own, a, b, key[1], factor)


def _currents(name: str, a: str, b: str, value: Linear) -> Iterator[Element]:
    terms = list(value.terms.items())
    for k, (key, factor) in enumerate(terms):
        own = name if k == 0 else f"{name}#{k}"
        if key[0] == "v":
            yield Transconductor(own, a, b, key[1], key[2], factor)
        else:
            yield ControlledCurrent(own, a, b, key[1], factor)
    if value.constant != 0 or not terms:
        yield CurrentSource(name if not terms else f"{name}#dc", a, b, value.constant)
