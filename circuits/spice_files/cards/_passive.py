"""Cards of resistors, capacitors, inductors and their couplings."""

from dataclasses import dataclass

from ...networks import Capacitor, Coupling, Element, Inductor, Resistor, Transconductor
from ..definitions import Model, Scope
from ..text import Given, given, unbraced
from ._site import CELSIUS, Conditions, Site, check_names, nodes

# Beyond these a product of two values no longer fits a number, and no component has them.
_LARGEST = 1e40

_LEAST_OF_A_MODEL = 1e-3
"""ngspice takes this for less [ohm]."""

_PASSIVE = frozenset({"tc1", "tc2", "temp", "dtemp", "m", "scale"})

_RATINGS = frozenset({"tol", "pwr", "v", "irms", "ipk", "mfg", "pn", "type"})
"""What LTspice notes of a part that is bought; it changes no circuit."""

_PARASITES = frozenset({"rser", "lser", "cpar"})
"""Elements that LTspice has inside of another; none where they are zero."""


@dataclass(frozen=True, slots=True)
class _Passive:
    """What resistors, capacitors and inductors share: a value at a temperature."""

    value: float
    temperature: float | None
    multiplier: float
    named: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How ngspice 39 names the value of one kind of part: on its card, and in a model of one of some kinds."""

    aliases: tuple[str, ...]
    in_model: tuple[str, ...]
    models: tuple[str, ...]
    more: str
    """Of its card alone."""


_RESISTOR = _Kind(("r", "resistance"), ("r", "res", "resistance"), ("r", "res"), "noisy noise tc")
_CAPACITOR = _Kind(("c", "cap", "capacitance"), ("cap", "capacitance"), ("c",), "ic")
_INDUCTOR = _Kind(("l", "inductance"), ("ind", "inductance"), ("l",), "ic")


def _passive(site: Site, rest: list[str], kind: _Kind) -> _Passive:
    if rest[:2] == ["m", "="]:
        raise ValueError("simulators disagree on m before the value; write it at the end")
    sorted_ = _without_notes(site, given(rest), kind.aliases)
    check_names(sorted_, _PASSIVE | {*kind.aliases, *kind.more.split()})
    number = {name: site.scope.value(values[0]) for name, values in sorted_.named.items()}
    models = [word for word in sorted_.positional if word[0].isalpha() and not site.scope.knows(word)]
    values = [word for word in sorted_.positional if word not in models]
    if both := [word for word in values if site.block.model(word) is not None]:
        raise ValueError(f"{both[0]} is a parameter and a model; expected two names")
    if len(values) > 1 or len(models) > 1:
        raise ValueError(f"expected one value, got {' '.join(sorted_.positional)}")
    _check_order(sorted_.positional, values, models, kind)
    model = _model_values(site, models[0], kind) if models else {}
    value = _one_value(site, values, number, model, kind)
    if len(sorted_.named.get("tc", ())) == 2:
        number["tc2"] = site.scope.value(sorted_.named["tc"][1])
    own = _own_temperature(number, site.conditions)
    T = site.conditions.temperature if own is None else own
    rise = T - model.get("tnom", site.conditions.nominal - CELSIUS) - CELSIUS
    tc1 = number.get("tc1", number.get("tc", model.get("tc1", 0.0)))
    tc2 = number.get("tc2", model.get("tc2", 0.0))
    value *= number.get("scale", 1.0) * (1 + tc1 * rise + tc2 * rise**2)
    multiplier = number.get("m", 1.0) * site.multiplier
    if not 0 < multiplier < _LARGEST:
        raise ValueError(f"expected m above 0, got {multiplier:g}")
    if value != 0 and not 1 / _LARGEST < abs(value) < _LARGEST:
        raise ValueError(f"expected a value between {1 / _LARGEST:g} and {_LARGEST:g}, got {value:g}")
    return _Passive(value, own, multiplier, number)


def _check_order(found: list[str], values: list[str], models: list[str], kind: _Kind) -> None:
    """Refuse what ngspice takes for something else: an expression or, of C and L, any value before a model."""
    if not (models and values and found[0] == values[0]):
        return
    if kind is not _RESISTOR or unbraced(found[0]) is not None or found[0][0].isalpha():
        raise ValueError(f"simulators disagree on a value before a model; write {models[0]} first, then the value")


def _without_notes(site: Site, sorted_: Given, aliases: tuple[str, ...]) -> Given:
    """What is given without ratings, and without parasites that are zero."""
    named = {name: values for name, values in sorted_.named.items() if name not in _RATINGS - {*aliases}}
    for name in sorted(_PARASITES & {*named}):
        value = site.scope.value(named.pop(name)[0])
        if value != 0:
            raise ValueError(f"{name}={value:g}: expected a part without elements inside; write an element of its own")
    return Given(sorted_.positional, named)


def _one_value(site: Site, values: list[str], number: dict[str, float], model: dict[str, float], kind: _Kind) -> float:
    by_name = [number[alias] for alias in kind.aliases if alias in number]
    found = [*(site.scope.value(word) for word in values), *by_name]
    if len(found) > 1:
        raise ValueError("expected one value, got two")
    found += [model[alias] for alias in kind.in_model if alias in model]
    if not found:
        raise ValueError("expected a value")
    if kind is _RESISTOR and not values and not by_name and abs(found[0]) < _LEAST_OF_A_MODEL:
        raise ValueError(f"simulators disagree on a model's resistance below 1 mOhm, got {found[0]:g}; write it here")
    return found[0]


def _model_values(site: Site, name: str, kind: _Kind) -> dict[str, float]:
    model = site.block.model(name)
    if model is None:
        raise ValueError(f"expected a value, got {name!r}, which is no parameter and no model")
    return _values(site.scope, name, model, kind)


def _values(scope: Scope, name: str, model: Model, kind: _Kind) -> dict[str, float]:
    """The numbers of a model of a passive element.

    Raises:
        ValueError: another kind of model, or a value that has an effect which is not known here.
    """
    if model.kind not in kind.models:
        raise ValueError(f"model {name}: expected one of kind {kind.models[0].upper()}, got {model.kind}")
    for key, values in model.values.items():
        if values[0][0].isalpha():
            raise ValueError(f"model {name}: simulators disagree on {key}={values[0]}; write {{{values[0]}}}")
    found = {key: scope.value(values[0]) for key, values in model.values.items()}
    known = {*kind.in_model, "tc1", "tc2", "tnom"}
    unknown = [key for key, value in found.items() if key not in known and (value != 0 or key in kind.aliases)]
    if unknown:
        expected = f"{kind.in_model[0]}, tc1, tc2 and tnom"
        if unknown[0] in kind.aliases:
            raise ValueError(f"model {name}: simulators disagree on {unknown[0]} in a model; expected {expected}")
        raise ValueError(f"model {name}: {unknown[0]} is not known here; expected {expected}")
    return found


def _own_temperature(number: dict[str, float], conditions: Conditions) -> float | None:
    """Of an element whose line gives one [K]."""
    if "temp" in number and "dtemp" in number:
        raise ValueError("expected temp or dtemp, got both")
    if "temp" not in number and "dtemp" not in number:
        return None
    T = number["temp"] + CELSIUS if "temp" in number else conditions.temperature + number["dtemp"]
    if not T >= 0:
        raise ValueError(f"expected a temperature above absolute zero, got {T - CELSIUS:g} C")
    return T


def resistor(site: Site, name: str, found: list[str]) -> list[Element]:
    (a, b), rest = nodes(site, found, 2)
    parts = _passive(site, rest, _RESISTOR)
    noisy = parts.named.get("noisy", parts.named.get("noise", 1.0)) != 0
    R = parts.value / parts.multiplier
    if R == 0:
        raise ValueError("a resistance of 0; write a voltage source of 0 V")
    if R < 0:
        if noisy:
            raise ValueError("a negative resistance has no thermal noise; write noisy=0 or a controlled source")
        return [Transconductor(name, a, b, a, b, 1 / R)]
    return [Resistor(name, a, b, R, noisy, parts.temperature)]


def capacitor(site: Site, name: str, found: list[str]) -> list[Element]:
    (a, b), rest = nodes(site, found, 2)
    parts = _passive(site, rest, _CAPACITOR)
    C = parts.value * parts.multiplier
    if C < 0:
        raise ValueError(f"expected a capacitance of at least 0, got {C:g}")
    # One of zero is no capacitor; its nodes have to be held by something else.
    return [Capacitor(name, a, b, C, initial=parts.named.get("ic", 0.0))] if C > 0 else []


def inductor(site: Site, name: str, found: list[str]) -> list[Element]:
    (a, b), rest = nodes(site, found, 2)
    parts = _passive(site, rest, _INDUCTOR)
    L = parts.value / parts.multiplier
    if not L > 0:
        raise ValueError(f"expected an inductance above 0, got {L:g}; a wire is a voltage source of 0 V")
    initial = parts.named.get("ic", 0.0)
    if initial != 0 and parts.multiplier != 1:
        raise ValueError(
            f"simulators disagree whether ic={initial:g} is of one or of all where an inductor stands for several (m);"
            " write each out"
        )
    return [Inductor(name, a, b, L, initial)]


def coupling(site: Site, name: str, found: list[str]) -> list[Element]:
    sorted_ = given(found)
    check_names(sorted_, frozenset({"k"}))
    *inductors, last = [*sorted_.positional, *sorted_.named.get("k", [])] or [""]
    if len(inductors) < 2 or len(set(inductors)) != len(inductors) or not all(word[0] == "l" for word in inductors):
        raise ValueError("expected two inductors or more, then a coefficient")
    if site.multiplier != 1:
        raise ValueError("simulators disagree on coupled inductors in a subcircuit that stands for several (m)")
    k = site.scope.value(last)
    if not -1 < k < 1:
        raise ValueError(f"expected a coefficient between -1 and 1, got {k:g}; ideal transformers are E and F sources")
    pairs = [(i, j) for i in range(len(inductors)) for j in range(i + 1, len(inductors))]
    names = [name] if len(pairs) == 1 else [f"{name}_{i}_{j}" for i, j in pairs]
    return [
        Coupling(own, site.prefix + inductors[i], site.prefix + inductors[j], k)
        for own, (i, j) in zip(names, pairs, strict=True)
    ]
