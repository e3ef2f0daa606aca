"""Single faults of a circuit, as values: what can be wrong with one element, and the network in which it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from ...circuits import Network
from ...circuits.networks import (
    GROUND,
    Capacitor,
    CurrentSource,
    Difference,
    Element,
    Inductor,
    Inverter,
    NoiseCurrent,
    OpAmp,
    OpAmpModel,
    Resistor,
    VoltageSource,
    terminals,
)


@dataclass(frozen=True, slots=True)
class Scaled:
    """A value of an element, or of its amplifier's macro-model, that is `factor` times the right one."""

    element: str
    field: str
    factor: float
    part: str
    """Kind of the element."""

    @property
    def kind(self) -> str:
        """What is wrong, whichever element has it."""
        return f"{self.part}: {self.field} x {self.factor:g}"

    def __call__(self, element: Element) -> Element:
        """The element with the fault."""
        if isinstance(element, OpAmp) and element.model is not None:
            value = self.factor * getattr(element.model, self.field)
            return replace(element, model=replace(element.model, **{self.field: value}))
        return replace(element, **{self.field: self.factor * getattr(element, self.field)})


@dataclass(frozen=True, slots=True)
class Rewired:
    """An end of an element at another node."""

    element: str
    field: str
    node: str
    part: str

    @property
    def kind(self) -> str:
        """What is wrong, whichever element has it."""
        return f"{self.part}: {self.field} at {'ground' if self.node == GROUND else 'another node'}"

    def __call__(self, element: Element) -> Element:
        """The element with the fault."""
        assert isinstance(element, Resistor | Capacitor)
        return replace(element, a=self.node) if self.field == "a" else replace(element, b=self.node)


@dataclass(frozen=True, slots=True)
class Swapped:
    """The two inputs of an amplifier or of a readout exchanged, or an inverter that does not invert."""

    element: str
    part: str

    @property
    def kind(self) -> str:
        """What is wrong, whichever element has it."""
        return f"{self.part}: {'does not invert' if self.part == 'Inverter' else 'inputs exchanged'}"

    def __call__(self, element: Element) -> Element:
        """The element with the fault."""
        if isinstance(element, Inverter):
            return Difference(element.name, element.input, GROUND, element.out)
        assert isinstance(element, OpAmp | Difference)
        return replace(element, plus=element.minus, minus=element.plus)


@dataclass(frozen=True, slots=True)
class Silent:
    """A resistor without thermal noise."""

    element: str
    part: str = "Resistor"

    @property
    def kind(self) -> str:
        """What is wrong, whichever element has it."""
        return f"{self.part}: without noise"

    def __call__(self, element: Element) -> Element:
        """The element with the fault."""
        assert isinstance(element, Resistor)
        return replace(element, noisy=False)


@dataclass(frozen=True, slots=True)
class Added:
    """A component that should not be there, from a node to ground."""

    element: str
    """The node."""
    component: Resistor | Capacitor
    part: str = "node"

    @property
    def kind(self) -> str:
        """What is wrong, whichever node has it."""
        if isinstance(self.component, Resistor):
            return f"node: leak of {self.component.resistance:g} ohm"
        return f"node: stray capacitance of {self.component.capacitance:g} F"


Fault = Scaled | Rewired | Swapped | Silent | Added

_PARTS: Mapping[type[Any], Mapping[str, tuple[float, ...]]] = {
    # 1e6 is a break, 1e-3 a short.
    Resistor: {"resistance": (1.01, 0.99, 1e6, 1e-3)},
    Capacitor: {"capacitance": (1.01, 0.99, 2.0, 1e-3)},
    Inductor: {"inductance": (1.01, 2.0)},
    VoltageSource: {"dc": (1.01, 0.0, -1.0)},
    CurrentSource: {"dc": (1.01, 0.0, -1.0)},
    NoiseCurrent: {"density": (1.05, 0.0)},
    OpAmpModel: {
        "gain": (0.5, 1.1),
        "gain_bandwidth": (0.5, 1.05),
        "offset": (0.0, 1.5, -1.0),
        "bias_current": (100.0, 0.0),
        "noise_voltage": (1.05, 0.0),
        "noise_current": (1.05, 0.0),
        "rail_low": (0.6, 1.2),
        "rail_high": (0.6, 1.2),
        "slew": (0.1, 0.8, 10.0),
        "output_resistance": (1.1, 2.0),
        "load_capacitance": (1.1, 2.0),
        "noise_corner": (2.0, 0.0),
        "input_capacitance": (2.0,),
        "second_pole": (0.5,),
    },
}
"""Factors on what an element has. `noise_lowest` is none of them: no deck for a spectrum has it."""

_LEAKS = 1e7, 1e9
_STRAY = 1e-12
_REPLACED_WHOLE = frozenset({"offset", "load_capacitance"})
"""What a subcircuit of transistors leaves of the macro-model in a deck."""


def planted_faults(network: Network, subcircuits: bool = False) -> tuple[Fault, ...]:
    """Every single fault of a kind that this module knows, for each element and node of a circuit.

    Values off by a part or by far, ends at other nodes, exchanged inputs, resistors without noise, leaks and stray
    capacitances. A value of zero has none; a node that an ideal source holds has neither leak nor stray, which would
    only load that source.

    Args:
        network: the right circuit.
        subcircuits: amplifiers are subcircuits of transistors: of the macro-model only what stands beside them counts.
    """
    found = [fault for element in network.elements for fault in _of_element(element, network, subcircuits)]
    held = _held(network)
    for node in network.nodes:
        if node not in held:
            found += [Added(node, Resistor(f"leak_{node}", node, GROUND, value)) for value in _LEAKS]
            found.append(Added(node, Capacitor(f"stray_{node}", node, GROUND, _STRAY)))
    return tuple(found)


def with_fault(network: Network, fault: Fault) -> Network:
    """The circuit with one fault.

    Raises:
        ValueError: the circuit lacks the element or the node.
    """
    if not is_part_of(network, fault):
        raise ValueError(f"network {network.name}: expected one with {fault.element!r} for the fault {fault.kind!r}")
    if isinstance(fault, Added):
        return replace(network, elements=(*network.elements, fault.component))
    elements = tuple(fault(e) if e.name == fault.element else e for e in network.elements)
    return replace(network, elements=elements)


def is_part_of(network: Network, fault: Fault) -> bool:
    """Whether the circuit has what the fault is of; a program leaves out what it does not need."""
    if isinstance(fault, Added):
        return fault.element in network.nodes
    nodes = {fault.node, GROUND} if isinstance(fault, Rewired) else {GROUND}
    return any(e.name == fault.element for e in network.elements) and nodes <= {*network.nodes, GROUND}


def _of_element(element: Element, network: Network, subcircuits: bool) -> Iterator[Fault]:
    part = type(element).__name__
    if isinstance(element, OpAmp) and element.model is not None:
        yield from _of_values(element.name, element.model, "OpAmp", _REPLACED_WHOLE if subcircuits else None)
    yield from _of_values(element.name, element, part, None)
    if isinstance(element, OpAmp | Difference | Inverter):
        yield Swapped(element.name, part)
    if isinstance(element, Resistor):
        yield Silent(element.name)
    if isinstance(element, Resistor | Capacitor):
        yield from _of_ends(element, network)


def _of_values(name: str, values: Any, part: str, only: frozenset[str] | None) -> Iterator[Fault]:
    for field in fields(values):
        if only is not None and field.name not in only:
            continue
        for factor in _PARTS.get(type(values), {}).get(field.name, ()):
            if getattr(values, field.name) != 0:
                yield Scaled(name, field.name, factor, part)


def _of_ends(element: Resistor | Capacitor, network: Network) -> Iterator[Fault]:
    """One end at ground, and at another readout."""
    part = type(element).__name__
    if GROUND not in (element.a, element.b):
        yield Rewired(element.name, "a", GROUND, part)
    for node in network.outputs:
        if node not in (element.a, element.b) and element.a != GROUND:
            yield Rewired(element.name, "a", node, part)
            return


def _held(network: Network) -> set[str]:
    """Nodes whose voltage an ideal source gives."""
    held = set()
    for e in network.elements:
        match e:
            case VoltageSource(plus=plus, minus=minus):
                held |= {plus, minus}
            case Difference(out=out) | Inverter(out=out) | OpAmp(out=out, model=None):
                held.add(out)
            case _:
                pass
    # The inputs of an ideal amplifier have no voltage of their own either.
    return held | {n for e in network.elements if isinstance(e, OpAmp) and e.model is None for n in terminals(e)}
