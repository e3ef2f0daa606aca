"""What is exported: a network whose drives are inputs, its noise as fitted, its nodes renamed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from ...circuits import Instance, Level, Network, Program, Scaling
from ...circuits.networks import (
    BOLTZMANN,
    GROUND,
    CurrentSource,
    Element,
    NoiseCurrent,
    OpAmp,
    Resistor,
    Value,
    VoltageSource,
)
from ...circuits.topologies import load
from ...files import plain_comment
from .._exceptions import NetlistError
from ..cards import number

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TAKEN = frozenset((files(__package__) / "reserved.txt").read_text(encoding="utf-8").split())
"""Words of Verilog-AMS, and names that simulators give a meaning."""


@dataclass(frozen=True, slots=True)
class Source:
    """A drive: a voltage `a` against `b`, or a current that leaves `a` and enters `b`, as a sum of the inputs.

    `gains` [V/V or A/V] are by the number of the input.
    """

    name: str
    kind: Literal["v", "i"]
    a: str
    b: str
    gains: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Exported:
    """A chip as others see it: `name` is that of the module, `inputs` and `outputs` are its pins in this order.

    An input of b_k volts stands for a drive of b_k: the settled outputs are `A^-1 b` of the loaded matrix, with all
    that the chip makes of it. Inputs draw no current. `comments` tell where it comes from.
    """

    name: str
    network: Network
    """Everything but the drives; nodes as they are written."""
    sources: tuple[Source, ...]
    inputs: tuple[str, ...]
    comments: tuple[str, ...]
    meaning: str = (
        "An input of b volts stands for a drive of b, and draws no current; the outputs settle at the answer for b."
    )

    @property
    def driven(self) -> Network:
        """The circuit with voltage sources for the drives that are voltages: what holds the nodes."""
        held = (VoltageSource(f"d_{s.name}", s.a, s.b, 0.0) for s in self.sources if s.kind == "v")
        return replace(self.network, elements=(*self.network.elements, *held))

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.network.outputs

    @property
    def pins(self) -> tuple[str, ...]:
        return (*self.outputs, *self.inputs)


def loaded_with_pins(instance: Instance, program: Program, level: Level, scaling: Scaling) -> Network:
    """The circuit of `Instance.network` with each drive as an array: its part of every entry of b.

    Raises:
        ProgramError, DesignError: as `Instance.network`.
    """
    weights = load(instance.design.programming, instance.topology, program, scaling.conductance).weights
    unit = scaling.conductance * np.eye(program.n)
    network = instance.topology.network(instance.design.values(level), instance.errors, weights, unit)
    return instance.parasitics.applied(network)


def exported(
    network: Network, inputs: int, name: str, noise_scale: float = 1.0, comments: tuple[str, ...] = ()
) -> Exported:
    """A network made ready for writing.

    Args:
        network: typed elements; a drive that is an array becomes a sum of inputs, one that is a number stays a source.
        inputs: how many inputs there are.
        name: of the module.
        noise_scale: factor on every noise density.
        comments: where it comes from; whatever is not plain text in them is replaced.

    Raises:
        NetlistError: a name that is none, or that a simulator's language takes.
    """
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise NetlistError(
            f"name: expected a name of at most 64 lower-case letters, digits and _, none of a simulator's own words,"
            f" got {name!r}"
        )
    named = _renaming(network)
    sources = tuple(_source(element, named) for element in network.elements if _is_input(element))
    kept = [element for element in network.elements if not _is_input(element)]
    temperature = number(network.temperature, "temperature")
    elements = tuple(
        _renamed(part, named) for element in kept for part in _with_noise(element, noise_scale, temperature)
    )
    pins = tuple(named[node] for node in network.outputs)
    drives = tuple(f"b{k}" for k in range(inputs))
    if name in (*pins, *drives):
        raise NetlistError(f"name: expected another name than those of the pins, got {name!r}")
    rest = Network(network.name, elements, pins, temperature)
    return Exported(name, rest, sources, drives, tuple(map(plain_comment, comments)))


def _renaming(network: Network) -> dict[str, str]:
    """Outputs are called after their cells; inner nodes get a prefix that no pin and no word of a language has."""
    if len(set(network.outputs)) != len(network.outputs):
        raise NetlistError(f"network {network.name}: two outputs are the same node; an export needs a pin for each")
    names = {node: f"n_{node}" for node in network.nodes}
    return {GROUND: GROUND, **names, **{node: f"out{k}" for k, node in enumerate(network.outputs)}}


def _is_input(element: Element) -> bool:
    return isinstance(element, VoltageSource | CurrentSource) and element.drive and np.ndim(element.dc) > 0


def _source(element: Any, named: Mapping[str, str]) -> Source:
    a, b = (element.plus, element.minus) if isinstance(element, VoltageSource) else (element.a, element.b)
    gains = {k: number(gain, element.name) for k, gain in enumerate(element.dc) if gain != 0}
    return Source(element.name, "v" if isinstance(element, VoltageSource) else "i", named[a], named[b], gains)


def _with_noise(element: Element, scale: float, temperature: float) -> Iterator[Element]:
    """The element with its noise scaled: thermal noise of a fitted strength is no longer that of the resistance."""
    match element:
        case Resistor(noisy=True) if scale != 1:
            yield replace(element, noisy=False)
            density = 2 * BOLTZMANN * temperature / number(element.resistance, element.name)
            yield NoiseCurrent(f"{element.name}_th", element.a, element.b, scale * density)
        case NoiseCurrent():
            yield replace(element, density=scale * element.density)
        case OpAmp() if element.model is not None:
            root = scale**0.5
            model = element.model
            more = {"noise_voltage": root * model.noise_voltage, "noise_current": root * model.noise_current}
            yield replace(element, model=replace(model, **more))
        case _:
            yield element


_NODES = ("a", "b", "plus", "minus", "out", "back", "input")


def _renamed(element: Element, named: Mapping[str, str]) -> Element:
    changes: dict[str, Value] = {field: named[getattr(element, field)] for field in _NODES if hasattr(element, field)}
    return replace(element, **changes)
