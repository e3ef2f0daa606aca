"""When a run had come to a loss."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reached:
    """The first logged step whose validation loss was at most the target, and its modelled time [s]."""

    step: int
    modelled_time_s: float


def reached(rows: Iterable[Mapping[str, Any]], target: float) -> Reached | None:
    """Of the rows of one run, in their order; None where none of them was there."""
    for row in rows:
        if row.get("validation_loss", float("inf")) <= target:
            return Reached(int(row["step"]), float(row.get("modelled_time_s", 0.0)))
    return None
