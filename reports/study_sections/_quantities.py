"""Numbers of a study in their units, as cells of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..section_parts import Cell, number
from ..wording import amount, value_words


def interval(summary: Mapping[str, Any], name: str, found: Mapping[str, Any]) -> str:
    """Ends of a mean's interval of 95 %, in the metric's unit; a dash where there is none."""
    if not {"mean_low", "mean_high"} <= found.keys():
        return "–"
    unit = unit_of(summary, name)
    return f"{amount(found['mean_low'], unit, name)} to {amount(found['mean_high'], unit, name)}"


def unit_of(summary: Mapping[str, Any], name: str) -> str:
    """Unit of a metric, empty for a plain number."""
    found = (summary.get("units") or {}).get(name, "1")
    return "" if found == "1" else str(found)


def quantity(summary: Mapping[str, Any], name: str, found: Mapping[str, Any], key: str) -> str | Cell:
    """A cell with one number of a metric, in its unit."""
    return number(found[key], unit_of(summary, name), name) if isinstance(found.get(key), int | float) else "none"


def parameter_values(summary: Mapping[str, Any], row: Mapping[str, Any]) -> Sequence[str]:
    """Values of a point's parameters in words, in their units."""
    units = summary.get("parameter_units") or {}
    return [value_words(name, value, units.get(name, "1")) for name, value in row["parameters"].items()]
