"""The designs that were tried as a file for spreadsheets."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...files import write_bytes
from ..studies import Study, unit_of

_PER_STEP = ("delay_per_step_s", "energy_per_step_J")


def write_designs(path: Path, study: Study, rows: Sequence[Mapping[str, Any]]) -> None:
    """CSV: a row for each design in the order in which they were tried, with the units in the header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    assert study.optimise is not None
    cost = f"cost ({study.optimise.unit})" if study.optimise.unit else "cost"
    limits = [f"{limit.metric} {what}" for limit in study.limits for what in ("passed", "of", "median")]
    costs = [name for name in _PER_STEP if any(name in row for row in rows)]
    writer.writerow(["design", *map(_headed, study.parameters), cost, "kept", "failed", *limits, *costs])
    for row in rows:
        values = [_cell(row["parameters"][name]) for name in study.parameters]
        numbers = [limit.get(what, "") for limit in row["limits"] for what in ("passed", "of", "median")]
        steps = [row.get(name, "") for name in costs]
        writer.writerow([row["design"], *values, row["cost"], row["kept"], row["failed"], *numbers, *steps])
    write_bytes(path, text.getvalue().encode())


def _headed(name: str) -> str:
    unit = unit_of(name)
    return name if unit == "1" else f"{name} ({unit})"


def _cell(value: Any) -> Any:
    return "exact" if value is None else value if isinstance(value, str | int | float) else json.dumps(value)
