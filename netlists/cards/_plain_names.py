"""Names that every simulator takes: a designer's nodes may be called `1`, `+5v` or `x1.out`."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ...circuits import Network
from ...circuits.networks import (
    GROUND,
    ControlledCurrent,
    ControlledVoltage,
    Coupling,
    Difference,
    Element,
    Inverter,
    OpAmp,
    Transconductor,
    Transresistor,
    VoltageSource,
)

_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = frozenset({"gnd", "time", "temper", "hertz"})
"""Words that ngspice takes for something else than a node."""


def plainly_named(network: Network) -> Network:
    """The same network with names of letters, digits and _ alone, each made of the one before; itself where they are.

    Readouts keep their order.
    """
    nodes = (*network.nodes, *network.outputs)
    names = [element.name for element in network.elements]
    if all(_is_plain(name) for name in (*nodes, *names) if name != GROUND):
        return network
    node = {GROUND: GROUND, **_renamed(nodes, "n")}
    name = _renamed(names, "e")
    elements = tuple(_with_names(element, node, name) for element in network.elements)
    return replace(network, elements=elements, outputs=tuple(node[output] for output in network.outputs))


def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None and name not in RESERVED


def _renamed(names: Iterable[str], prefix: str) -> dict[str, str]:
    wanted = [name for name in dict.fromkeys(names) if name != GROUND]
    found = {name: name for name in wanted if _is_plain(name)}
    taken = set(found)
    for name in wanted:
        if name in found:
            continue
        wish = re.sub(r"[^a-z0-9_]", "_", name)
        wish = wish if _is_plain(wish) else f"{prefix}{wish}"
        plain = wish
        count = 1
        while plain in taken:
            count += 1
            plain = f"{wish}_{count}"
        taken.add(plain)
        found[name] = plain
    return found


_NODES: dict[type, tuple[str, ...]] = {
    VoltageSource: ("plus", "minus"),
    OpAmp: ("plus", "minus", "out"),
    Difference: ("plus", "minus", "out"),
    Inverter: ("input", "out"),
    Transconductor: ("a", "b", "plus", "minus"),
    ControlledVoltage: ("out", "back", "plus", "minus"),
    Transresistor: ("out", "back"),
    Coupling: (),
}
_ELEMENTS: dict[type, tuple[str, ...]] = {
    Coupling: ("first", "second"),
    ControlledCurrent: ("sensor",),
    Transresistor: ("sensor",),
}


def _with_names(element: Element, node: dict[str, str], name: dict[str, str]) -> Element:
    changes: dict[str, Any] = {"name": name[element.name]}
    for field in _NODES.get(type(element), ("a", "b")):
        changes[field] = node[getattr(element, field)]
    for field in _ELEMENTS.get(type(element), ()):
        changes[field] = name[getattr(element, field)]
    return replace(element, **changes)
