"""A solver's own state, and the stale program that a delay leaves on the device: what a resume bit for bit needs."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ._factors import Factors
from ._linearise import AnyFactors
from ._solution import Solver
from ._types import Vector

State = dict[str, Any]


def solver_state(solver: Solver) -> State:
    """Its random generator and its clock, where it has them."""
    generator, clock = getattr(solver, "generator", None), getattr(solver, "clock", None)
    state: State = {} if generator is None else {"generator": generator.get_state()}
    return state if clock is None else {**state, "loads": clock.loads}


def set_solver_state(solver: Any, state: State) -> None:
    if "generator" in state:
        solver.generator.set_state(state["generator"].cpu())
    if "loads" in state:
        solver.clock.loads = state["loads"]


@dataclass(frozen=True, slots=True, eq=False)
class Stale:
    """The program and drive of the last step, and the solver's state before it was loaded."""

    program: AnyFactors
    b: Vector
    before: State

    def pack(self) -> State:
        """Raises ValueError for a program that is not one process's factors."""
        program = self.program
        if not isinstance(program, Factors):
            raise ValueError("TNGD: a delay is saved with the factors of one process only")
        return {"J": program.J, "H": program.H, "damping": program.damping, "b": self.b, "before": self.before}

    @classmethod
    def unpack(cls, packed: State, like: Tensor) -> "Stale":
        H = None if packed["H"] is None else packed["H"].to(like)
        return cls(Factors(packed["J"].to(like), H, packed["damping"]), packed["b"].to(like), packed["before"])


def reloaded(solver: Solver, stale: Stale) -> Any:
    """The stale program on the device again, as it was loaded then; the solver's state is afterwards as it is now."""
    now = solver_state(solver)
    set_solver_state(solver, stale.before)
    loaded = solver.init(stale.program)
    set_solver_state(solver, now)
    return loaded
