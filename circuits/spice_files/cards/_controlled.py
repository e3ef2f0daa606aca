"""Cards of controlled sources."""

from collections.abc import Callable

from ...networks import (
    ControlledCurrent,
    ControlledVoltage,
    CurrentSource,
    Element,
    Transconductor,
    Transresistor,
    VoltageSource,
)
from ._site import Site, multiplied, nodes


def _controlled(site: Site, found: list[str]) -> tuple[list[str], list[tuple[str, str]], float, list[float]]:
    """Nodes, pairs of controlling nodes, the constant part and a factor for each pair, of E and G."""
    ends, rest = nodes(site, found, 2)
    rest = _without_kind(rest)
    count, rest = _order(site, rest)
    pairs = [(site.node(rest[2 * k]), site.node(rest[2 * k + 1])) for k in range(count) if len(rest) > 2 * k + 1]
    if len(pairs) != count or "=" in rest[: 2 * count]:
        raise ValueError(_FORM)
    return ends, pairs, *_factors(site, rest[2 * count :], count, "poly" in found[2:4])


def _check_m(site: Site, found: list[str], rest: list[str]) -> None:
    """Refuse m where ngspice 39 takes it for one of the numbers.

    Also one of the subcircuit, be it 1, which ngspice writes behind the card.
    """
    given = len(rest) < len(found)
    if "poly" in found[2:4] and (given or site.multiplied):
        raise ValueError("simulators disagree on m of a source with POLY; write the numbers as they are")
    if given and found[2] in _KINDS:
        raise ValueError(f"simulators disagree on m behind {found[2]}; leave {found[2]} out")
    if given and found[-3:-1] != ["m", "="]:
        raise ValueError("simulators disagree on m before other values; write it at the end")


_FORM = "expected two nodes, two controlling nodes and a factor; TABLE, LAPLACE and FREQ are not taken"


_KINDS = frozenset({"vcvs", "vccs", "ccvs", "cccs"})
_EXPRESSIONS = frozenset({"value", "vol", "cur", "table", "laplace", "freq", "chebyshev", "pwl", "delay", "and", "or"})


def _without_kind(rest: list[str]) -> list[str]:
    """The words behind the nodes without one that says once more what the letter says."""
    if rest and rest[0] in _EXPRESSIONS:
        raise ValueError(
            f"{rest[0].upper()} is not taken; expected controlling nodes or sources and a factor, POLY or VALUE={{...}}"
        )
    return rest[1:] if rest and rest[0] in _KINDS else rest


def _order(site: Site, rest: list[str]) -> tuple[int, list[str]]:
    """The number of controlling quantities: that behind POLY, else one."""
    if not rest or rest[0] != "poly":
        return 1, rest
    order = site.scope.value(rest[1]) if len(rest) > 1 else 0
    if order != int(order) or not 1 <= order <= 1000:
        raise ValueError("POLY: expected the number of controlling quantities")
    return int(order), rest[2:]


def _factors(site: Site, values: list[str], count: int, poly: bool) -> tuple[float, list[float]]:
    if not poly:
        if values[:2] == ["gain", "="]:
            values = values[2:]
        if len(values) != 1:
            raise ValueError(
                _FORM if len(values) == 0 or "=" in values else f"expected one factor, got {' '.join(values)}"
            )
        return 0.0, site.numbers(values)
    numbers = site.numbers(values)
    if len(numbers) < 2:
        raise ValueError("POLY: simulators disagree on a single coefficient; write the constant and the factors")
    if any(value != 0 for value in numbers[count + 1 :]):
        raise ValueError("POLY: a product of controlling quantities is not linear")
    numbers += [0.0] * (count + 1 - len(numbers))
    return numbers[0], numbers[1 : count + 1]


def voltage_by_voltage(site: Site, name: str, found: list[str]) -> list[Element]:
    (out, back), pairs, constant, factors = _controlled(site, found)

    def make(own: str, a: str, b: str, k: int) -> Element:
        return ControlledVoltage(own, a, b, *pairs[k], factors[k])

    return _in_series(name, out, back, constant, len(pairs), make)


def voltage_by_current(site: Site, name: str, found: list[str]) -> list[Element]:
    (out, back), sensors, constant, factors = _sensed(site, found)

    def make(own: str, a: str, b: str, k: int) -> Element:
        return Transresistor(own, a, b, sensors[k], factors[k])

    return _in_series(name, out, back, constant, len(sensors), make)


def _in_series(
    name: str, out: str, back: str, constant: float, count: int, make: Callable[[str, str, str, int], Element]
) -> list[Element]:
    """Controlled voltages, one on top of the other, with the constant at the bottom."""
    steps = count + (constant != 0)
    ends = [out, *(f"{name}#{k}" for k in range(1, steps)), back]
    found = [make(name if k == 0 else f"{name}#{k}", ends[k], ends[k + 1], k) for k in range(count)]
    return [*found, VoltageSource(f"{name}#dc", ends[-2], back, constant)] if constant != 0 else found


def current_by_voltage(site: Site, name: str, found: list[str]) -> list[Element]:
    m, rest = multiplied(site, found)
    _check_m(site, found, rest)
    (a, b), pairs, constant, factors = _controlled(site, rest)
    each = [
        Transconductor(name if k == 0 else f"{name}#{k}", a, b, *pair, factor * m)
        for k, (pair, factor) in enumerate(zip(pairs, factors, strict=True))
    ]
    return [*each, *_constant_current(name, a, b, constant * m)]


def current_by_current(site: Site, name: str, found: list[str]) -> list[Element]:
    m, rest = multiplied(site, found)
    _check_m(site, found, rest)
    (a, b), sensors, constant, factors = _sensed(site, rest)
    each = [
        ControlledCurrent(name if k == 0 else f"{name}#{k}", a, b, sensor, factor * m)
        for k, (sensor, factor) in enumerate(zip(sensors, factors, strict=True))
    ]
    return [*each, *_constant_current(name, a, b, constant * m)]


def _constant_current(name: str, a: str, b: str, constant: float) -> list[Element]:
    return [CurrentSource(f"{name}#dc", a, b, constant)] if constant != 0 else []


def _sensed(site: Site, found: list[str]) -> tuple[list[str], list[str], float, list[float]]:
    """Nodes, controlling voltage sources, the constant part and factors, of F and H."""
    ends, rest = nodes(site, found, 2)
    rest = _without_kind(rest)
    count, rest = _order(site, rest)
    sensors = rest[:count]
    if len(sensors) != count or not all(word[0] == "v" for word in sensors):
        raise ValueError("expected two nodes, a controlling voltage source and a factor")
    constant, factors = _factors(site, rest[count:], count, "poly" in found[2:4])
    return ends, [site.sensor(word) for word in sensors], constant, factors
