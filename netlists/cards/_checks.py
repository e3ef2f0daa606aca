"""What a network has to be before any simulator sees it: plain names, and a path to ground from every node."""

import re

from ...circuits import Network
from ...circuits.networks import (
    GROUND,
    ControlledVoltage,
    Difference,
    Element,
    Inductor,
    Inverter,
    NoiseCurrent,
    OpAmp,
    Resistor,
    Transconductor,
    Transresistor,
    VoltageSource,
    terminals,
)
from .._exceptions import NetlistError
from ._plain_names import RESERVED

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_names(network: Network) -> None:
    """Raise `NetlistError` unless every name is a plain lower-case identifier and no inner node hides another."""
    nodes = {node for element in network.elements for node in terminals(element)} | set(network.outputs)
    for name in (*(element.name for element in network.elements), *(nodes - {GROUND})):
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in RESERVED:
            raise NetlistError(f"expected a name of lower-case letters, digits and _, got {name!r}")
    for element in network.elements:
        hidden = nodes.intersection(_inner_nodes(element))
        if hidden:
            raise NetlistError(f"{element.name}: node {hidden.pop()} has the name of one of its inner nodes")


def _inner_nodes(element: Element) -> tuple[str, ...]:
    match element:
        case NoiseCurrent():
            return (element.name,)
        case OpAmp():
            return tuple(f"{element.name}_{inner}" for inner in ("p", "en", "inp", "inm"))
        case _:
            return ()


def check_direct_current(network: Network) -> None:
    """Raise `NetlistError` that names a node without a path for direct current to ground.

    ngspice gives plausible numbers for such nodes.
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (up := parent.setdefault(node, node)) != node:
            parent[node] = node = parent[up]
        return node

    for element in network.elements:
        for a, b in _conducting(element):
            parent[root(a)] = root(b)
    ground = root(GROUND)
    for node in (*(node for element in network.elements for node in terminals(element)), *network.outputs):
        if root(node) != ground:
            raise NetlistError(f"network {network.name}: node {node} has no path for direct current to ground")


def _conducting(element: Element) -> tuple[tuple[str, str], ...]:
    match element:
        case Resistor() | Inductor():
            return ((element.a, element.b),)
        case VoltageSource():
            return ((element.plus, element.minus),)
        case OpAmp() | Inverter() | Difference():
            return ((element.out, GROUND),)
        case ControlledVoltage() | Transresistor():
            return ((element.out, element.back),)
        case Transconductor():
            # It may be a conductance; whether it is one, the state space tells.
            return ((element.a, element.b),)
        case _:
            return ()
