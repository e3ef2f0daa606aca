"""What drives the response of a circuit: the sources that its netlist gives an ac value."""

import cmath
import math
from dataclasses import replace

from ...circuits import Network
from ...circuits.networks import CurrentSource, Element, VoltageSource
from .._exceptions import NetlistError


def driven_by(network: Network, name: str) -> Network:
    """The network with one source at a unit of ac, and all others silent.

    A linear response does not depend on the operating point.

    Raises:
        NetlistError: there is no such source.
    """
    if name not in source_names(network):
        raise NetlistError(f"input: expected {_choices(network)}, got {name!r}")
    return replace(network, elements=tuple(_silent(e, float(e.name == name)) for e in network.elements))


def chosen_input(network: Network, name: str | None) -> str:
    """The source whose response is asked for; the only one of a network that has one.

    Raises:
        NetlistError: there is none, or it is not clear which.
    """
    known = source_names(network)
    if name is not None:
        lower = name.lower()
        if lower not in known:
            raise NetlistError(f"input: expected {_choices(network)}, got {name!r}")
        return lower
    stimuli = [e.name for e in network.elements if isinstance(e, VoltageSource | CurrentSource) and (e.ac or e.drive)]
    if len(stimuli) == 1:
        return stimuli[0]
    if len(known) == 1:
        return known[0]
    if not known:
        raise NetlistError(f"network {network.name}: analysis ac needs a source, and the circuit has none")
    raise NetlistError(f"input: expected {_choices(network)}, as the circuit has {len(known)} sources")


def unit_notice(network: Network, name: str) -> str | None:
    """A sentence where a source's ac is another than that of the response, which is to a unit with phase 0."""
    source = next(e for e in network.elements if e.name == name)
    if not isinstance(source, VoltageSource | CurrentSource):
        return None
    ac = source.dc if source.drive else source.ac
    if ac is None or ac == 1:
        return None
    phase = math.degrees(cmath.phase(ac))
    return f"ac {abs(ac):g}{f' {phase:g}' if phase else ''} of {name}: the response is that to a unit"


def source_names(network: Network) -> tuple[str, ...]:
    """The independent sources."""
    return tuple(e.name for e in network.elements if isinstance(e, VoltageSource | CurrentSource))


def _choices(network: Network) -> str:
    names = source_names(network)
    return f"one of its sources, {', '.join(names)}" if names else "a circuit with a source"


def _silent(element: Element, level: float) -> Element:
    if isinstance(element, VoltageSource | CurrentSource):
        return replace(element, dc=level, drive=level != 0, ac=None, waveform=None)
    return element


def with_a_probe(network: Network) -> Network:
    """The network with a source in front that does nothing: a noise analysis names one that has an ac value."""
    taken = {element.name for element in network.elements} | set(network.nodes)
    name = next(f"probe{k}" for k in range(1, len(taken) + 2) if f"probe{k}" not in taken)
    probe = CurrentSource(name, "0", network.outputs[0], 0.0, drive=True)
    return replace(network, elements=(probe, *network.elements))
