"""Numbers with SI prefixes and units, as they stand in design files: `10k`, `100pF`, `1 %`."""

import math
from typing import Annotated, Any

from pydantic import BeforeValidator
from quantiphy import InvalidNumber, Quantity

_UNIT_NAMES = {"ohm": ("ohm", "Ohm", "Ω", "Ω")}


def _parse(value: Any, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a number{_in(unit)}, got {value!r}")
    try:
        number, found = (float(value), "") if not isinstance(value, str) else _split(value, unit)
    except OverflowError:
        raise ValueError(f"expected a finite number{_in(unit)}, got one beyond 1e308") from None
    if found not in ("", *_UNIT_NAMES.get(unit, (unit,))):
        raise ValueError(f"expected a number{_in(unit)}, got the unit {found!r} in {value!r}")
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number{_in(unit)}, got {value!r}")
    return number


def _split(text: str, unit: str) -> tuple[float, str]:
    stripped = text.strip()
    if stripped.endswith("%") and unit == "":
        number, found = _split(stripped[:-1], unit)
        return number / 100, found
    if unit == "K" and stripped.endswith("K"):
        stripped = stripped[:-1]  # kelvin, where the parser reads the prefix kilo
    try:
        quantity = Quantity(stripped)
    except InvalidNumber:
        raise ValueError(f"expected a number{_in(unit)} such as 10k, got {text!r}") from None
    return float(quantity), str(quantity.units)


def _in(unit: str) -> str:
    return f" in {unit}" if unit else ""


def _quantity(unit: str) -> BeforeValidator:
    return BeforeValidator(lambda value: _parse(value, unit))


Ohm = Annotated[float, _quantity("ohm")]
Farad = Annotated[float, _quantity("F")]
Henry = Annotated[float, _quantity("H")]
Volt = Annotated[float, _quantity("V")]
Ampere = Annotated[float, _quantity("A")]
Hertz = Annotated[float, _quantity("Hz")]
Seconds = Annotated[float, _quantity("s")]
Kelvin = Annotated[float, _quantity("K")]
VoltPerSecond = Annotated[float, _quantity("V/s")]
VoltPerRootHertz = Annotated[float, _quantity("V/rtHz")]
AmperePerRootHertz = Annotated[float, _quantity("A/rtHz")]
SquareAmperePerHertz = Annotated[float, _quantity("A^2/Hz")]
Ratio = Annotated[float, _quantity("")]
