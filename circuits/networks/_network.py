"""Elements that stand together: names checked, nodes in order, and the cells' readouts."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

from .._exceptions import CircuitError
from ._elements import (
    GROUND,
    Capacitor,
    ControlledCurrent,
    ControlledVoltage,
    Coupling,
    CurrentSource,
    Difference,
    Element,
    Inductor,
    Inverter,
    NoiseCurrent,
    OpAmp,
    Resistor,
    Transconductor,
    Transresistor,
    Value,
    VoltageSource,
)

NODE_NAME = re.compile(r"[a-z0-9_.+\-#!/<>:@%|^?$\[\]~*]+")
"""What SPICE takes for a node, in lower case: no blanks, brackets of expressions, quotes or separators.

Whoever writes a circuit for a simulator writes plainer names.
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Network:
    """Elements with the readout nodes, one for each cell, and the temperature [K].

    Raises:
        CircuitError: a name that no simulator takes, one that is used twice, or one of an element that is not there.
    """

    name: str
    elements: tuple[Element, ...]
    outputs: tuple[str, ...]
    temperature: Value

    def __post_init__(self) -> None:
        names = [element.name for element in self.elements]
        if len(set(names)) != len(names):
            raise CircuitError(f"network {self.name}: element names must be unique")
        self._check_names((*names, *self.nodes))
        self._check_references()

    def _check_names(self, names: tuple[str, ...]) -> None:
        # All at once: an array has a name for each of its resistors.
        together = "\n".join((*names, ""))
        if together.count("\n") == len(names) and _NODE_NAMES.fullmatch(together):
            return
        for name in names:
            if not NODE_NAME.fullmatch(name):
                raise CircuitError(f"network {self.name}: {name!r} is not a name of lower-case letters, digits, _")

    def _check_references(self) -> None:
        if _REFERRING.isdisjoint(map(type, self.elements)):
            return
        sources = {e.name for e in self.elements if isinstance(e, VoltageSource)}
        inductors = {e.name for e in self.elements if isinstance(e, Inductor)}
        for e in self.elements:
            if isinstance(e, ControlledCurrent | Transresistor) and e.sensor not in sources:
                raise CircuitError(f"network {self.name}: {e.name}: there is no voltage source {e.sensor}")
            if isinstance(e, Coupling) and not {e.first, e.second} <= inductors:
                raise CircuitError(f"network {self.name}: {e.name}: there is no inductor {e.first} or {e.second}")

    @property
    def nodes(self) -> tuple[str, ...]:
        """Every node but ground, in order of appearance."""
        found = dict.fromkeys(node for element in self.elements for node in terminals(element))
        found.pop(GROUND, None)
        return tuple(found)


_Terminals = Callable[[Any], tuple[str, ...]]
_TERMINALS: Mapping[type, _Terminals] = {
    **dict.fromkeys(
        (Resistor, Capacitor, Inductor, CurrentSource, NoiseCurrent, ControlledCurrent), attrgetter("a", "b")
    ),
    VoltageSource: attrgetter("plus", "minus"),
    **dict.fromkeys((OpAmp, Difference), attrgetter("plus", "minus", "out")),
    Inverter: attrgetter("input", "out"),
    Transconductor: attrgetter("a", "b", "plus", "minus"),
    ControlledVoltage: attrgetter("out", "back", "plus", "minus"),
    Transresistor: attrgetter("out", "back"),
    Coupling: lambda _: (),
}
_REFERRING = frozenset({ControlledCurrent, Transresistor, Coupling})
_NODE_NAMES = re.compile(rf"(?:{NODE_NAME.pattern}\n)*")


def terminals(element: Element) -> tuple[str, ...]:
    """Nodes that an element touches."""
    return _TERMINALS[type(element)](element)


def of_type(elements: Iterable[Any], kind: type[T]) -> tuple[T, ...]:
    """The elements of one kind, in order."""
    return tuple(element for element in elements if isinstance(element, kind))
