"""Pieces that op-amp topologies share: an array of programmed resistors and inverted rails."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ._network import GROUND, Element, Inverter, OpAmp, Resistor
from ._topology import Values


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
