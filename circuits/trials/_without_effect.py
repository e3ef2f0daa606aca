"""Options that change nothing, said instead of passed over."""

from collections.abc import Iterator

from ..chips import Design
from ..components import Corners
from ..components import TemperatureCoefficients as Coefficients
from ..topologies import Level


def without_effect(
    design: Design,
    level: Level,
    temperature: float | None = None,
    corner: str = "typical",
    age: float | None = None,
) -> Iterator[str]:
    """Sentences on the options that were given and mean nothing to this design.

    Args:
        design: of the chip.
        level: at level transistor the transistors follow the temperature by themselves.
        temperature: as asked for [K]; None when it was not.
        corner: as asked for.
        age: as asked for [s]; None when it was not.
    """
    if corner != "typical" and design.corners == Corners():
        yield f"design {design.name} has no `corners:`, so that corner {corner} changes nothing"
    if age is not None and not drifts(design):
        yield f"design {design.name} has no `drift:`, so that age {age:g} s changes nothing"
    if temperature is not None and level != "transistor" and not follows_temperature(design):
        yield (
            f"design {design.name} has no temperature coefficients (`tempco:`), so that temperature"
            f" {temperature:g} changes thermal noise alone"
        )


def drifts(design: Design) -> bool:
    """Whether its chips change with their age: with the temperature, by ageing or by 1/f noise."""
    drift = design.drift
    return drift.temperature_sigma > 0 or drift.ageing_exponent > 0 or drift.flicker > 0


def follows_temperature(design: Design) -> bool:
    """Whether any component has a temperature coefficient."""
    return design.tempco != Coefficients(reference=design.tempco.reference)
