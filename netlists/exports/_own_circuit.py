"""A circuit of one's own as others see it: each independent source an input."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

import numpy as np
from jaxtyping import Complex, Float

from ...circuits import Network
from ...circuits.networks import (
    ControlledCurrent,
    CurrentSource,
    Element,
    Transresistor,
    VoltageSource,
)
from ..cards import number, plainly_named
from ._chip import Exported, exported

_MEANING = "An input of b volts stands for b volts or amperes of its source, and draws no current."


@dataclass(frozen=True, eq=False)
class OwnExport:
    """What is written, and what the netlist gives its sources, in the order of the inputs."""

    made: Exported
    sources: tuple[str, ...]
    dc: Float[np.ndarray, " k"]
    """[V or A]."""
    ac: Complex[np.ndarray, " k"]
    """One at the first source, where the netlist gives none."""


def own_export(network: Network, name: str, comments: Sequence[str] = ()) -> OwnExport:
    """A circuit with its outputs, made ready for writing.

    A circuit without sources has an input that does nothing: simulators refer noise to one.

    Raises:
        NetlistError: a name that is none, or that a simulator's language takes.
    """
    found = {e.name: e for e in network.elements if is_input(e)}
    plain = plainly_named(network)
    names = [own.name for own, e in zip(plain.elements, network.elements, strict=True) if e.name in found]
    inputs = max(len(found), 1)
    whole = replace(plain, elements=tuple(part for parts in _numbered(plain, names, inputs) for part in parts))
    dc = np.zeros(inputs)
    ac = np.zeros(inputs, complex)
    for k, source in enumerate(found.values()):
        dc[k] = number(source.dc, source.name)
        ac[k] = complex(source.ac) if source.ac is not None else dc[k] * source.drive
    if not ac.any():
        ac[0] = 1.0
    made = exported(whole, inputs, name, 1.0, tuple(comments))
    return OwnExport(replace(made, meaning=_MEANING), tuple(found), dc, ac)


def is_input(element: Element) -> TypeGuard[VoltageSource | CurrentSource]:
    """Whether an element is a source of the netlist, and not the constant of an expression."""
    return isinstance(element, VoltageSource | CurrentSource) and "#" not in element.name


def _numbered(network: Network, sources: Sequence[str], inputs: int) -> list[tuple[Element, ...]]:
    """The elements, each source as the input of its number; one whose current is sensed keeps a sensor of 0 V."""
    sensed = {e.sensor for e in network.elements if isinstance(e, ControlledCurrent | Transresistor)}
    names = {e.name for e in network.elements} | set(network.nodes)
    found: list[tuple[Element, ...]] = []
    for element in network.elements:
        if element.name not in sources or not isinstance(element, VoltageSource | CurrentSource):
            found.append((element,))
            continue
        unit = np.eye(inputs)[sources.index(element.name)]
        driven = replace(element, dc=unit, drive=True, ac=None, waveform=None)
        if isinstance(driven, VoltageSource) and element.name in sensed:
            inner = next(w for k in range(len(names) + 1) if (w := f"{element.name}_s{k}") not in names)
            names.add(inner)
            sensor = VoltageSource(element.name, driven.plus, inner, 0.0)
            found.append((sensor, replace(driven, name=inner, plus=inner)))
        else:
            found.append((driven,))
    return found
