"""The cells of a network: which elements belong to one, and the nodes by which it is connected."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from ...circuits import Network
from ...circuits.networks import (
    GROUND,
    Capacitor,
    Element,
    Inductor,
    NoiseCurrent,
    OpAmp,
    Resistor,
    VoltageSource,
    terminals,
)

_IN_CELLS = (Resistor, Capacitor, Inductor, NoiseCurrent, OpAmp)


@dataclass(frozen=True, slots=True)
class Cell:
    """The elements of one cell and the nodes by which it is connected."""

    number: int
    elements: tuple[Element, ...]
    pins: tuple[str, ...]


def cells(network: Network) -> list[Cell]:
    """The cells of a network: what lies between the nodes of each cell's capacitor and amplifier.

    Sources stay outside, where a designer looks for them; so do the outputs' nodes, and amplifiers of inverted rails.
    """
    seeds: dict[int, set[str]] = {}
    for e in network.elements:
        if isinstance(e, Capacitor | OpAmp) and e.cell is not None and _is_core(e):
            seeds.setdefault(e.cell, set()).update(node for node in terminals(e) if node != GROUND)
    owner: dict[str, int | None] = {}
    for k, nodes in seeds.items():
        for node in nodes:
            # A node of two cells belongs to neither.
            owner[node] = k if owner.get(node, k) == k else None
    touching: dict[str, list[Element]] = {}
    for e in network.elements:
        for node in set(terminals(e)):
            touching.setdefault(node, []).append(e)
    fed = {node for node, es in touching.items() if _is_fed(es)}
    found: dict[int, list[Element]] = {k: [] for k in seeds}
    for e in network.elements:
        cell = _cell_of(e, owner, fed) if isinstance(e, _IN_CELLS) else None
        if cell is not None:
            found[cell].append(e)
    return [Cell(k, tuple(es), _pins(es, touching, network)) for k, es in found.items() if es]


def _is_core(element: Capacitor | OpAmp) -> bool:
    return isinstance(element, Capacitor) or element.sign == 1


def _is_fed(elements: Sequence[Element]) -> bool:
    """Whether sources alone hold a node for one other element."""
    return len(elements) > 1 and sum(not isinstance(e, VoltageSource) for e in elements) == 1


def _cell_of(element: Element, owner: Mapping[str, int | None], fed: Container[str]) -> int | None:
    """The cell whose nodes an element touches, and no others but ground and a source's."""
    if isinstance(element, Resistor) and element.noisy and element.temperature is not None:
        return None
    if isinstance(element, Capacitor) and element.cell is None and element.initial != 0:
        return None
    if isinstance(element, Inductor) and element.initial != 0:
        return None
    numbers: set[int | None] = set()
    for node in terminals(element):
        if node == GROUND or (node not in owner and node in fed):
            continue
        numbers.add(owner.get(node))
    if len(numbers) != 1 or (isinstance(element, OpAmp) and not _is_core(element)):
        return None
    return numbers.pop()


def _pins(elements: Sequence[Element], touching: Mapping[str, Sequence[Element]], network: Network) -> tuple[str, ...]:
    inside = {e.name for e in elements}
    nodes = dict.fromkeys(node for e in elements for node in terminals(e) if node != GROUND)
    outputs = set(network.outputs)
    return tuple(n for n in nodes if n in outputs or any(e.name not in inside for e in touching[n]))
