"""The ranking as a file for spreadsheets."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import write_bytes
from ..studies import unit_of

_NUMBERS = (
    "moves",
    "moves_low",
    "moves_high",
    "lowest_at",
    "highest_at",
    "total",
    "total_low",
    "total_high",
    "first",
    "first_low",
    "first_high",
    "reason",
)


def write_ranking(path: Path, found: Mapping[str, Any]) -> None:
    """CSV: a row for each parameter, the one that matters most first; `moves` is in the metric's unit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rank", "parameter", "unit", "metric", "metric_unit", *_NUMBERS])
    for rank, row in enumerate(found["ranking"], 1):
        name = row["parameter"]
        told = (rank, name, unit_of(name), found["metric"], found["unit"])
        writer.writerow([*told, *(row.get(key, "") for key in _NUMBERS)])
    write_bytes(path, text.getvalue().encode())
