"""The value of each element of a circuit, to be read and to be replaced."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..networks import Element, Network

# The one number that says how large an element is, by its field's name.
_FIELDS = ("resistance", "capacitance", "inductance", "gm", "gain", "coefficient", "density", "dc")


def value_field(element: Element) -> str | None:
    """The field that has an element's value; None for an ideal one, which has none."""
    return next((name for name in _FIELDS if hasattr(element, name)), None)


def value_of(element: Element) -> float | None:
    """Value of an element in SI units; None where it has none."""
    name = value_field(element)
    return None if name is None else float(getattr(element, name))


def scaled(network: Network, factors: Mapping[str, float]) -> Network:
    """The network with the values of some elements multiplied.

    Raises:
        KeyError: an element that is not there, or has no value.
    """
    missing = set(factors) - {e.name for e in network.elements if value_field(e) is not None}
    if missing:
        raise KeyError(f"network {network.name}: there is no element with a value named {', '.join(sorted(missing))}")
    elements = tuple(_times(e, factors[e.name]) if e.name in factors else e for e in network.elements)
    return replace(network, elements=elements)


def _times(element: Element, factor: float) -> Element:
    name = value_field(element)
    assert name is not None
    changes: dict[str, Any] = {name: getattr(element, name) * factor}
    return replace(element, **changes)
