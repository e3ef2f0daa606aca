"""What the columns of a table are: time or frequency first, then cells, each with its unit."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...files.quantities import unit_factor

Kind = Literal[
    "time", "frequency", "program", "voltage", "density", "root density", "re", "im", "dB", "degrees", "other"
]

_UNIT_IN = re.compile(r"(?P<name>.*?)\s*[\[(]\s*(?P<unit>[^\[\]()]*(?:\([^()]*\)[^\[\]()]*)?)\s*[\])]")
_TIMES = frozenset({"time", "t", "x", "second", "seconds", "x-axis", "times", "zeit"})
_FREQUENCIES = frozenset({"frequency", "freq", "f", "freq.", "frequencies"})
_SPELLED = {"second": "s", "seconds": "s", "sec": "s", "volt": "V", "volts": "V", "hertz": "Hz"}
_UNITS: Mapping[Kind, str] = {
    "time": "s",
    "frequency": "Hz",
    "voltage": "V",
    "density": "V^2/Hz",
    "root density": "V/sqrt(Hz)",
}
_PARTS: Mapping[str, Kind] = {
    "re": "re",
    "real": "re",
    "im": "im",
    "imag": "im",
    "db": "dB",
    "mag": "dB",
    "phase": "degrees",
}

_OF_PARTS: Mapping[str, Kind] = {
    "db": "dB",
    "deg": "degrees",
    "degree": "degrees",
    "degrees": "degrees",
    "°": "degrees",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name without the unit, what it is, and the factor on its numbers, None without a unit."""

    name: str
    kind: Kind
    factor: float | None


def columns_of(heads: Sequence[Sequence[str]], count: int, simulator: bool = False) -> tuple[Column, ...]:
    """Columns from the lines above a table: one of names with units, or one of names and one of units.

    Without any lines they have no names. Columns of a simulator are in SI units.
    """
    names = list(heads[0]) if heads else [""] * count
    units = list(heads[1]) if len(heads) > 1 else [None] * count
    if len(heads) > 1 and not any(_kind_of(str(unit)) for unit in units):
        # Two lines of text that are not names and units: the nearest one counts.
        names, units = list(heads[1]), [None] * count
    return tuple(_column(name, unit, k, simulator) for k, (name, unit) in enumerate(zip(names, units, strict=True)))


def _column(head: str, unit: str | None, place: int, simulator: bool) -> Column:
    found = _UNIT_IN.fullmatch(head.strip())
    name, inside = (found["name"], found["unit"]) if found else (head.strip(), None)
    known = _kind_of(unit or inside or "")
    if known is None:
        # `V(out0)` has brackets, and no unit in them.
        name = head.strip() if unit is None and (inside or "").strip().lower() not in _OF_PARTS else name
    low = name.lower()
    part = next((kind for word, kind in _PARTS.items() if re.search(rf"(?:^|[ _.]){word}$", low)), None)
    part = _OF_PARTS.get((unit or inside or "").strip().lower(), part)
    if part is not None:
        return Column(_without_part(name), part, known[1] if known else 1.0)
    if place == 0 and low in _TIMES | _FREQUENCIES and known is None:
        return Column(name, "time" if low in _TIMES else "frequency", 1.0 if simulator else None)
    if low == "program":
        return Column(name, "program", 1.0)
    if known is not None:
        return Column(name, known[0], known[1])
    return Column(name, "voltage" if simulator else "other", 1.0 if simulator else None)


def _without_part(name: str) -> str:
    return re.sub(r"(?i)[ _.]*(?:re|real|im|imag|db|mag|phase)$", "", name).strip()


def _kind_of(text: str) -> tuple[Kind, float] | None:
    spelled = _SPELLED.get(text.strip().lower(), text.strip())
    if not spelled or spelled == "1":
        return None
    for kind, unit in _UNITS.items():
        factor = unit_factor(spelled, unit)
        if factor is not None:
            return kind, factor
    return None
