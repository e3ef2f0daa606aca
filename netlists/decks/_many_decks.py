"""Operating points of chips with one structure: the deck of one, in which the numbers of each are put.

The deck is written by the same code as any other, with a mark of its own in the place of every number that differs
from chip to chip; what is put there is what that code would have put.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from ...circuits import Network
from ...circuits.networks import Capacitor, Element, Inductor, OpAmp, Resistor
from ..simulators import Deck, Ngspice
from ._job import Settings
from ._plan import settling_deck

_MARK = re.compile(r"(?<![\w.+-])7\.(\d{6})1234567(?![\w.])")
"""A number that no circuit has; its digits say which value it stands for."""

_MOST = 1_000_000

_POSITIVE = (Resistor, Capacitor, Inductor)


def settling_decks(settings: Settings, network: Network, chips: int, ngspice: Ngspice) -> list[Deck] | None:
    """The deck of each chip, to the letter that of its own network; None where they cannot be made together.

    Args:
        settings: of an operating point at level `ideal` or `macro`.
        network: of all chips; values that differ are arrays (chips,).
        chips: how many there are.
        ngspice: the simulator.

    Raises:
        NetlistError: as `plan`.
    """
    varying = list(_varying(network.elements))
    if len(varying) >= _MOST or not all(_is_plain(element, values) for element, _, values in varying):
        return None
    marks = (float(f"7.{k:06d}1234567") for k in range(len(varying)))
    deck = settling_deck(settings, replace(network, elements=tuple(_marked(network.elements, marks))), ngspice)
    parts = _MARK.split(deck.text)
    order = [int(number) for number in parts[1::2]]
    if set(order) != set(range(len(varying))):
        return None
    form = "%r".join(part.replace("%", "%%") for part in parts[::2])
    columns = [varying[k][2].tolist() for k in order]
    decks = [replace(deck, text=form % values) for values in zip(*columns, strict=True)] or [deck] * chips
    # A card may hold a number that is worked out from a mark: then the first chip's deck is not what it is alone.
    first = _marked(network.elements, (float(values[0]) for _, _, values in varying))
    alone = settling_deck(settings, replace(network, elements=tuple(first)), ngspice)
    return decks if decks[0].text == alone.text else None


def _varying(elements: Iterable[Element]) -> Iterator[tuple[Element, str, Float[np.ndarray, " chips"]]]:
    """Each element's values that are arrays, in the order in which `_marked` takes marks."""
    for element in elements:
        for name in _names(element):
            yield element, name, getattr(element, name)
        if isinstance(element, OpAmp) and element.model is not None:
            for name in _names(element.model):
                yield element, name, getattr(element.model, name)


def _is_plain(element: Element, values: Float[np.ndarray, " chips"]) -> bool:
    """Whether values are such as a circuit takes; what is refused is refused for the chip that has it."""
    return bool(np.isfinite(values).all()) and (not isinstance(element, _POSITIVE) or bool((values > 0).all()))


def _marked(elements: Iterable[Element], marks: Iterator[float]) -> Iterator[Element]:
    """The elements with the next number in the place of each value that is an array."""
    for element in elements:
        changes: dict[str, Any] = {name: next(marks) for name in _names(element)}
        if isinstance(element, OpAmp) and element.model is not None:
            own = {name: next(marks) for name in _names(element.model)}
            changes |= {"model": replace(element.model, **own)} if own else {}
        yield replace(element, **changes) if changes else element


def _names(described: Any) -> list[str]:
    return [field.name for field in fields(described) if isinstance(getattr(described, field.name), np.ndarray)]
