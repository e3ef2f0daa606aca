"""What a device would need for a step of many small programs."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .._exceptions import UnstableLoop
from .._types import Array
from ..programs import AnyProgram
from ..solvers import Solution, Solver
from ._clock import now
from ._clocked_solver import finite_time
from ._cost_model import CostModel, Parts


@dataclass
class _Load:
    """One dense program, and all that was asked of the device while it held it."""

    n: int
    analog_time: float = 0.0
    runs: int = 0
    powers: list[float] = field(default_factory=list)


class Tallied:
    """A solver of dense programs that notes how many it was given, of what size, and how long it took to answer."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.reset()

    def reset(self) -> None:
        self._loads: list[_Load] = []
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        # an optimiser saves the `generator` of solvers that have one
        if name == "solver":
            raise AttributeError(name)
        return getattr(self.solver, name)

    def init(self, program: AnyProgram) -> Any:
        began = now()
        loaded = self.solver.init(program)
        self.seconds += now() - began
        self._loads.append(_Load(len(getattr(program, "A", ()))))
        return loaded

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        began = now()
        load = self._loads[-1]
        try:
            solution = self.solver.compute(state, b, x0, t)
        except UnstableLoop:
            load.runs += 1
            load.analog_time += finite_time(self.solver)
            raise
        finally:
            self.seconds += now() - began
        load.analog_time += solution.stats.get("analog_time", 0.0)
        load.runs += int(solution.stats.get("attempts", 1))
        load.powers += [solution.stats["array_power"]] if "array_power" in solution.stats else []
        return solution

    def time(self, cost: CostModel, digital: float) -> Parts:
        """Seconds of all programs, each in a crossbar of its own size, beside those of the digital side."""
        parts = [cost.time(0, load.n, load.analog_time, None, load.runs) for load in self._loads]
        return _summed([*parts, Parts(digital=digital)])

    def energy(self, cost: CostModel) -> Parts:
        """Joules likewise."""
        return _summed(
            [
                cost.energy(
                    0,
                    load.n,
                    load.analog_time,
                    runs=load.runs,
                    array_power=sum(load.powers) / len(load.powers) if load.powers else None,
                )
                for load in self._loads
            ]
        )


def _summed(parts: list[Parts]) -> Parts:
    totals: dict[str, float] = defaultdict(float)
    for one in parts:
        for name, value in one.as_dict().items():
            totals[name] += value
    return Parts(**totals)
