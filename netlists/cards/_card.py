"""One line of a SPICE circuit, and the numbers that may stand in it."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal

from .._exceptions import NetlistError

Kind = Literal["R", "C", "L", "K", "V", "I", "G", "E", "F", "H", "B", "X", ".model"]
NoiseForm = Literal["none", "spectral", "seeded"]
"""Sources of noise in a circuit: none but the resistors' own; noisy resistors with VCCS copies, for `.noise`;
seeded random sources held for one step each, for `.tran`."""

SUPPLY_PREFIX = "ts_"
"""Of the supplies' names at level `transistor`; no element or node of a network may begin with it there."""


@dataclass(frozen=True, slots=True)
class Card:
    """One line of a circuit. `value` is a float, or text that was composed of checked names and numbers."""

    kind: Kind
    name: str
    nodes: tuple[str, ...]
    value: float | str
    initial: float | None = None

    def __str__(self) -> str:
        value = self.value if isinstance(self.value, str) else repr(self.value)
        if self.kind == "B":
            value = f"i={value}"
        if self.kind == ".model":
            return f".model {self.name} {value}"
        initial = "" if self.initial is None else f" ic={self.initial!r}"
        return f"{self.kind}{self.name} {' '.join(self.nodes)} {value}{initial}"


def number(value: object, where: str) -> float:
    """A finite float.

    Raises:
        NetlistError: anything else.
    """
    # Text is refused even where float() would read it.
    if isinstance(value, str | bytes | bool):
        raise NetlistError(f"{where}: expected a number, got {value!r}")
    try:
        result = float(value)  # type: ignore[arg-type]  # what is no number is refused below
    except (TypeError, ValueError, OverflowError):
        raise NetlistError(f"{where}: expected a number, got {type(value).__name__}") from None
    if not isfinite(result):
        raise NetlistError(f"{where}: expected a finite number, got {result}")
    return result


def positive(value: object, where: str) -> float:
    """A positive finite float, or `NetlistError`."""
    result = number(value, where)
    if result <= 0:
        raise NetlistError(f"{where}: expected a positive value, got {result!r}")
    return result
