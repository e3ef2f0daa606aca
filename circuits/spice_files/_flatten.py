"""The circuit of the cards: every instance of a subcircuit replaced by what it holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..networks import Coupling, Element
from ._library import LIBRARY, Known
from .cards import Conditions, Site, elements, from_expression, has_expression
from .definitions import Block, Circuit, Parameter, Scope
from .text import Line, Place, Problems, check_separators, check_values, given, words

MOST_ELEMENTS = 400_000
"""A cascade of 300 cells has 100,000; subcircuits inside each other soon have more than fits a machine."""

MOST_INSTANCES = 50_000
MOST_DEEP = 40
_M = re.compile(r"(?<![\w.])m\s*=", re.IGNORECASE)
_NAMES = re.compile(r"(?<![\w.])[a-z_]\w*")
"""In an expression: not the letters behind a number."""


class TooLarge(Exception):
    """Stops at once: every further instance would be too much as well."""


@dataclass(slots=True)
class Flattening:
    """What is collected on the way."""

    problems: Problems
    conditions: Conditions
    global_nodes: set[str]
    elements: list[Element] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    instances: int = 0
    couplings: list[tuple[Place, Coupling]] = field(default_factory=list)
    multiplied: set[str] = field(default_factory=set)
    """Inductors whose card has an `m=`."""
    started: set[str] = field(default_factory=set)
    """Capacitors whose card has an `ic=`, be it zero."""

    def take(self, site: Site, depth: int) -> None:
        """All cards of a block, for one instance."""
        for card in site.block.cards:
            try:
                self._card(site, card, depth)
            except ValueError as error:
                self.problems.add(card.place, str(error))

    def _card(self, site: Site, card: Line, depth: int) -> None:
        if has_expression(card.text):
            self._put(from_expression(site, card.text))
            return
        found = words(card.text)
        if not found:
            raise ValueError("expected an element")
        if found[0][0] == "x":
            check_separators(card.text)
            self._instance(site, found, depth)
            return
        if found[0][0] in "rcl":
            check_values(card.text)
        made = elements(site, found)
        self._put(made)
        if found[0][0] == "c" and "ic" in found[3:]:
            self.started.add(site.prefix + found[0])
        if found[0][0] == "l" and "m" in found[3:]:
            self.multiplied.add(site.prefix + found[0])
        self.couplings += [(card.place, element) for element in made if isinstance(element, Coupling)]

    def check_couplings(self) -> None:
        """Refuse those of inductors with m, whose mutual inductance ngspice takes of one of them."""
        for place, coupling in self.couplings:
            for name in (coupling.first, coupling.second):
                if name in self.multiplied:
                    self.problems.add(place, f"{coupling.name}: simulators disagree on m of {name}, which is coupled")

    def _put(self, made: list[Element]) -> None:
        for element in made:
            if element.name in self.names:
                raise ValueError(f"{element.name}: there are two elements of this name")
            self.names.add(element.name)
            self.elements.append(element)
        if len(self.elements) > MOST_ELEMENTS:
            raise TooLarge(f"expected a circuit of at most {MOST_ELEMENTS:,} elements, got more")

    def _instance(self, site: Site, found: list[str], depth: int) -> None:
        inner, overrides, given_m = _called(site, found)
        multiplier = 1.0 if given_m is None else given_m
        self.instances += 1
        if depth >= MOST_DEEP:
            raise ValueError(f"{found[0]}: expected subcircuits at most {MOST_DEEP} deep; {inner.name} may hold itself")
        if self.instances > MOST_INSTANCES:
            raise TooLarge(f"expected a circuit of at most {MOST_INSTANCES:,} instances of subcircuits, got more")
        if site.multiplier != 1:
            raise ValueError(f"{found[0]}: simulators disagree on m of a subcircuit that holds others; write each")
        name = site.prefix + found[0]
        if name in self.names:
            raise ValueError(f"{name}: there are two elements of this name")
        self.names.add(name)
        if taken := sorted(self.global_nodes & {*inner.pins}):
            raise ValueError(f"{name}: simulators disagree on a pin {taken[0]} of {inner.name} that is a .global node")
        nodes = [site.node(word) for word in found[1 : 1 + len(inner.pins)]]
        if (known := _known(inner)) is not None and multiplier == 1:
            scope = _scope(site, inner, overrides)
            self.elements += known.make(name, nodes, {key: scope.value_of(key) for key in known.parameters})
            return
        pins = dict(zip(inner.pins, nodes, strict=True))
        shared = {node: node for node in self.global_nodes}
        self.take(
            Site(
                block=inner,
                scope=_scope(site, inner, overrides),
                prefix=f"{name}.",
                nodes={**shared, **pins},
                multiplier=multiplier,
                conditions=self.conditions,
                multiplied=given_m is not None,
            ),
            depth + 1,
        )


def flattened(circuit: Circuit, conditions: Conditions, problems: Problems) -> Flattening:
    """The elements of a whole circuit; what cannot be taken goes to the problems."""
    flattening = Flattening(problems, conditions, circuit.global_nodes)
    scope = Scope(circuit.top.parameters)
    top = Site(circuit.top, scope, "", {}, 1.0, conditions)
    try:
        flattening.take(top, 0)
    except TooLarge as error:
        problems.add(circuit.top.place, str(error))
    flattening.check_couplings()
    for name, parameter in circuit.top.parameters.items():
        # Those that nobody uses have to have a value too, or a slip of the pen would stay.
        try:
            scope.value_of(name)
        except (ValueError, KeyError) as error:
            problems.add(parameter.place, f"parameter {name}: {error}")
    return flattening


def _known(block: Block) -> Known | None:
    """What of the library a subcircuit is, to the letter."""
    known = LIBRARY.get(block.name)
    if known is None or block.pins != known.pins or not set(known.parameters) <= set(block.defaults):
        return None
    return known if block.body == [" ".join(line.lower().split()) for line in known.body] else None


def _called(site: Site, found: list[str]) -> tuple[Block, dict[str, float], float | None]:
    """The subcircuit of a card, the values that the card gives, and how many stand for one if it says so."""
    sorted_ = given([word for word in found[1:] if word not in ("params:", "param:")])
    if not sorted_.positional:
        raise ValueError(f"{found[0]}: expected nodes and the name of a subcircuit")
    name = sorted_.positional[-1]
    inner = site.block.block(name)
    if inner is None:
        raise ValueError(f"{found[0]}: there is no subcircuit {name!r} in the file")
    if site.scope.knows(name):
        raise ValueError(f"{found[0]}: {name} is a parameter and a subcircuit; expected two names")
    nodes = len(sorted_.positional) - 1
    if nodes != len(inner.pins):
        raise ValueError(f"{found[0]}: {name} has {len(inner.pins)} pins ({' '.join(inner.pins)}), got {nodes} nodes")
    _check_names_of_its_own(found[0], inner, sorted_.named)
    values = {key: _one(site, found[0], key, words_) for key, words_ in sorted_.named.items()}
    if "m" in values and "m" not in inner.defaults and any(_M.search(line) for line in inner.body):
        # be it 1: ngspice puts it in the place of those inside, in every instance
        raise ValueError(f"{found[0]}: simulators disagree on m where {name} has cards with m too; give one of the two")
    multiplier = None if "m" in inner.defaults else values.pop("m", None)
    for key in values:
        if key not in inner.defaults and not _is_free(site, inner, key):
            known = ", ".join(inner.defaults) or "none"
            raise ValueError(f"{found[0]}: {name} has no parameter {key}; it has: {known}")
    if multiplier is not None and not multiplier > 0:
        raise ValueError(f"{found[0]}: expected m above 0, got {multiplier:g}")
    return inner, values, multiplier


def _check_names_of_its_own(card: str, inner: Block, named: Mapping[str, list[str]]) -> None:
    """Refuse a value that asks for a parameter which the subcircuit has too: ngspice takes that one."""
    own = {*inner.defaults, *inner.parameters}
    for key, words_ in named.items():
        asked = {name for word in words_ for name in _NAMES.findall(word)}
        for name in sorted(asked & own - {key}):
            raise ValueError(
                f"{card}: {key} is given by {name}, which {inner.name} has as well; simulators disagree which one"
                " counts: give the number, or another name"
            )


def _is_free(site: Site, inner: Block, name: str) -> bool:
    """Whether a subcircuit uses a name that nobody gives a value, as those of LTspice's opamp.sub."""
    if name in inner.parameters or site.scope.knows(name):
        return False
    word = re.compile(rf"(?<![\w.$]){re.escape(name)}(?![\w.$])")
    return any(word.search(line) for line in inner.body)


def _one(site: Site, name: str, key: str, found: list[str]) -> float:
    if len(found) != 1:
        raise ValueError(f"{name}: expected one value of {key}, got {' '.join(found)}")
    if "mil" in found[0] and found[0][0].isdigit():
        # a parameter of it is milli to ngspice
        raise ValueError(f"{name}: simulators disagree on {key}={found[0]}; write 25.4u")
    return site.scope.value(found[0])


def _scope(site: Site, inner: Block, overrides: dict[str, float]) -> Scope:
    """Defaults and parameters of a subcircuit over those around its definition."""
    around: Scope | None = site.scope
    block: Block | None = site.block
    while block is not None and block is not inner.parent:
        block = block.parent
        around = around.parent if around is not None else None
    free = {name: Parameter("", inner.place) for name in overrides}
    scope = Scope({**free, **inner.defaults, **inner.parameters}, around, site.scope, asked=site.scope.asked)
    scope.values.update(overrides)
    return scope
