"""Tables of a study that searches: what moves the metric, and the designs that were tried."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..section_parts import Cell, Table, number
from ..wording import amount, metric_words, parameter_words, value_words
from ._quantities import parameter_values


def ranking_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """What moves the metric, with the range's ends between which it moves."""
    found = summary.get("sensitivity")
    if not found:
        return
    name = found["metric"]
    unit = "" if found["unit"] == "1" else found["unit"]
    units = summary.get("parameter_units") or {}
    head = (f"{metric_words(name)} is moved by", "alone, by", "lowest at", "highest at", "total index", "first order")
    rows = tuple(
        (
            parameter_words(row["parameter"]),
            _with_interval(row, "moves", unit, name),
            *(
                value_words(row["parameter"], row[end], units.get(row["parameter"], "1")) if end in row else "–"
                for end in ("lowest_at", "highest_at")
            ),
            _with_interval(row, "total", "", "yield"),
            _with_interval(row, "first", "", "yield"),
        )
        for row in found["ranking"]
    )
    yield Table("What matters: each parameter alone through its range, and its share of the variance", head, rows)


def _with_interval(row: Mapping[str, Any], key: str, unit: str, name: str) -> str | Cell:
    shown = number(row.get(key), unit, name, 3)
    if isinstance(shown, str) or f"{key}_low" not in row:
        return shown
    ends = row[f"{key}_low"], row[f"{key}_high"]
    text = f"{shown.text} ({amount(ends[0], unit, name, 2)} to {amount(ends[1], unit, name, 2)})"
    return Cell(text, shown.value, shown.unit, *ends)


def design_table(summary: Mapping[str, Any]) -> Iterator[Table]:
    """The cheapest design and its rivals, or the one that came nearest; then what new chips say."""
    found = summary.get("optimised")
    if not found:
        return
    chosen = [found] if "cost" in found else []
    listed = [*chosen, *found.get("rivals", ()), *([found["nearest"]] if "nearest" in found else [])]
    steps = [key for key in _PER_STEP if any(key in row for row in listed)]
    if listed:
        cost = f"cost ({found['unit']})" if found.get("unit") else "cost"
        head = ("design", *map(parameter_words, listed[0]["parameters"]), cost, *(_PER_STEP[key][0] for key in steps))
        rows = tuple(
            (
                str(row["design"]),
                *parameter_values(summary, row),
                number(row["cost"]),
                *(number(row.get(key), _PER_STEP[key][1]) for key in steps),
            )
            for row in listed
        )
        title = "The cheapest designs that keep the limits" if chosen else "The design that comes nearest"
        yield Table(title, head, rows)


_PER_STEP = {"delay_per_step_s": ("delay of a step", "s"), "energy_per_step_J": ("energy of a step", "J")}
