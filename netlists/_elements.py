"""What the circuits of both simulators share: the walk over a network's elements, with every number checked."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from ..circuits import (
    GROUND,
    Capacitor,
    CurrentSource,
    Difference,
    Element,
    Inductor,
    Inverter,
    Network,
    NoiseCurrent,
    OpAmp,
    OpAmpModel,
    Resistor,
    VoltageSource,
)
from ._cards import number, positive
from ._checks import check_direct_current, check_names
from ._errors import NetlistError

IDEAL_GAIN = 1e7
"""An ideal amplifier is a voltage source controlled by the input voltage with this gain [V/V]."""

CLAMP_CONDUCTANCE = 1.0
"""Pulls the pole node back inside the rails [S]; exactly no current within them."""

Piece = TypeVar("Piece")
Written = TypeVar("Written", covariant=True)


@runtime_checkable
class Writer(Protocol[Written]):
    """A simulator's language: one element, its numbers checked, as pieces of a circuit."""

    def resistor(self, element: Resistor, resistance: float) -> Iterator[Written]:
        """A resistance [ohm], with thermal noise if the element is noisy."""

    def capacitor(self, element: Capacitor, capacitance: float) -> Iterator[Written]:
        """A capacitance [F]."""

    def inductor(self, element: Inductor, inductance: float) -> Iterator[Written]:
        """An inductance [H]."""

    def source(self, element: VoltageSource | CurrentSource, level: float) -> Iterator[Written]:
        """A source [V or A]. The AC stimulus is the drive vector itself, so that the response is to the whole of it."""

    def noise_current(self, name: str, a: str, b: str, density: float) -> Iterator[Written]:
        """White current of a one-sided density [A^2/Hz] from a to b; nothing at 0."""

    def controlled(self, name: str, out: str, plus: str, minus: str, gain: float) -> Iterator[Written]:
        """`out` held at `gain` times the voltage between two nodes."""

    def amplifier(self, amp: OpAmp, model: OpAmpModel) -> Iterator[Written]:
        """An amplifier with a macro-model."""


def pieces(network: Network, writer: Writer[Piece], key: Callable[[Piece], Hashable]) -> list[Piece]:
    """Every piece of a network's circuit, of which no two have the same key.

    Raises:
        NetlistError: a name or a number that is not plain, two pieces with one key, a node without a path for direct
            current to ground.
    """
    check_names(network)
    check_direct_current(network)
    found = [piece for element in network.elements for piece in _written(element, writer)]
    if len({key(piece) for piece in found}) != len(found):
        raise NetlistError(f"network {network.name}: two elements or pieces of amplifiers have the same name")
    return found


def _written(element: Element, writer: Writer[Piece]) -> Iterator[Piece]:
    name = element.name
    match element:
        case Resistor():
            return writer.resistor(element, positive(element.resistance, name))
        case Capacitor():
            return writer.capacitor(element, positive(element.capacitance, name))
        case Inductor():
            return writer.inductor(element, positive(element.inductance, name))
        case VoltageSource() | CurrentSource():
            return writer.source(element, number(element.dc, name))
        case NoiseCurrent():
            return writer.noise_current(name, element.a, element.b, _density(element))
        case Inverter():
            return writer.controlled(name, element.out, element.input, GROUND, -1.0)
        case Difference():
            return writer.controlled(name, element.out, element.plus, element.minus, 1.0)
        case OpAmp(model=None):
            return writer.controlled(name, element.out, element.plus, element.minus, IDEAL_GAIN)
        case OpAmp():
            return writer.amplifier(element, model_numbers(element))


def _density(element: NoiseCurrent) -> float:
    """One-sided [A^2/Hz]."""
    density = 2 * number(element.density, element.name)
    if density < 0:
        raise NetlistError(f"{element.name}: expected a density of at least 0, got {density!r}")
    return density


def model_numbers(amp: OpAmp) -> OpAmpModel:
    """The macro-model with every field a finite float, or `NetlistError`."""
    assert amp.model is not None
    values = {field: number(getattr(amp.model, field), f"{amp.name}.{field}") for field in OpAmpModel.__slots__}
    return OpAmpModel(**values)


def starting_nodes(network: Network, v0: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Voltages [V] of ground and of the nodes that a cell's capacitor holds against ground at the start."""
    held = [e for e in network.elements if isinstance(e, Capacitor) and e.cell is not None and e.b == GROUND]
    return {GROUND: 0.0} | {e.a: cell_voltage(e, v0) for e in held}


def starting_voltage(element: Capacitor, v0: Float[np.ndarray, " n"], starts: Mapping[str, float]) -> float:
    """Initial voltage of a capacitor [V]: its cell's, or what the cells at its two ends leave for it."""
    if element.cell is None and element.a in starts and element.b in starts:
        return starts[element.a] - starts[element.b]
    return cell_voltage(element, v0)


def cell_voltage(element: Capacitor | OpAmp, v0: Float[np.ndarray, " n"]) -> float:
    """Initial voltage of a capacitor or an amplifier's output [V] from that of its cell; zero without one."""
    return 0.0 if element.cell is None else number(element.sign * v0[element.cell], "initial voltage")
