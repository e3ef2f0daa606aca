"""What a bench adds to a chip's circuit: leaks and stray capacitances between nodes, and noisier cells."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from .._exceptions import DesignError
from ._constants import BOLTZMANN
from ._elements import (
    GROUND,
    Capacitor,
    Difference,
    Element,
    Inverter,
    NoiseCurrent,
    OpAmp,
    Resistor,
    Value,
    VoltageSource,
)
from ._network import NODE_NAME, Network, terminals

Between = tuple[str, str]
"""Two nodes of a circuit; the second one may be ground."""

_NONE: Mapping[Any, Any] = MappingProxyType({})


_STRAY = "stray"
"""Beginning of the names of capacitors that a bench has added."""


@dataclass(frozen=True)
class Parasitics:
    """Elements that the design does not have.

    Args:
        leak: conductances [S] by the two nodes between which they are, with thermal noise of their own.
        capacitance: capacitances [F], likewise.
        noise: factors on the density of every noise source at a cell's node, by the number of the cell.

    A circuit that has only one of two nodes, since its program needs no more, has nothing between them.

    Raises:
        DesignError: a value that is not finite and above zero, or names that are no nodes.
    """

    leak: Mapping[Between, Value] = field(default_factory=lambda: _NONE)
    capacitance: Mapping[Between, Value] = field(default_factory=lambda: _NONE)
    noise: Mapping[int, Value] = field(default_factory=lambda: _NONE)

    def __post_init__(self) -> None:
        for name in ("leak", "capacitance", "noise"):
            values = getattr(self, name)
            for key, value in values.items():
                _check(name, key, float(value))
            object.__setattr__(self, name, MappingProxyType(dict(values)))

    def __bool__(self) -> bool:
        return bool(self.leak or self.capacitance or self.noise)

    def applied(self, network: Network) -> Network:
        """The circuit with them."""
        if not self:
            return network
        elements = list(self._noisy(network) if self.noise else network.elements)
        nodes = {GROUND, *network.nodes}
        for k, ((a, b), conductance) in enumerate(self.leak.items()):
            if {a, b} <= nodes:
                elements.append(Resistor(f"leak{k}", a, b, 1 / conductance))
        for k, ((a, b), capacitance) in enumerate(self.capacitance.items()):
            if {a, b} <= nodes:
                _add_capacitance(elements, f"{_STRAY}{k}", (a, b), capacitance)
        return replace(network, elements=tuple(elements))

    def _noisy(self, network: Network) -> Iterator[Element]:
        cells = cell_nodes(network)
        for element in network.elements:
            mine = [self.noise[cells[node]] for node in terminals(element) if cells.get(node) in self.noise]
            if not mine:
                yield element
            else:
                yield from _scaled(element, mine, network.temperature)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that `from_dict` reads back without loss."""
        return {
            "leak": [{"between": list(nodes), "value": value} for nodes, value in self.leak.items()],
            "capacitance": [{"between": list(nodes), "value": value} for nodes, value in self.capacitance.items()],
            "noise": [{"cell": cell, "factor": factor} for cell, factor in self.noise.items()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Parasitics":
        """Validate plain data.

        Raises:
            DesignError, KeyError, TypeError, ValueError: values that do not fit.
        """
        parts = {
            name: {_between(row["between"]): row["value"] for row in data[name]} for name in ("leak", "capacitance")
        }
        return cls(**parts, noise={row["cell"]: row["factor"] for row in data["noise"]})


def is_stray(capacitor: Capacitor) -> bool:
    """Whether a bench has added it, where the design has none."""
    return capacitor.name.startswith(_STRAY)


def _between(nodes: Any) -> Between:
    if not isinstance(nodes, list | tuple) or len(nodes) != 2:
        raise DesignError(f"parasitics: expected two names of nodes, got {nodes!r}")
    return nodes[0], nodes[1]


def _add_capacitance(elements: list[Element], name: str, between: Between, capacitance: Value) -> None:
    """One more capacitor, or a larger one where there is one: two in parallel could start at different voltages."""
    for k, element in enumerate(elements):
        if isinstance(element, Capacitor) and {element.a, element.b} == set(between):
            elements[k] = replace(element, capacitance=element.capacitance + capacitance)
            return
    elements.append(Capacitor(name, *between, capacitance))


def _check(name: str, key: Any, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise DesignError(f"parasitics: {name} {key}: expected a finite value above zero, got {value}")
    nodes = key if name != "noise" else ()
    if not all(isinstance(node, str) and NODE_NAME.fullmatch(node) for node in nodes):
        raise DesignError(f"parasitics: {name}: expected two names of nodes, got {key}")
    if name == "noise" and (not isinstance(key, int) or isinstance(key, bool) or key < 0):
        raise DesignError(f"parasitics: noise: expected the number of a cell, got {key!r}")


def open_nodes(network: Network) -> tuple[str, ...]:
    """Nodes whose voltage no source, buffer or ideal virtual ground holds: there a leak or a capacitance counts."""
    held: set[str] = set()
    for element in network.elements:
        match element:
            case VoltageSource():
                held |= {element.plus}
            case Inverter() | Difference():
                held |= {element.out}
            case OpAmp():
                held |= {element.out, *((element.plus, element.minus) if element.model is None else ())}
            case _:
                pass
    return tuple(node for node in network.nodes if node not in held)


def leak_sites(network: Network) -> tuple[Between, ...]:
    """Where a circuit can leak: across each cell's capacitor, and from every open node to ground."""
    across = [(c.a, c.b) for c in network.elements if isinstance(c, Capacitor) and c.cell is not None]
    return tuple(dict.fromkeys([*across, *((node, GROUND) for node in open_nodes(network))]))


def stray_sites(network: Network) -> tuple[Between, ...]:
    """Where a stray capacitance counts: from every open node to ground."""
    return tuple((node, GROUND) for node in open_nodes(network))


def cell_nodes(network: Network) -> dict[str, int]:
    """Open nodes that carry a cell's voltage or its current, with the number of the cell."""
    free = open_nodes(network)
    cells = {node: k for k, node in enumerate(network.outputs) if node in free}
    for element in network.elements:
        if isinstance(element, Capacitor) and element.cell is not None:
            cells |= {node: element.cell for node in terminals(element) if node in free}
    # A virtual ground of an ideal amplifier is held, and still takes the cell's current.
    for element in network.elements:
        if isinstance(element, OpAmp) and element.model is None and element.cell is not None:
            cells |= {element.minus: element.cell}
    return cells


def _scaled(element: Element, factors: list[Value], temperature: Value) -> Iterator[Element]:
    """One element with its noise density multiplied; between two cells by the mean of their factors."""
    factor = sum(factors[1:], start=factors[0]) / len(factors)
    match element:
        case Resistor(noisy=True):
            own = temperature if element.temperature is None else element.temperature
            density = 2 * BOLTZMANN * own / element.resistance
            yield replace(element, noisy=False)
            yield NoiseCurrent(f"{element.name}_noise", element.a, element.b, density * factor)
        case NoiseCurrent():
            yield replace(element, density=element.density * factor)
        case OpAmp() if element.model is not None:
            # Its noise voltage and current are roots of densities.
            root = factor**0.5
            model = element.model
            more = {"noise_voltage": model.noise_voltage * root, "noise_current": model.noise_current * root}
            yield replace(element, model=replace(model, **more))
        case _:
            yield element
