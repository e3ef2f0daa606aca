"""Static power of a chip at its operating point in ngspice."""

from dataclasses import dataclass

from ...circuits import Instance, Level, Network, Program, Scaling
from ...circuits.loaded_chips import loaded_chip
from ...circuits.networks import GROUND, Resistor
from ..amplifiers import AmplifierSubcircuit
from ..decks import UNSCALED, chosen_amplifier, network_cards, preamble, to_text
from ..simulators import Expected, Limits, Ngspice, Plot, judge, options, proven_ngspice, run_deck
from ..timing import Linear


@dataclass(frozen=True, slots=True)
class OperatingPower:
    """Watts at rest. `resistors`: in the circuit's resistors, arrays and rails and feedback; `supplies`: what both
    supplies of the amplifiers deliver, at level `transistor` (None elsewhere: a macro-model draws no supply current).
    """

    resistors: float
    supplies: float | None


def operating_power(
    instance: Instance,
    program: Program,
    level: Level = "macro",
    scaling: Scaling = UNSCALED,
    timeout: float = 300.0,
    ngspice: Ngspice | None = None,
    amplifier: AmplifierSubcircuit | None = None,
) -> OperatingPower:
    """Power of a settled chip [W]: the sum of `(v_a - v_b)^2/R` over the resistors between the nodes of an `op`.

    Arguments as those of `simulate`. The inside of a macro-model does not count.

    Raises:
        as `simulate`.
    """
    simulator = ngspice or proven_ngspice()
    chip = loaded_chip(instance, program, level, scaling)
    chosen = chosen_amplifier(level, amplifier, instance.design)
    linear = Linear(chip.network, lambda: chip.space)
    _ = linear.rates  # an operating point does not show that the circuit would run away from it
    near = "" if chosen is None else preamble(chip.network, chosen, linear.settled)
    circuit = to_text(chip.network, network_cards(chip.network, None, "none", None, chosen), near)
    names = asked_for_power(chip.network, chosen)
    deck = circuit + options(klu=False) + f".save {' '.join(names)}\n.op\n.end\n"
    plots, _ = judge(run_deck(deck, simulator, Limits(timeout=timeout)), Expected("Operating Point", names, (1,)))
    return power_of(chip.network, chosen, plots[0])


def asked_for_power(network: Network, amplifier: AmplifierSubcircuit | None) -> tuple[str, ...]:
    """Voltages and currents of an operating point that its power follows from."""
    sources = () if amplifier is None else ("i(vts_vdd)", "i(vts_vss)")
    return (*(f"v({node})" for node in _nodes(network)), *sources)


def power_of(network: Network, amplifier: AmplifierSubcircuit | None, plot: Plot) -> OperatingPower:
    """Power [W] of an operating point with the voltages and currents of `asked_for_power`."""
    supplies = None
    if amplifier is not None:
        supplies = -amplifier.vdd * _value(plot, "i(vts_vdd)") - amplifier.vss * _value(plot, "i(vts_vss)")
    return OperatingPower(_resistor_power(network, plot), supplies)


def _resistor_power(network: Network, plot: Plot) -> float:
    """Power in a network's resistors [W] from the node voltages of an operating point."""
    voltage = {GROUND: 0.0} | {node: _value(plot, f"v({node})") for node in _nodes(network)}
    return sum((voltage[r.a] - voltage[r.b]) ** 2 / float(r.resistance) for r in _resistors(network))


def _resistors(network: Network) -> list[Resistor]:
    return [element for element in network.elements if isinstance(element, Resistor)]


def _nodes(network: Network) -> tuple[str, ...]:
    found = dict.fromkeys(node for r in _resistors(network) for node in (r.a, r.b))
    found.pop(GROUND, None)
    return tuple(found)


def _value(plot: Plot, name: str) -> float:
    return float(plot[name][0].real)
