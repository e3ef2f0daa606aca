"""One card becomes typed elements."""

from collections.abc import Callable, Mapping

from ...networks import NODE_NAME, Element
from ._controlled import current_by_current, current_by_voltage, voltage_by_current, voltage_by_voltage
from ._passive import capacitor, coupling, inductor, resistor
from ._site import Site
from ._sources import current, voltage


def elements(site: Site, found: list[str]) -> list[Element]:
    """The elements of a card of words.

    Raises:
        ValueError: what is no such card; the message does not name the line.
    """
    name = found[0]
    read = _READERS.get(name[0])
    if read is None:
        raise ValueError(
            f"{name}: {_OTHERS.get(name[0], 'not an element that is known')}; expected R C L K V I E G F H B or X"
        )
    if not NODE_NAME.fullmatch(name):
        raise ValueError(f"expected the name of an element, got {name!r}")
    try:
        return read(site, site.prefix + name, found[1:])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


_OTHERS = {
    "d": "a diode is not linear", "q": "a bipolar transistor is not linear", "j": "a JFET is not linear",
    "m": "a MOSFET is not linear", "z": "a MESFET is not linear",
    "s": "a switch is not linear", "w": "a switch is not linear", "a": "a code model is not taken",
    "n": "a compiled model is not taken", "t": "a transmission line is not taken",
    "o": "a transmission line is not taken", "u": "a distributed line is not taken",
    "y": "a transmission line is not taken", "p": "coupled lines are not taken",
}  # fmt: skip


_READERS: Mapping[str, Callable[[Site, str, list[str]], list[Element]]] = {
    "r": resistor, "c": capacitor, "l": inductor, "k": coupling, "v": voltage, "i": current,
    "e": voltage_by_voltage, "g": current_by_voltage, "h": voltage_by_current, "f": current_by_current,
}  # fmt: skip
