"""Units of the fields that a study can vary: those of the fields themselves."""

from typing import Any

from ...circuits import Design
from ...files.quantities import UNITS, parse_quantity, quantity_text
from ...files.quantities import unit_of as unit_of_field


def unit_of(parameter: str) -> str:
    """Unit of a parameter, such as `design.amplifier.slew` or `training.step_time`; `1` when it has none."""
    unit = quantity_of(parameter)
    return "1" if unit is None else UNITS[unit].shown


def quantity_of(parameter: str) -> str | None:
    """A metric's unit, by the name that a quantity is read with; None for what is no number."""
    block, _, rest = parameter.partition(".")
    path = tuple(
        (rest if block in ("circuit", "training", "netlist") else parameter).removeprefix("solver.").split(".")
    )
    if path[0] == "design":
        return unit_of_field(Design, path[1:])
    if block == "training":
        from ...training import Experiment  # torch comes with it

        return unit_of_field(Experiment, path)
    if block == "netlist":
        from ._netlist_settings import NetlistSettings

        return unit_of_field(NetlistSettings, path)
    from ._circuit_settings import CircuitSettings

    return unit_of_field(CircuitSettings, path)


def written(parameter: str, value: Any) -> Any:
    """A number in the unit of its field, as the field reads it without asking for the unit."""
    unit = quantity_of(parameter)
    if unit is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return quantity_text(value, unit)


def number(parameter: str, value: Any) -> Any:
    """A field's value as a number, where it is one that is written with its unit."""
    unit = quantity_of(parameter)
    return parse_quantity(value, unit) if unit == "K" and isinstance(value, str) else value
