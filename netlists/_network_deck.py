"""The circuit of a network with all of its noise, for whoever adds analyses of his own."""

from ..circuits import Level, Network, state_space
from ._amplifier_cards import chosen_amplifier, preamble
from ._amplifier_circuit import AmplifierSubcircuit
from ._analyses import options
from ._build import network_cards, to_text


def network_circuit(network: Network, level: Level = "macro", amplifier: AmplifierSubcircuit | None = None) -> str:
    """Cards of a network from rest and the solver's options; lines of analyses and `.end` may follow.

    Args:
        network: typed elements; those of amplifiers carry the macro-model, at level `transistor` too.
        level: depth of the amplifiers.
        amplifier: subcircuit at level `transistor`; the project's two-stage amplifier unless given.

    Raises:
        NetlistError: an unsafe name or number, a node without a path for direct current to ground, an amplifier at
            another level than `transistor`.
    """
    chosen = chosen_amplifier(level, amplifier)
    lines = network_cards(network, amplifier=chosen)
    if chosen is None:
        return to_text(network, lines) + options(klu=False)
    return to_text(network, lines, preamble(network, chosen, state_space(network).settled)) + options(klu=False)
