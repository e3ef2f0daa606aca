"""The cell of an op-amp SPU: an integrator with its drive."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ._network import GROUND, Capacitor, Element, NoiseCurrent, OpAmp, Resistor, VoltageSource
from ._topology import Errors, Values


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
