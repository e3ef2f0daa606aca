"""Which node of a subcircuit is which pin of an amplifier."""

from collections.abc import Mapping

from .._exceptions import NetlistError
from ._library import Definition

ROLES = ("plus", "minus", "out", "vdd", "vss")
"""Pins of an amplifier, in the order of the project's own subcircuits."""
_MAY = (*ROLES, "ground")

Pins = Mapping[str, str | int]


def get_nodes(definition: Definition, pins: Pins | None, where: str) -> dict[str, str]:
    """Node by pin.

    Names of nodes come before positions: where every given one is the name of a node, all are.

    Raises:
        NetlistError: a pin that is missing, unknown or given twice, or nodes that are left over.
    """
    head = f"{where}: subcircuit {definition.name}"
    has = f"it has the nodes {' '.join(definition.nodes) or 'none'}"
    if pins is None:
        if len(definition.nodes) != len(ROLES):
            got = " ".join(definition.nodes) or "none"
            raise NetlistError(f"{head}: expected the pins {' '.join(ROLES)}, got {got}; say which is which with pins")
        return dict(zip(ROLES, definition.nodes, strict=True))
    faults = [*_roles(pins)]
    found = {} if faults else _found(definition, {role: str(pin).strip() for role, pin in pins.items()})
    faults += [
        f"pins.{role}: {pins[role]!r} is neither a node nor a position"
        for role in pins
        if not faults and role not in found
    ]
    faults += _repeated(found)
    left = [node for node in definition.nodes if node not in found.values()]
    if len(found) == len(pins) and left:
        faults.append(f"pins: nothing is said of {', '.join(left)}")
    if faults:
        raise NetlistError(f"{head}: {'; '.join(faults)}; {has}")
    return found


def _roles(pins: Pins) -> list[str]:
    missing = [role for role in ROLES if role not in pins]
    unknown = [role for role in pins if role not in _MAY]
    return [
        *([f"pins: {', '.join(missing)} missing"] if missing else []),
        *([f"pins: expected {', '.join(ROLES)} (and ground), got {', '.join(map(str, unknown))}"] if unknown else []),
    ]


def _found(definition: Definition, pins: Mapping[str, str]) -> dict[str, str]:
    by_name = {node.lower(): node for node in definition.nodes}
    by_position = {str(k): node for k, node in enumerate(definition.nodes, 1)}
    for known in (by_name, by_position):
        if all(pin.lower() in known for pin in pins.values()):
            return {role: known[pin.lower()] for role, pin in pins.items()}
    # Mixed: only where a number cannot be the name of another node.
    either = by_name if any(node.isdigit() for node in by_name) else {**by_position, **by_name}
    return {role: either[pin.lower()] for role, pin in pins.items() if pin.lower() in either}


def _repeated(found: Mapping[str, str]) -> list[str]:
    roles: dict[str, list[str]] = {}
    for role, node in found.items():
        roles.setdefault(node, []).append(role)
    return [f"pins: node {node} for {' and '.join(names)}" for node, names in roles.items() if len(names) > 1]
