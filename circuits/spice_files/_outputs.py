"""What is read from a circuit: nodes, differences of nodes, currents."""

import re
from collections.abc import Sequence
from dataclasses import replace

from .._exceptions import CircuitError
from ..networks import GROUND, Difference, Element, Inductor, Network, Resistor, Transresistor, VoltageSource

_CALL = re.compile(r"\s*([vi])\s*\(\s*([^\s(),]+)\s*(?:,\s*([^\s(),]+)\s*)?\)\s*", re.IGNORECASE)


def with_outputs(network: Network, outputs: Sequence[str]) -> Network:
    """The network with these readouts, in their order.

    Args:
        network: the circuit.
        outputs: each a node (`out` or `v(out)`), a difference of two (`v(a,b)`), or the current through a voltage
            source, resistor or inductor from its first node to its second (`i(v1)`, in ampere).

    Raises:
        CircuitError: no such node or element; all of them are told.
    """
    if isinstance(outputs, str):
        raise CircuitError(f"outputs: expected a list of names, got the text {outputs!r}")
    reading = _Reading(network)
    names = [reading.node(text) for text in outputs]
    if not names:
        reading.faults.append("expected one output or more")
    repeated = sorted({text for text, name in zip(outputs, names, strict=True) if names.count(name) > 1})
    if repeated and not reading.faults:
        reading.faults.append(f"{' and '.join(repeated)}: given twice")
    if reading.faults:
        known = ", ".join(network.nodes[:20]) + (" ..." if len(network.nodes) > 20 else "")
        raise CircuitError(f"outputs of {network.name}: {'; '.join(reading.faults)}; the nodes are {known}")
    return replace(network, elements=tuple(reading.elements), outputs=tuple(names))


class _Reading:
    def __init__(self, network: Network) -> None:
        self.elements: list[Element] = list(network.elements)
        self.faults: list[str] = []
        self._nodes = {GROUND, *network.nodes}
        self._names = {element.name: k for k, element in enumerate(network.elements)}

    def node(self, text: str) -> str:
        """The node that stands for an output; what it needs is added to the elements."""
        call = _CALL.fullmatch(text)
        if call is None:
            return self._known(text.strip().lower())
        kind, first, second = call[1].lower(), call[2].lower(), call[3]
        if kind == "i":
            return self._current(first, text) if second is None else self._fault(f"{text}: expected one element")
        if second is None:
            return self._known(first)
        pair = (self._known(first), self._known(second.lower()))
        return self._add(f"v_{pair[0]}_{pair[1]}", lambda name, out: Difference(name, *pair, out))

    def _known(self, node: str) -> str:
        node = GROUND if node in ("gnd", "gnd!") else node
        return node if node in self._nodes and node else self._fault(f"there is no node {node!r}")

    def _fault(self, reason: str) -> str:
        self.faults.append(reason)
        return reason

    def _add(self, wish: str, make: "object") -> str:
        name = wish
        while name in self._nodes or name in self._names or f"e_{name}" in self._names:
            name += "_"
        self._nodes.add(name)
        self._names[f"e_{name}"] = len(self.elements)
        self.elements.append(make(f"e_{name}", name))  # type: ignore[operator]
        return name

    def _current(self, element: str, text: str) -> str:
        k = self._names.get(element)
        found = self.elements[k] if k is not None else None
        if isinstance(found, VoltageSource):
            sensor = found.name
        elif isinstance(found, Resistor | Inductor) and k is not None:
            # A voltage source of 0 V in series tells the current.
            inner = f"{element}#i"
            sensor = f"v_{element}#i"
            if sensor not in self._names:
                self._names[sensor] = len(self.elements)
                self.elements[k] = replace(found, a=inner)
                self.elements.append(VoltageSource(sensor, found.a, inner, 0.0))
        else:
            return self._fault(f"{text}: expected a voltage source, a resistor or an inductor of the circuit")
        return self._add(f"i_{element}", lambda name, out: Transresistor(name, out, GROUND, sensor, 1.0))
