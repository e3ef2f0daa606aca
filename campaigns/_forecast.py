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
NETLIST_RUN = 0.08  # s, for each analysis: 20 chips of examples/two-node-board


def check_campaign(expected: Forecast, timeout: float, free: float | None) -> None:
    """Raise `StudyError` with the number for what fits neither into the free memory nor into a run's time [s]."""
    if lack := expected.lack_of_memory(free, "the workers together take"):
        raise StudyError(f"{lack}: take fewer workers, fewer cells or a smaller batch")
    if lack := expected.lack_of_time(timeout, "a run"):
        raise StudyError(f"{lack}: give it more time, or take fewer cells or steps")


def campaign_forecast(plan: Plan, workers: int) -> Forecast:
    """Of the circuits, or the trainings, of a plan."""
    kinds = {run.task["kind"] for run in plan.runs}
    return side_by_side(training_forecasts(plan) if kinds == {"training"} else _circuit_forecasts(plan), workers)


def _circuit_forecasts(plan: Plan) -> list[Forecast]:
    """Of each run."""
    tasks = {_kind(run.task): run.task for run in plan.runs}
    known = {kind: _KINDS[task["kind"]](task) for kind, task in tasks.items()}
    return [known[_kind(run.task)] for run in plan.runs]


def _kind(task: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("topology", "size", "level", "text")
    return *(task.get(name) for name in names), tuple(task.get("outputs", ())), tuple(task["analyses"])


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


def _of_netlist(task: Mapping[str, Any]) -> Forecast:
    """The same of a circuit of the user's own."""
    from ..netlists.runs import forecast  # PySpice
    from .studies import NetlistSettings

    settings = NetlistSettings.model_validate({k: v for k, v in task.items() if k in NetlistSettings.model_fields})
    network = settings.circuit.network
    parts = [forecast(network, analysis, cores=1) for analysis in settings.analyses]
    return in_turn(parts).after(NETLIST_RUN * len(parts))


_KINDS = {"circuit": _of_circuit, "netlist": _of_netlist}
