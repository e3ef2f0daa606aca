"""What the circuits of both simulators share: the walk over a network's elements, with every number checked."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float

from ...circuits import Network
from ...circuits.networks import (
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
    OpAmpModel,
    Resistor,
    Transconductor,
    Transresistor,
    VoltageSource,
)
from ...circuits.spice_files import IDEAL_GAIN
from .._exceptions import NetlistError
from ._card import number, positive
from ._checks import check_direct_current, check_names

CLAMP_CONDUCTANCE = 1.0
"""Pulls the pole node back inside the rails [S]; exactly no current within them."""

SourceKind = Literal["v", "i"]
"""A voltage source, or a current source."""

Source = VoltageSource | CurrentSource

Ends = tuple[str, str]
"""Two nodes."""

Piece = TypeVar("Piece")
Written = TypeVar("Written", covariant=True)


@runtime_checkable
class Writer(Protocol[Written]):
    """A simulator's language: one element, its numbers checked, as pieces of a circuit."""

    def resistor(self, element: Resistor, resistance: float) -> Iterator[Written]:
        """A resistance [ohm], with thermal noise if it is noisy."""

    def capacitor(self, element: Capacitor, capacitance: float) -> Iterator[Written]:
        """A capacitance [F]."""

    def inductor(self, element: Inductor, inductance: float) -> Iterator[Written]:
        """An inductance [H]."""

    def coupling(self, name: str, first: str, second: str, coefficient: float) -> Iterator[Written]:
        """Two inductors, by their names, that share a part of their flux."""

    def source(self, kind: SourceKind, a: str, b: str, source: Source, level: float) -> Iterator[Written]:
        """A source [V or A]. A drive is its own AC stimulus, so that the response is to the whole of the drive."""

    def noise_current(self, name: str, a: str, b: str, density: float) -> Iterator[Written]:
        """White current of a one-sided density [A^2/Hz] from a to b; nothing at 0."""

    def controlled(self, name: str, ends: Ends, controls: Ends, gain: float) -> Iterator[Written]:
        """The first end held against the second at `gain` times the voltage between two nodes."""

    def transconductor(self, name: str, ends: Ends, controls: Ends, gm: float) -> Iterator[Written]:
        """A current of `gm` [S] times the voltage between two nodes, from the first end to the second."""

    def sensing(self, kind: SourceKind, name: str, ends: Ends, sensor: str, factor: float) -> Iterator[Written]:
        """A voltage, or a current from the first end to the second, of `factor` times that through a voltage source."""

    def amplifier(self, amp: OpAmp, model: OpAmpModel) -> Iterator[Written]:
        """An amplifier with a macro-model."""


def pieces(
    network: Network,
    writer: Writer[Piece],
    key: Callable[[Piece], Hashable],
    ideal_gain: float = IDEAL_GAIN,
    whole: Network | None = None,
) -> list[Piece]:
    """Every piece of a network's circuit, of which no two have the same key.

    Where the network is a part of a circuit that holds its nodes, `whole` is that one.

    Raises:
        NetlistError: a name or a number that is not plain, two pieces with one key, a node without a path for direct
            current to ground.
    """
    check_names(network)
    check_direct_current(network if whole is None else whole)
    found = [piece for element in network.elements for piece in written(element, writer, ideal_gain)]
    if len({key(piece) for piece in found}) != len(found):
        raise NetlistError(f"network {network.name}: two elements or pieces of amplifiers have the same name")
    return found


def written(element: Element, writer: Writer[Piece], ideal_gain: float = IDEAL_GAIN) -> Iterator[Piece]:
    """One element in a simulator's language."""
    name = element.name
    match element:
        case Resistor():
            return writer.resistor(element, positive(element.resistance, name))
        case Capacitor():
            return writer.capacitor(element, positive(element.capacitance, name))
        case Inductor():
            return writer.inductor(element, positive(element.inductance, name))
        case Coupling(_, first, second, coefficient):
            return writer.coupling(name, first, second, number(coefficient, name))
        case VoltageSource():
            return writer.source("v", element.plus, element.minus, element, number(element.dc, name))
        case CurrentSource():
            return writer.source("i", element.a, element.b, element, number(element.dc, name))
        case Transconductor(_, a, b, plus, minus, gm):
            return writer.transconductor(name, (a, b), (plus, minus), number(gm, name))
        case ControlledVoltage(_, out, back, plus, minus, gain):
            return writer.controlled(name, (out, back), (plus, minus), number(gain, name))
        case ControlledCurrent(_, a, b, sensor, gain):
            return writer.sensing("i", name, (a, b), sensor, number(gain, name))
        case Transresistor(_, out, back, sensor, resistance):
            return writer.sensing("v", name, (out, back), sensor, number(resistance, name))
        case NoiseCurrent(_, a, b):
            return writer.noise_current(name, a, b, _density(element))
        case Inverter(_, entry, out):
            return writer.controlled(name, (out, GROUND), (entry, GROUND), -1.0)
        case Difference(_, plus, minus, out):
            return writer.controlled(name, (out, GROUND), (plus, minus), 1.0)
        case OpAmp(_, plus, minus, out, None):
            return writer.controlled(name, (out, GROUND), (plus, minus), ideal_gain)
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


def input_source(network: Network) -> tuple[SourceKind, str]:
    """Kind and name of a source that input noise is referred to; which one has no effect on what is read.

    Raises:
        NetlistError: there is none.
    """
    for element in network.elements:
        if isinstance(element, VoltageSource | CurrentSource):
            return "v" if isinstance(element, VoltageSource) else "i", element.name
    raise NetlistError(f"network {network.name}: a noise analysis needs a source")


def starting_nodes(network: Network, v0: Float[np.ndarray, " n"]) -> dict[str, float]:
    """Voltages [V] of ground and of the nodes that a cell's capacitor holds against ground at the start."""
    held = [e for e in network.elements if isinstance(e, Capacitor) and e.cell is not None and e.b == GROUND]
    return {GROUND: 0.0} | {e.a: cell_voltage(e, v0) for e in held}


def starting_voltage(element: Capacitor, v0: Float[np.ndarray, " n"], starts: Mapping[str, float]) -> float:
    """Initial voltage of a capacitor [V]: its cell's, or what the cells at its two ends leave for it."""
    if element.cell is None and element.a in starts and element.b in starts:
        return starts[element.a] - starts[element.b] + number(element.initial, element.name)
    return cell_voltage(element, v0)


def cell_voltage(element: Capacitor | OpAmp, v0: Float[np.ndarray, " n"]) -> float:
    """Initial voltage of a capacitor or an amplifier's output [V] from that of its cell; its own without one."""
    if element.cell is None:
        return number(element.initial, element.name)
    return number(element.sign * v0[element.cell], "initial voltage")
