"""Linear pieces of the amplifier macro-model, for the analyses that are linear."""

from math import pi

from ._elements import (
    GROUND,
    TRANSCONDUCTANCE,
    Capacitor,
    CurrentSource,
    Element,
    NoiseCurrent,
    OpAmp,
    Resistor,
    Transconductor,
    Value,
)
from ._network import Network

LinearElement = Element
"""An element; no amplifier with a macro-model is among them."""


def linear_elements(network: Network) -> list[LinearElement]:
    """The network's elements with every macro-model replaced by its linear pieces; rails and slew have no part."""
    elements: list[LinearElement] = []
    for element in network.elements:
        if isinstance(element, OpAmp) and element.model is not None:
            elements += _pieces(element)
        else:
            elements.append(element)
    return elements


def pole_values(gain: Value, gain_bandwidth: Value) -> tuple[Value, Value]:
    """`R_p` [ohm] and `C_p` [F] of the pole node."""
    return gain / TRANSCONDUCTANCE, TRANSCONDUCTANCE / (2 * pi * gain_bandwidth)


def _pieces(amp: OpAmp) -> list[LinearElement]:
    model = amp.model
    assert model is not None
    gm = TRANSCONDUCTANCE
    pole = f"{amp.name}_p"
    name = amp.name
    driving = f"{name}_q" if model.second_pole != 0 else pole
    R_p, C_p = pole_values(model.gain, model.gain_bandwidth)
    e_n = model.noise_voltage
    i_n = model.noise_current
    pieces: list[LinearElement] = [
        Transconductor(f"{name}_gm", GROUND, pole, amp.plus, amp.minus, gm),
        CurrentSource(f"{name}_os", GROUND, pole, gm * model.offset),
        Resistor(f"{name}_rp", pole, GROUND, R_p, noisy=False),
        Capacitor(f"{name}_cp", pole, GROUND, C_p, amp.cell, amp.sign, amp.initial),
        Transconductor(f"{name}_buf", GROUND, amp.out, driving, GROUND, 1 / model.output_resistance),
        Resistor(f"{name}_ro", amp.out, GROUND, model.output_resistance, noisy=False),
        Capacitor(f"{name}_cl", amp.out, GROUND, model.load_capacitance, amp.cell, amp.sign, amp.initial),
        # Densities are one-sided in data sheets and two-sided here.
        NoiseCurrent(f"{name}_en", GROUND, pole, (gm * e_n) ** 2 / 2),
    ]
    if driving != pole:
        pieces.append(Transconductor(f"{name}_g2", GROUND, driving, pole, GROUND, gm))
        pieces.append(Resistor(f"{name}_r2", driving, GROUND, 1 / gm, noisy=False))
        pieces.append(Capacitor(f"{name}_c2", driving, GROUND, gm / (2 * pi * model.second_pole), amp.cell, amp.sign))
    if model.input_capacitance != 0:
        pieces.append(Capacitor(f"{name}_ci", amp.minus, GROUND, model.input_capacitance))
    for pin, node in (("p", amp.plus), ("m", amp.minus)):
        if node != GROUND:
            pieces.append(CurrentSource(f"{name}_ib{pin}", node, GROUND, model.bias_current))
            pieces.append(NoiseCurrent(f"{name}_in{pin}", GROUND, node, i_n**2 / 2))
    return pieces
