"""When a run had come to a loss."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reached:
    """The first step at which a loss of at most the target was seen, and its modelled time [s].

    above: the last step before it at which the loss was looked at, and was above the target; None where it was at most
    the target from the beginning.
    """

    step: int
    modelled_time_s: float
    above: int | None = None


def reached(rows: Iterable[Mapping[str, Any]], target: float) -> Reached | None:
    """Of the rows of one run, in their order; None where none of them was there."""
    above = None
    for row in rows:
        if "validation_loss" not in row:
            continue
        if row["validation_loss"] <= target:
            return Reached(int(row["step"]), float(row.get("modelled_time_s", 0.0)), above)
        above = int(row["step"])
    return None


@dataclass
class TargetWatch:
    """Looks at a run's validation loss after each step until it is at most the target; never where there is none."""

    target: float | None
    reached: bool

    @classmethod
    def of(cls, target: float | None, rows: Iterable[Mapping[str, Any]]) -> "TargetWatch":
        """rows: those that a run which goes on has left."""
        return cls(target, target is not None and reached(rows, target) is not None)

    def met(self, loss: Callable[[], float]) -> bool:
        """Whether the run has come to its target in this step; `loss` is asked only where that is open."""
        return self.target is not None and not self.reached and loss() <= self.target

    def look(self, row: Mapping[str, Any]) -> None:
        """At a row of a step, which `met` was not asked about where it was logged anyway."""
        self.reached |= self.target is not None and row["validation_loss"] <= self.target
