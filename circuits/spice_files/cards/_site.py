"""Where a card stands, and what its words mean there."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...networks import GROUND, NODE_NAME
from ..definitions import Block, Scope
from ..text import Given

CELSIUS = 273.15
_GROUNDS = frozenset({"0", "gnd"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """Temperatures of a circuit [K]: its own, and the one at which values hold."""

    temperature: float
    nominal: float


@dataclass(frozen=True, slots=True)
class Site:
    """Where a card stands: its block, the values and nodes of this instance, how many stand for one."""

    block: Block
    scope: Scope
    prefix: str
    nodes: Mapping[str, str]
    multiplier: float
    conditions: Conditions
    multiplied: bool = False
    """Whether this instance is given a multiplier, be it 1."""

    def node(self, word: str) -> str:
        """The node of a word, as it is called in the whole circuit."""
        if word in _GROUNDS:
            return GROUND
        if word == "gnd!":
            raise ValueError("simulators disagree whether gnd! is ground; write 0")
        found = self.nodes.get(word)
        if found is not None:
            return found
        if not NODE_NAME.fullmatch(word):
            raise ValueError(f"expected the name of a node, got {word!r}")
        return self.prefix + word

    def sensor(self, word: str) -> str:
        """The voltage source of a word, whose current is sensed, as it is called in the whole circuit.

        Raises:
            ValueError: in a subcircuit that stands for several, where the source has the current of all of them.
        """
        if self.multiplier != 1:
            raise ValueError(
                f"simulators disagree on the current of {word}, sensed in a subcircuit that stands for several (m);"
                " write each instance out"
            )
        return self.prefix + word

    def numbers(self, values: list[str]) -> list[float]:
        """The values of words."""
        return [self.scope.value(word) for word in values]


def nodes(site: Site, found: list[str], count: int) -> tuple[list[str], list[str]]:
    if len(found) < count or "=" in found[:count]:
        raise ValueError(f"expected {count} nodes and a value")
    return [site.node(word) for word in found[:count]], found[count:]


def check_names(sorted_: Given, allowed: frozenset[str]) -> None:
    for name, values in sorted_.named.items():
        if name not in allowed:
            raise ValueError(f"{name}= is not known here; expected one of {', '.join(sorted(allowed))}")
        if len(values) > (2 if name == "tc" else 1):
            raise ValueError(f"expected one value of {name}, got {' '.join(values)}")


def multiplied(site: Site, found: list[str]) -> tuple[float, list[str]]:
    """How many elements stand for one, and the words of a card without `m = value`."""
    for k, word in enumerate(found):
        if word == "m" and found[k + 1 : k + 2] == ["="]:
            if len(found) < k + 3:
                raise ValueError("expected a value of m")
            return site.multiplier * site.scope.value(found[k + 2]), [*found[:k], *found[k + 3 :]]
    return site.multiplier, found
