"""One chip as a solver: in ngspice, or by its device model."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...behavioral import DeviceModel
from ...circuits import Cascade, Instance, Level, Program, Topology
from ...files.arguments import check_number
from .._types import Array, Matrix
from ..programs import AnyProgram, Factors, Products, stored
from ._contract import Solution, answer, matrix_of, to_tensor
from ._fit_to_range import Ranged, fit_to_range

Relax = Callable[[Ranged, Float[np.ndarray, " n"], float], Float[np.ndarray, " n"]]


@dataclass(frozen=True, slots=True, eq=False)
class HeldMatrix:
    """The matrix that a chip holds, and its factors where it came with some."""

    A: Matrix
    factors: Factors | None = None

    @property
    def like(self) -> Tensor:
        return self.A

    def program(self, topology: Topology, b: Float[np.ndarray, " n"]) -> Program:
        """The program as the chip takes it.

        A cascade takes the factors, rows that it has besides at zero; all others take the matrix.
        More rows than a cascade has leave it the matrix, which one with as many rows as cells factors by itself.
        """
        if not isinstance(topology, Cascade) or self.factors is None or self.factors.r > topology.r:
            return Program(self.A.numpy(), b)
        # J has its share of the batch's mean, as `DeviceSPU` loads it
        share = 1.0 / math.sqrt(self.factors.batch)
        spare = topology.r - self.factors.r
        J = np.pad(share * self.factors.J.detach().double().cpu().numpy(), ((0, spare), (0, 0)))
        H = self.factors.H
        blocks = torch.eye(self.factors.r) if H is None else torch.block_diag(*H.detach().double().cpu())
        held = np.pad(blocks.numpy() / share**2, ((0, spare), (0, spare)))
        return Program.from_factors(J, held, self.factors.damping, b)


@dataclass(frozen=True, slots=True)
class SpiceSPU:
    """ngspice in the training loop: each solve is one transient of one drawn chip, as many cells as parameters.

    The circuit with its mismatch, offsets and amplifiers relaxes for t from x0 (zero when absent) and is read out
    without noise; at t = inf it is the operating point. For programs of some dozens of parameters: a solve takes
    a tenth of a second and more. `ModelSPU` is the same chip by its model.

    instance: the chip; its topology must be able to hold the program (a crossbar holds any).
    t: analog time [tau], 0 to inf. level: depth of the netlist.
    Stats: `analog_time` [tau] where it is finite, `drive_scale` [V per unit of the solution].
    Raises ProgramError from `compute` for a program that the chip cannot hold or is unstable with, SimulatorError from
    ngspice or where it gives another answer than the circuit's equations.
    """

    instance: Instance
    t: float = math.inf
    level: Level = "macro"

    def __post_init__(self) -> None:
        _check_chip("SpiceSPU", self.instance, Instance)
        check_number("SpiceSPU", "t", self.t, infinite=True)

    def init(self, program: AnyProgram) -> HeldMatrix:
        """Raises TypeError for products without factors."""
        return _load("SpiceSPU", program)

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        def relax(ranged: Ranged, v0: Float[np.ndarray, " n"], duration: float) -> Float[np.ndarray, " n"]:
            from ...netlists import simulate
            from ...netlists.runs import trusted

            chip = self.instance
            program = ranged.program
            scaling = ranged.scaling
            if math.isinf(duration):
                return np.asarray(trusted(simulate(chip, program, "op", self.level, scaling=scaling))["v"].values)
            data = simulate(chip, program, "tran", self.level, duration=duration, scaling=scaling, x0=v0)
            return np.asarray(trusted(data)["v"].values[-1])

        return _solve(self.instance, self.level, relax, state, b, x0, self.t if t is None else t)


@dataclass(frozen=True, slots=True)
class ModelSPU:
    """The model of one chip as a solver: what `SpiceSPU` does, by the exact process that a `DeviceModel` describes.

    model: nominal or calibrated; as many cells as parameters. t, stats, errors: as for `SpiceSPU`.
    """

    model: DeviceModel
    t: float = math.inf

    def __post_init__(self) -> None:
        _check_chip("ModelSPU", self.model, DeviceModel)
        check_number("ModelSPU", "t", self.t, infinite=True)

    def init(self, program: AnyProgram) -> HeldMatrix:
        """Raises TypeError for products without factors."""
        return _load("ModelSPU", program)

    def compute(self, state: Any, b: Array, x0: Array | None = None, t: float | None = None) -> Solution[Array]:
        def relax(ranged: Ranged, v0: Float[np.ndarray, " n"], duration: float) -> Float[np.ndarray, " n"]:
            response = self.model.response(ranged.program, ranged.scaling)
            return response.settled if math.isinf(duration) else response.mean_at(np.array([duration]), v0)[0]

        return _solve(self.model.instance, self.model.level, relax, state, b, x0, self.t if t is None else t)


def _check_chip(name: str, chip: object, kind: type) -> None:
    if not isinstance(chip, kind):
        article = "an" if kind is Instance else "a"
        raise TypeError(
            f"{name}: expected {article} {kind.__name__}, got {chip!r:.60}; a file is read by {kind.__name__}.load"
        )


def _load(name: str, program: AnyProgram) -> HeldMatrix:
    whole = stored(program)
    if isinstance(whole, Products):
        raise TypeError(f"{name}: needs Factors or a dense program, got Products")
    A = whole.dense() if isinstance(whole, Factors) else matrix_of(whole)
    return HeldMatrix(A.detach().double().cpu(), whole if isinstance(whole, Factors) else None)


def _solve(
    instance: Instance, level: Level, relax: Relax, state: HeldMatrix, b: Array, x0: Array | None, t: float
) -> Solution[Array]:
    start = None if x0 is None else to_tensor(x0, state.like).numpy()
    drive = to_tensor(b, state.like).numpy()
    stats = {} if math.isinf(t) else {"analog_time": t}
    if t == 0:
        return answer(torch.zeros_like(state.A[0]) if start is None else torch.from_numpy(start), b, stats)
    ranged = fit_to_range(instance, level, partial(state.program, instance.topology), drive, start)
    # Conductances that are scaled down relax as much slower: the wait is as much longer.
    duration = t * instance.design.tau / ranged.scaling.conductance
    v = relax(ranged, ranged.start(start), duration)
    return answer(torch.from_numpy(v / ranged.volts), b, {**stats, "drive_scale": ranged.volts})
