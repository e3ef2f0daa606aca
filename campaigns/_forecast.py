"""What a campaign will take: time and memory of its runs, on all workers."""

import json
from collections.abc import Mapping
from typing import Any

from ..files.forecasts import Forecast, in_turn, side_by_side
from ._exceptions import StudyError
from ._training_forecast import training_forecasts
from .planning import Plan

# A run of a small circuit, the drawing of the chip and its linear equations included: by benchmarks/bench_campaign.py.
SMALL_RUN = 0.03  # s
SMALL = 24  # cells


def check_campaign(expected: Forecast, timeout: float, free: float | None) -> None:
    """Raise `StudyError` with the number for what fits neither into the free memory nor into a run's time [s]."""
    if lack := expected.lack_of_memory(free, "the workers together take"):
        raise StudyError(f"{lack}: take fewer workers, fewer cells or a smaller batch")
    if lack := expected.lack_of_time(timeout, "a run"):
        raise StudyError(f"{lack}: give it more time, or take fewer cells or steps")


def campaign_forecast(plan: Plan, workers: int) -> Forecast | None:
    """Of the circuits, or the trainings, of a plan; None for a plan of something else."""
    kinds = {run.task["kind"] for run in plan.runs}
    if kinds == {"circuit"}:
        parts = _circuit_forecasts(plan)
    elif kinds == {"training"}:
        parts = training_forecasts(plan)
    else:
        return None
    return side_by_side(parts, workers)


def _circuit_forecasts(plan: Plan) -> list[Forecast]:
    """Of each run."""
    tasks = {_kind(run.task): run.task for run in plan.runs}
    known = {kind: _of_circuit(task) for kind, task in tasks.items()}
    return [known[_kind(run.task)] for run in plan.runs]


def _kind(task: Mapping[str, Any]) -> tuple[Any, ...]:
    return task["topology"], task["size"], task["level"], tuple(task["analyses"])


def _of_circuit(task: Mapping[str, Any]) -> Forecast:
    """Of one run, which has one core."""
    if task["size"] < SMALL:
        return Forecast(SMALL_RUN * len(task["analyses"]))
    import numpy as np

    from ..circuits import Design, make_topology, random_program
    from ..netlists.runs import forecast  # PySpice

    topology = make_topology(task["topology"], task["size"])
    design = Design.from_dict(json.loads(json.dumps(task["design"])))
    program = random_program(topology, np.random.default_rng(0))
    network = design.nominal(topology).network(program, task["level"])
    return in_turn([forecast(network, analysis, cores=1) for analysis in task["analyses"]]).after(SMALL_RUN)
