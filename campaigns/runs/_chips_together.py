"""Operating points that go together: chips that differ in their deviations alone are one stack of numbers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...circuits.chips import Instances
from ...circuits.loaded_chips import FittedChip, fitted_together
from ...netlists import Job
from ...netlists.runs import Judge, settle_alike, settle_together
from ._circuit_run import ChipRun, begun, chip_of, prepared

Task = Mapping[str, Any]

_FEWEST = 4
"""Chips from which on a stack is quicker than one after another."""

_MOST_CELLS = 128
_STACK = 5e7
"""Bytes of one matrix of every chip of a stack."""

_STATES = 6
"""Of a cell: its capacitor and an inverted rail, with two in each of their amplifiers."""


def perform_together(tasks: Sequence[Task], timeout: float) -> list[dict[str, Any]]:
    """As `perform` of each, for tasks that are operating points in ngspice: all or nothing.

    Raises:
        SimulatorError, ValueError: at least one of them failed.
    """
    found: dict[int, dict[str, Any]] = {}
    for part in _alike(tasks):
        stacked = _stacked([tasks[k] for k in part], timeout) if len(part) >= _FEWEST else {}
        found |= {part[k]: numbers for k, numbers in stacked.items()}
    left = [k for k in range(len(tasks)) if k not in found]
    found |= zip(left, _one_by_one([tasks[k] for k in left], timeout), strict=True)
    return [found[k] for k in range(len(tasks))]


def _alike(tasks: Sequence[Task]) -> Iterator[list[int]]:
    """Numbers of the tasks that have all in common but the chip, in parts that fit into the memory together."""
    groups: dict[str, list[int]] = {}
    for k, task in enumerate(tasks):
        if _may_stack(task):
            groups.setdefault(json.dumps({**task, "instance": None}, sort_keys=True), []).append(k)
    for group in groups.values():
        most = max(int(_STACK / (8 * (_STATES * tasks[group[0]]["size"]) ** 2)), 1)
        yield from (group[k : k + most] for k in range(0, len(group), most))


def _may_stack(task: Task) -> bool:
    differs = task["instance"] is None or task["program"].get("per_chip")
    return not differs and task["level"] != "transistor" and task["size"] <= _MOST_CELLS


def _stacked(tasks: Sequence[Task], timeout: float) -> dict[int, dict[str, Any]]:
    """Numbers of those of some tasks that are alike which a stack can tell."""
    chips = [chip_of(task) for task in tasks]
    program, task = chips[0][1], tasks[0]
    stack = Instances.of([instance for instance, _ in chips])
    drive = None if task["drive_scale"] == "auto" else float(task["drive_scale"])
    fitted = {k: chip for k, chip in enumerate(fitted_together(stack, program, task["level"], drive)) if chip}
    found: dict[int, dict[str, Any]] = {}
    for scaling in dict.fromkeys(chip.scaling for chip in fitted.values()):
        group = [k for k, chip in fitted.items() if chip.scaling == scaling]
        settled = settle_alike(stack[group], program, task["level"], scaling, timeout)
        for k, v in zip(group, settled or (), strict=settled is not None):
            run = _begun(tasks[k], chips[k], fitted[k])
            run.settle(v)
            found[k] = run.numbers()
    return found


def _begun(task: Task, chip: Any, fitted: FittedChip) -> ChipRun:
    instance, program = chip
    judge = Judge.of_fitted(fitted, instance.design, task["level"])
    return begun(task, instance, program, fitted.scaling, judge)


def _one_by_one(tasks: Sequence[Task], timeout: float) -> list[dict[str, Any]]:
    """Each fitted by itself, in one ngspice process."""
    runs: list[ChipRun] = []

    def jobs() -> Iterator[Job]:
        for task in tasks:
            runs.append(prepared(task))
            yield Job(**runs[-1].chip, analysis="op", timeout=timeout)

    for run, v in zip(runs, settle_together(jobs()), strict=True):
        run.settle(v)
    return [run.numbers() for run in runs]
