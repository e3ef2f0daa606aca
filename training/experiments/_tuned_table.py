"""Settings that were tuned, or published, for a task: a set for each number of steps."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._experiment_file import read_mapping

FOLDER = Path(__file__).parent.parent / "tasks" / "tuned"


@dataclass(frozen=True)
class TunedSettings:
    """What was chosen for a method. `steps`: how many it was chosen for; None where nobody knows."""

    steps: int | None
    schedule: str | None
    chosen: Mapping[str, Any]


def tuned_settings(task: str, methods: Sequence[str], steps: int) -> TunedSettings | None:
    """Of `tuned/<task>.yaml`, those whose number of steps is nearest to `steps` by its ratio; None where it has none.

    methods: names under which they may stand; of equally near ones the first.
    """
    path = FOLDER / f"{task}.yaml"
    if not path.exists():
        return None
    table = read_mapping(path)
    found = [one for method in methods for one in _of_method(table, method)]
    return min(found, key=lambda one: _distance(one.steps, steps), default=None)


def has_tunings(task: str) -> bool:
    """Is there a table for the task?"""
    return (FOLDER / f"{task}.yaml").exists()


def budgets(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tunings of a file: `budgets` lists them, and what `train --tune` writes is a single one."""
    several = table.get("budgets")
    return [table] if several is None else list(several)


def _of_method(table: Mapping[str, Any], method: str) -> Iterator[TunedSettings]:
    for one in budgets(table):
        chosen = one.get("methods", {}).get(method, {}).get("chosen")
        if chosen is not None:
            yield TunedSettings(one.get("budget", {}).get("steps"), one.get("schedule"), chosen)


def _distance(steps: int | None, wanted: int) -> float:
    return math.inf if steps is None else abs(math.log(steps / wanted))
