"""A network at level `transistor`: each amplifier is a subcircuit between two supplies.

The transistors bring their own noise to `.noise`. ngspice's `.tran` has no transistor noise, so a seeded transient
takes the white input noise of the macro-model instead, in series with the plus input. A transient does not start from
given inner voltages but from an operating point in which stiff sources hold each cell's capacitor at its initial
voltage; they let go within `RELEASE` of the shortest time constant.
"""

import functools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from ...circuits import Design, Level, Network
from ...circuits.networks import GROUND, Capacitor, OpAmp, terminals
from .._exceptions import NetlistError
from ..amplifiers import AmplifierCircuit, AmplifierSubcircuit, TwoStage, amplifier_of, nodesets, supplies
from ..cards import SUPPLY_PREFIX, Card, number
from ..timing import Rates

HOLD_CONDUCTANCE = 10.0
"""Of the source that holds a capacitor [S]: 10 uA move it by 1 uV."""

RELEASE = 1e-3
"""Part of the shortest time constant in which the capacitors are let go."""


def check_fits(network: Network, amplifier: AmplifierSubcircuit) -> None:
    """Raise `NetlistError` when the design's amplifier cannot be this circuit, or a name is taken."""
    for element in network.elements:
        for name in (element.name, *terminals(element)):
            if name.startswith(SUPPLY_PREFIX):
                raise NetlistError(f"{name}: names that begin with {SUPPLY_PREFIX} belong to the supplies")
        if isinstance(element, OpAmp) and element.model is not None:
            low = element.model.rail_low
            high = element.model.rail_high
            if low < amplifier.vss or high > amplifier.vdd:
                raise NetlistError(
                    f"{element.name}: the design's amplifier swings from {low:g} to {high:g} V, but amplifier"
                    f" {amplifier.name} has supplies of {amplifier.vss:g} and {amplifier.vdd:g} V: use a design whose"
                    " amplifier was extracted from this circuit, such as cmos-100k-10p"
                )


def chosen_amplifier(
    level: Level, amplifier: AmplifierSubcircuit | None, design: Design | None = None
) -> AmplifierSubcircuit | None:
    """The subcircuit of a level: none but at level `transistor`, where a design may have one of its own.

    Raises:
        NetlistError: an amplifier is given at another level, where it would have no effect.
    """
    if level == "transistor":
        own = None if design is None else amplifier_of(design)
        return amplifier or own or _default_amplifier()
    if amplifier is not None:
        raise NetlistError(f"amplifier {amplifier.name}: expected level transistor, got {level}")
    return None


@functools.cache
def _default_amplifier() -> AmplifierCircuit:
    return TwoStage().circuit()


def preamble(network: Network, amplifier: AmplifierSubcircuit | None, cells: Float[np.ndarray, " n"]) -> str:
    """Models, subcircuit, supplies, and where to look for the operating point: near these cell voltages [V]."""
    if amplifier is None:
        return ""
    lines = [amplifier.definition().rstrip(), supplies(amplifier)]
    for element in network.elements:
        if isinstance(element, OpAmp):
            out = 0.0 if element.cell is None else number(element.sign * cells[element.cell], "cell voltage")
            lines += [nodesets(amplifier, f"x{element.name}"), f".nodeset v({element.out})={out!r}"]
            # A virtual ground, or the input of a follower.
            lines.append(
                f".nodeset v({element.minus})=0.0" if element.plus == GROUND else f".nodeset v({element.plus})={out!r}"
            )
    return "".join(f"\n{line}" for line in lines if line)


def release_time(rates: Rates) -> float:
    """Time in which the cells are let go [s]."""
    return RELEASE / rates.cells


def hold_cards(network: Network, v0: Float[np.ndarray, " n"], release: float) -> Iterator[Card]:
    """Sources that hold the cells' capacitors before the transient and let go within `release` [s]."""
    node = f"{SUPPLY_PREFIX}hold"
    yield Card("V", node, (node, GROUND), f"dc 1.0 pwl(0 1 {release!r} 0)")
    for element in network.elements:
        if isinstance(element, Capacitor) and element.cell is not None:
            voltage = number(element.sign * v0[element.cell], "initial voltage")
            current = f"{HOLD_CONDUCTANCE!r}*v({node})*(v({element.a},{element.b})-({voltage!r}))"
            yield Card("B", f"{SUPPLY_PREFIX}{element.name}", (element.a, element.b), current)
