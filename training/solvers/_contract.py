"""The contract of every linear solver."""

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from .._types import Array, DenseProgram, Stats
from ..programs import AnyProgram


@dataclass(frozen=True, slots=True)
class Solution(Generic[Array]):
    """A solve's answer (numpy in, numpy out; torch in, torch out) and what it cost."""

    value: Array
    stats: Stats = field(default_factory=dict)


@runtime_checkable
class Solver(Protocol):
    """`init(program)` loads a program once, `compute(state, b, x0, t)` answers any number of drives with it.

    b: (N,) drive, x0: (N,) initial state (zero when absent), t: analog time [tau] instead of the solver's own.
    Digital solvers ignore t; only iterative and analog ones use x0.
    """

    def init(self, program: AnyProgram) -> Any: ...

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]: ...


def matrix_of(program: DenseProgram) -> Tensor:
    """The program's A as a float64 tensor. Raises TypeError for what is no program."""
    if not isinstance(program, DenseProgram):
        raise TypeError(
            "solver: expected a program, such as Factors, or Program(A, b) of thermospice.circuits; "
            f"got {type(program).__name__}"
        )
    return torch.from_numpy(np.array(program.A, dtype=np.float64))


def to_tensor(x: Array, like: Tensor) -> Tensor:
    """x in the dtype and on the device that the solver computes with. Raises TypeError for what is no vector."""
    if isinstance(x, Tensor):
        return x.to(like)
    values = np.array(x)
    if values.dtype.kind not in "iufb":
        raise TypeError(f"solver: expected a vector of numbers, a tensor or an array, got {type(x).__name__}")
    return torch.as_tensor(values).to(like)


def answer(value: Tensor, b: Array, stats: Stats) -> Solution[Array]:
    """The solution in the kind of array, and dtype, that the drive came in."""
    if isinstance(b, Tensor):
        return Solution(value.to(b), stats)
    return cast("Solution[Array]", Solution(value.cpu().numpy(), stats))
