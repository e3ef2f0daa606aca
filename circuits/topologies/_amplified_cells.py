"""The cell of an op-amp SPU: an integrator with its drive."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ..networks import GROUND, Capacitor, Element, Inverter, NoiseCurrent, OpAmp, Resistor, VoltageSource
from ._values import Errors, Values


def integrator(values: Values, errors: Errors, i: int, b_i: Any) -> Iterator[Element]:
    """Amplifier, capacitor and drive of cell i: `C d out/dt = -(current into vg)`, with `-b_i` through R0.

    Uses the deviations `capacitance`, `drive` and `offset`.
    """
    capacitance = values.C * (1 + errors["capacitance"][i])
    amplifier = values.amplifier
    model = amplifier and replace(amplifier, offset=amplifier.offset + errors["offset"][i])
    yield OpAmp(f"a{i}", GROUND, f"vg{i}", f"out{i}", model, cell=i)
    yield Capacitor(f"c{i}", f"vg{i}", f"out{i}", capacitance, cell=i, sign=-1)
    yield VoltageSource(f"b{i}", f"drv{i}", GROUND, -b_i, drive=True)
    yield Resistor(f"rb{i}", f"drv{i}", f"vg{i}", values.R0 / (1 + errors["drive"][i]))
    if values.injected_noise != 0:
        yield NoiseCurrent(f"n{i}", GROUND, f"vg{i}", values.injected_noise)


def crosspoints(
    prefix: str, values: Values, errors: Any, weights: Any, rail: Callable[[int, bool], str], target: str
) -> Iterator[Element]:
    """Resistors `R0/(|w_j| (1 + errors_j))` from rail j, inverted when `w_j < 0`, to a virtual ground."""
    for j, w in enumerate(weights):
        if w != 0:
            yield Resistor(f"{prefix}_{j}", rail(j, bool(w < 0)), target, values.resistance(abs(w), errors[j]))


def inverted_rail(
    name: str, values: Values, source: str, out: str, gain_error: Any, offset: Any, cell: int | None = None
) -> Iterator[Element]:
    """An inverting amplifier of gain `-(1 + gain_error)` made of two resistors R0; ideal without an amplifier."""
    if values.amplifier is None:
        yield Inverter(name, source, out)
        return
    model = replace(values.amplifier, offset=values.amplifier.offset + offset)
    yield OpAmp(name, GROUND, f"{name}_vg", out, model, cell=cell, sign=-1)
    yield Resistor(f"{name}_ri", source, f"{name}_vg", values.R0)
    yield Resistor(f"{name}_rf", f"{name}_vg", out, values.R0 * (1 + gain_error))
