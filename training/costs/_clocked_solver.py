"""A solver that notes when it was asked."""

import math
from typing import Any

from .._exceptions import UnstableLoop
from .._types import Array
from ..programs import AnyProgram, Factored, Layered
from ..solvers import IdealSPU, Solution, Solver
from ._clock import now
from ._cost_of_solver import cost_model


class Clocked:
    """A solver that notes when it was first asked in a step, how large its program was, and what the device did."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.r = 0
        self.N = 0
        self.reset()

    def reset(self) -> None:
        self.asked_at: float | None = None
        self.analog_time = 0.0
        self.runs = 0
        self.array_power: float | None = None

    def __getattr__(self, name: str) -> Any:
        # TNGD saves the `generator` of solvers that have one.
        if name == "solver":
            raise AttributeError(name)
        return getattr(self.solver, name)

    def init(self, program: AnyProgram) -> Any:
        if isinstance(program, Factored):
            self.r = program.r
            self.N = program.N
        self.runs = 0  # a delay goes on with what was loaded before, and reads nothing out
        loaded = self._made(program)
        self._note()
        return self.solver.init(loaded)

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        self._note()
        try:
            solution = self.solver.compute(state, b, x0, t)
        except UnstableLoop:
            self.runs += 1
            self.analog_time += finite_time(self.solver)
            raise
        self.analog_time += solution.stats.get("analog_time", 0.0)
        self.runs += int(solution.stats.get("attempts", 1))
        self.array_power = solution.stats.get("array_power")
        return solution

    def redamped(self, state: Any, damping: float) -> Any:
        """N resistors are set anew: as many numbers over the link as a drive, and counted as a drive and a readout."""
        self.runs += 1
        return self.solver.redamped(state, damping)  # type: ignore[attr-defined]  # of a device, which alone is asked

    def _made(self, program: AnyProgram) -> AnyProgram:
        """What is loaded, made by the digital side: a device's arrays hold the Jacobian itself."""
        if cost_model(self.solver) is None or not isinstance(program, Layered):
            return program
        whole = program.factors()
        # the ideal device is simulated as well without it
        return program if isinstance(self.solver, IdealSPU) else whole

    def _note(self) -> None:
        if self.asked_at is None:
            self.asked_at = now()


def finite_time(solver: Solver) -> float:
    """Analog time [tau] of a run; 0 where it has none, or no end."""
    t = float(getattr(solver, "t", 0.0))
    return t if math.isfinite(t) else 0.0
