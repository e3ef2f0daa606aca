"""What a campaign will take, said before it begins: time and memory, to a factor of about three."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..files.quantities import duration_text
from ._exceptions import StudyError
from ._training_forecast import training_costs
from .planning import Plan

# From here on it is said.
LONG = 60.0  # s
LARGE = 1e9  # byte

# A run of a small circuit, the drawing of the chip and its linear equations included: by benchmarks/bench_campaign.py.
SMALL_RUN = 0.03  # s
SMALL = 24  # cells

MARGIN = 3.0
"""How far a forecast may be off."""


@dataclass(frozen=True, slots=True)
class CampaignForecast:
    """`seconds`: of all runs on all workers; `longest`: of one run [s]; `memory`: of all workers together [byte]."""

    runs: int
    seconds: float
    longest: float
    memory: float

    @property
    def text(self) -> str | None:
        """A sentence on what is long or large; None where nothing is."""
        if self.seconds < LONG and self.memory < LARGE:
            return None
        large = f" and {self.memory / 1e9:.2g} GB of memory" if self.memory >= LARGE else ""
        return f"{self.runs:,} runs take about {duration_text(self.seconds)}{large}"

    def check(self, timeout: float, free: float | None) -> None:
        """Raise `StudyError` with the number for what fits neither into the free memory nor into a run's time [s]."""
        if free is not None and self.memory > free:
            raise StudyError(
                f"the workers take about {self.memory / 1e9:.3g} GB of memory together, and {free / 1e9:.3g} GB are"
                " free: take fewer workers, fewer cells or a smaller batch"
            )
        if self.longest > MARGIN * timeout:
            raise StudyError(
                f"timeout: a run takes about {duration_text(self.longest)}, and its limit is {timeout:g} s: give it"
                " more time, or take fewer cells or steps"
            )


def campaign_forecast(plan: Plan, workers: int) -> CampaignForecast | None:
    """Of the circuits, or the trainings, of a plan; None for a plan of something else."""
    kinds = {run.task["kind"] for run in plan.runs}
    if kinds == {"circuit"}:
        costs = _circuit_costs(plan)
    elif kinds == {"training"}:
        costs = list(training_costs(plan))
    else:
        return None
    if not costs:
        return None
    longest = max(seconds for seconds, _ in costs)
    memory = min(workers, len(costs)) * max(memory for _, memory in costs)
    # No campaign is shorter than its longest run.
    return CampaignForecast(len(costs), max(sum(seconds for seconds, _ in costs) / workers, longest), longest, memory)


def _circuit_costs(plan: Plan) -> list[tuple[float, float]]:
    """Time [s] and memory [byte] of each run."""
    tasks = {_kind(run.task): run.task for run in plan.runs}
    costs = {kind: _cost(task) for kind, task in tasks.items()}
    return [costs[_kind(run.task)] for run in plan.runs]


def _kind(task: Mapping[str, Any]) -> tuple[Any, ...]:
    return task["topology"], task["size"], task["level"], tuple(task["analyses"])


def _cost(task: Mapping[str, Any]) -> tuple[float, float]:
    """Time [s] and memory [byte] of one run."""
    if task["size"] < SMALL:
        return SMALL_RUN * len(task["analyses"]), 0.0
    import numpy as np

    from ..circuits import Design, make_topology, random_program
    from ..netlists.runs import forecast  # PySpice

    topology = make_topology(task["topology"], task["size"])
    design = Design.from_dict(json.loads(json.dumps(task["design"])))
    program = random_program(topology, np.random.default_rng(0))
    network = design.nominal(topology).network(program, task["level"])
    parts = [forecast(network, analysis) for analysis in task["analyses"]]
    seconds = sum(part.own + part.simulator * part.processes for part in parts)
    return SMALL_RUN + seconds, max(part.memory for part in parts)
