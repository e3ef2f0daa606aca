"""The matrix of a crossbar with perfect amplifiers, in closed form."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from ..networks import GROUND, Capacitor, Inverter, Network, OpAmp, Resistor, Value, VoltageSource, of_type

_Rail = tuple[int, Value]
"""Cell, and the gain from its output."""


def crossbar_drift(network: Network, chips: int | None = None) -> Float[np.ndarray, "*chips n n"] | None:
    """Drift `F_ij = G_ij gain_j / C_i` of a crossbar's cells [1/s]; of so many chips, whose values are arrays.

    `G_ij` is the conductance from rail j to the virtual ground of cell i, `gain_j` is 1, or minus the ratio of the
    resistors of an inverted rail. None for a circuit with anything else between its cells, such as a leak.
    """
    resistors = {r.name: r for r in of_type(network.elements, Resistor)}
    cells = {c.a: c for c in of_type(network.elements, Capacitor) if c.cell is not None}
    rails = _rails(network, cells, resistors)
    if rails is None:
        return None
    # A source, and ground, bring nothing into a virtual ground that depends on the states.
    held = {source.plus for source in of_type(network.elements, VoltageSource)} | {GROUND}
    shape = (len(cells), len(cells))
    F = np.zeros(shape if chips is None else (*shape, chips))
    for r in resistors.values():
        cell = cells.get(r.b)
        if cell is None or not (r.a in rails or r.a in held):
            return None
        if r.a in rails:
            column, gain = rails[r.a]
            F[cell.cell, column] += gain / (r.resistance * cell.capacitance)
    return F if chips is None else np.ascontiguousarray(np.moveaxis(F, -1, 0))


def _rails(network: Network, cells: Mapping[str, Capacitor], resistors: dict[str, Resistor]) -> dict[str, _Rail] | None:
    """Nodes that feed the array; resistors of the inverted ones are taken out. None for another circuit."""
    rails: dict[str, _Rail] = {c.b: (c.cell, 1.0) for c in cells.values() if c.cell is not None}
    for inverter in of_type(network.elements, Inverter):
        if inverter.input not in rails:
            return None
        rails[inverter.out] = (rails[inverter.input][0], -1.0)
    for amp in of_type(network.elements, OpAmp):
        if amp.minus in cells:
            continue
        source, feedback = (resistors.pop(f"{amp.name}_{end}", None) for end in ("ri", "rf"))
        if source is None or feedback is None or source.a not in rails:
            return None
        if (source.b, feedback.a, feedback.b) != (amp.minus, amp.minus, amp.out):
            return None
        rails[amp.out] = (rails[source.a][0], -feedback.resistance / source.resistance)
    return rails
