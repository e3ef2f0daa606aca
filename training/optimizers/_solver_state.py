"""A solver's own state, and the stale program that a delay leaves on the device: what a resume bit for bit needs."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .._types import Vector
from ..curvature import AnyFactors
from ..programs import Columns, Factors, Layered, Outer, Stored
from ..solvers import Solver

State = dict[str, Any]


def solver_state(solver: Solver) -> State:
    """Its random generator and its clock, where it has them."""
    generator = getattr(solver, "generator", None)
    clock = getattr(solver, "clock", None)
    state: State = {} if generator is None else {"generator": generator.get_state()}
    return state if clock is None else {**state, "loads": clock.loads}


def set_solver_state(solver: Any, state: State) -> None:
    """Raises ValueError for the state of another solver, before anything is changed."""
    if "generator" in state and getattr(solver, "generator", None) is None:
        raise ValueError(f"state: it was saved with another solver than {type(solver).__name__}, one that draws noise")
    if "generator" in state:
        solver.generator.set_state(state["generator"].cpu())
    if "loads" in state:
        solver.clock.loads = state["loads"]


def analog_state(saved: Any, name: str, keys: tuple[str, ...], groups: list[dict[str, Any]]) -> State:
    """The part of an optimiser's saved state that is no torch optimiser's. Raises ValueError where it is missing."""
    analog = saved.get("analog") if isinstance(saved, dict) else None
    if not isinstance(analog, dict) or not set(keys) <= analog.keys():
        raise ValueError(f"{name}: expected a state that {name} has saved, got that of another optimizer")
    kept = saved.get("param_groups")
    if not isinstance(kept, list) or [len(g["params"]) for g in kept] != [len(g["params"]) for g in groups]:
        raise ValueError(f"{name}: expected the state of a module with {len(groups[0]['params'])} trained parameters")
    missing = {"lr", "damping", "momentum", "weight_decay"} - kept[0].keys()
    if missing:
        raise ValueError(f"{name}: the state has no {', '.join(sorted(missing))}")
    return analog


def refuse_other_sizes(name: str, vectors: dict[str, Tensor], N: int) -> None:
    """Raises ValueError for vectors of another module than one of N parameters."""
    wrong = next((v for v in vectors.values() if v.shape != (N,)), None)
    if wrong is not None:
        raise ValueError(f"{name}: expected the state of a module with {N} parameters, got one of {wrong.numel()}")


def own_state(optimizer: torch.optim.Optimizer) -> State:
    """All of an optimiser, for pickle and copy: torch's own saves what every torch optimiser has, and no more.

    A scheduler hangs itself into `step`; it is left out, as torch does.
    """
    left_out = {"step", "_zero_grad_profile_name"}
    return {name: value for name, value in vars(optimizer).items() if name not in left_out}


@dataclass(frozen=True, slots=True, eq=False)
class Stale:
    """The program and drive of the last step, and the solver's state before it was loaded."""

    program: AnyFactors
    b: Vector
    before: State

    def pack(self) -> State:
        """Raises ValueError for a program that is neither one process's factors nor kept by layers."""
        return {**packed_program(self.program), "b": self.b, "before": self.before}

    @classmethod
    def unpack(cls, packed: State, like: Tensor) -> "Stale":
        return cls(unpacked_program(packed, like), packed["b"].to(like), packed["before"])


def packed_program(program: AnyFactors) -> State:
    """Raises ValueError for a program that is neither one process's factors nor kept by layers."""
    if isinstance(program, Factors):
        return {"damping": program.damping, "J": program.J, "H": program.H}
    if isinstance(program, Layered):
        return {"damping": program.damping, **_packed(program)}
    raise ValueError("TNGD: a delay is saved with the program of one process only")


def unpacked_program(packed: State, like: Tensor) -> Factors | Layered:
    """What `packed_program` has packed; raises ValueError for that of another module."""
    return _layered(packed, like) if "layers" in packed else _factors(packed, like)


def _factors(packed: State, like: Tensor) -> Factors:
    H = None if packed["H"] is None else packed["H"].to(like)
    return Factors(packed["J"].to(like), H, packed["damping"])


def _packed(program: Layered) -> State:
    layers = [[one.G, one.x] if isinstance(one, Outer) else [one.J] for one in program.J.layers]
    biased = list(program.J.biased)
    return {"layers": layers, "biased": biased, "H": program.H, "loss": program.loss, "gradient": program.gradient}


def _layered(packed: State, like: Tensor) -> Layered:
    layers = [[x.to(like) for x in one] for one in packed["layers"]]
    made = tuple(Outer(*one) if len(one) == 2 else Stored(*one) for one in layers)
    columns = Columns(made, tuple(packed["biased"]))
    gradient = packed["gradient"].to(like)
    if not columns.N == len(gradient) == len(like):
        raise ValueError(f"TNGD: expected the stale program of a module with {len(like)} parameters, got {columns.N}")
    return Layered(columns, packed["H"].to(like), packed["loss"].to(like), gradient, packed["damping"])


def reloaded(solver: Solver, stale: Stale) -> Any:
    """The stale program on the device again, as it was loaded then; the solver's state is afterwards as it is now."""
    now = solver_state(solver)
    set_solver_state(solver, stale.before)
    loaded = solver.init(stale.program)
    set_solver_state(solver, now)
    return loaded
