"""Single faults of an amplifier's transistors, resistors and capacitors, and of its supplies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...circuits.networks import Capacitor, Resistor
from ...netlists.amplifiers import AmplifierCircuit, Transistor

_FACTORS: Mapping[type[Any], Mapping[str, tuple[float, ...]]] = {
    Transistor: {"width": (1.1,), "length": (1.1,)},
    Resistor: {"resistance": (1.1, 2.0)},
    Capacitor: {"capacitance": (1.1, 2.0)},
}
_SUPPLIES = {"vdd": (0.9, 1.1), "vss": (0.9, 1.1)}


@dataclass(frozen=True, slots=True)
class PieceScaled:
    """A value of one piece of the subcircuit, or a supply, that is `factor` times the right one."""

    element: str
    field: str
    factor: float
    part: str

    @property
    def kind(self) -> str:
        """What is wrong, whichever piece has it."""
        return f"{self.part}: {self.field} x {self.factor:g}"

    def __call__(self, amplifier: AmplifierCircuit) -> AmplifierCircuit:
        """The amplifier with the fault."""
        if self.part == "supply":
            return replace(amplifier, **{self.field: self.factor * getattr(amplifier, self.field)})
        pieces = tuple(
            replace(piece, **{self.field: self.factor * getattr(piece, self.field)})
            if piece.name == self.element
            else piece
            for piece in amplifier.pieces
        )
        return replace(amplifier, pieces=pieces)


def amplifier_faults(amplifier: AmplifierCircuit) -> Iterator[PieceScaled]:
    """Every single one of these faults."""
    for piece in amplifier.pieces:
        part = f"subcircuit {type(piece).__name__}"
        for field, factors in _FACTORS[type(piece)].items():
            yield from (PieceScaled(piece.name, field, factor, part) for factor in factors)
    for field, factors in _SUPPLIES.items():
        yield from (PieceScaled(field, field, factor, "supply") for factor in factors)
