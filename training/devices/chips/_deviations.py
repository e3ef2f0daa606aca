"""Deviations of one chip by position: drawn from a population, or those that a calibration has found."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from ..._types import Matrix
from . import _deviation_draws as draws
from ._chip_statistics import PopulationLike

Array = Literal["J", "J^T"]
Amplifiers = Literal["cells", "forward", "hessian"]
"""Of the cells, behind J, and behind H; the inverted rails that they feed have the same names."""


@runtime_checkable
class CellErrors(Protocol):
    """Relative deviations, offsets in V; None where there are none. Positions are counted from the array's corner."""

    def cells(self, name: Literal["damping", "drive", "capacitance"], N: int, like: Tensor) -> Tensor: ...

    def inverters(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None: ...

    def offsets(self, name: Amplifiers, count: int, like: Tensor) -> Tensor: ...

    def inverter_offsets(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None: ...


@runtime_checkable
class CrossbarErrors(CellErrors, Protocol):
    """Those of a chip with one array."""

    def crossbar(self, n: int, like: Tensor) -> Tensor | None: ...


@runtime_checkable
class CascadeErrors(CellErrors, Protocol):
    """Those of a cascade."""

    def tile(self, array: Array, index: int, count: int, width: int, like: Tensor) -> tuple[Tensor, float] | None:
        """Of rows `16 index` to `16 index + count` of J, or of J^T turned to lie as J does, in some unit, which comes
        second; only to read."""
        ...

    def blocks(self, B: int, k: int, like: Tensor) -> Tensor | None:
        """Of the diagonal blocks of H, (B, k, k)."""
        ...

    def feedback(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None: ...


@dataclass(frozen=True, slots=True)
class DrawnErrors:
    """Chip number `seed` of a population, drawn anew at each asking and always the same."""

    population: PopulationLike
    seed: int

    def tile(self, array: Array, index: int, count: int, width: int, like: Tensor) -> tuple[Tensor, float] | None:
        return draws.tile(self.seed, array, index, width, like.device)[:count].to(
            like
        ), self.population.conductance_sigma

    def blocks(self, B: int, k: int, like: Tensor) -> Tensor | None:
        return self.population.conductance_sigma * draws.rows(self.seed, "H", B, k * k, like).reshape(B, k, k)

    def crossbar(self, n: int, like: Tensor) -> Tensor | None:
        return self.population.conductance_sigma * draws.rows(self.seed, "A", n, n, like)

    def cells(self, name: Literal["damping", "drive", "capacitance"], N: int, like: Tensor) -> Tensor:
        p = self.population
        sigma = p.capacitor_sigma if name == "capacitance" else p.conductance_sigma
        return sigma * draws.vector(self.seed, name, N, like)

    def inverters(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None:
        sigma = self.population.inverter_sigma
        return None if sigma == 0.0 else sigma * draws.vector(self.seed, f"inverter {name}", count, like)

    def feedback(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None:
        sigma = self.population.conductance_sigma
        if name == "cells" or sigma == 0.0:
            return None
        return sigma * draws.vector(self.seed, f"feedback {name}", count, like)

    def offsets(self, name: Amplifiers, count: int, like: Tensor) -> Tensor:
        p = self.population
        return p.offset_mean + p.offset_sigma * draws.vector(self.seed, f"offset {name}", count, like)

    def inverter_offsets(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None:
        p = self.population
        if math.isinf(p.gain) or (p.offset_mean == 0.0 and p.offset_sigma == 0.0):
            return None
        gain = self.inverters(name, count, like)
        own = p.offset_mean + p.offset_sigma * draws.vector(self.seed, f"inverter offset {name}", count, like)
        # an inverting amplifier of two equal resistors doubles its own offset
        return 2.0 * own if gain is None else (2.0 + gain) * own


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredCells:
    """The deviations of one chip's cells, named and shaped as `thermospice.circuits` has them."""

    errors: Mapping[str, Float[np.ndarray, "..."]]

    def cells(self, name: Literal["damping", "drive", "capacitance"], N: int, like: Tensor) -> Tensor:
        return _tensor(self.errors[name][:N], like)

    def inverters(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None:
        return self._of("inverter", name, count, like)

    def offsets(self, name: Amplifiers, count: int, like: Tensor) -> Tensor:
        return self._of("offset", name, count, like)

    def inverter_offsets(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None:
        # an inverting amplifier of two equal resistors doubles its own offset
        return (2.0 + self._of("inverter", name, count, like)) * self._of("inverter_offset", name, count, like)

    def _of(self, kind: str, name: Amplifiers, count: int, like: Tensor) -> Tensor:
        if name == "cells":
            return _tensor(self.errors[kind][:count], like)
        return _tensor(self.errors[f"stage_{kind}"][_STAGE[name], :count], like)

    def _expect(self, kinds: set[str], takes: str) -> None:
        if not kinds <= set(self.errors):
            raise ValueError(
                f'DeviceSPU: chip="measured" expects {takes}, got a model with '
                f"the deviations {', '.join(self.errors)}; calibrate the other kind of chip, or use ModelSPU"
            )


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredCascade(MeasuredCells):
    """One cascade's own deviations. A smaller program uses the first cells and rows.

    Raises ValueError for a chip that is no cascade.
    """

    def __post_init__(self) -> None:
        self._expect(
            {"jacobian", "hessian", "transpose", "feedback", "stage_offset"}, "a model of a cascade for Factors"
        )

    def check(self, r: int, N: int) -> None:
        """Raises ValueError for a program that the chip cannot hold."""
        rows, cells = self.errors["jacobian"].shape
        if rows < r or cells < N:
            raise ValueError(
                f"DeviceSPU: the measured cascade holds {rows} rows and {cells} cells, got a program of {r} and {N}; "
                'use a smaller batch or module, or chip="drawn"'
            )

    def tile(self, array: Array, index: int, count: int, width: int, like: Tensor) -> tuple[Tensor, float] | None:
        whole = self.errors["jacobian"] if array == "J" else self.errors["transpose"].T
        return _tensor(whole[draws.TILE * index : draws.TILE * index + count, :width], like), 1.0

    def blocks(self, B: int, k: int, like: Tensor) -> Tensor | None:
        whole = self.errors["hessian"]
        return _tensor(np.stack([whole[i * k : (i + 1) * k, i * k : (i + 1) * k] for i in range(B)]), like)

    def feedback(self, name: Amplifiers, count: int, like: Tensor) -> Tensor | None:
        return None if name == "cells" else _tensor(self.errors["feedback"][_STAGE[name], :count], like)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredCrossbar(MeasuredCells):
    """One crossbar's own deviations. A smaller program uses the first cells.

    Raises ValueError for a chip that is no crossbar.
    """

    def __post_init__(self) -> None:
        self._expect({"conductance", "inverter", "offset"}, "a model of a crossbar for a dense program")

    def check(self, n: int) -> None:
        """Raises ValueError for a program that the chip cannot hold."""
        cells = len(self.errors["drive"])
        if cells < n:
            raise ValueError(
                f"DeviceSPU: the measured crossbar holds {cells} cells, got a program of {n}; "
                'use a smaller program, or chip="drawn"'
            )

    def crossbar(self, n: int, like: Matrix) -> Tensor | None:
        return _tensor(self.errors["conductance"][:n, :n], like)


_STAGE = {"forward": 0, "hessian": 1}


def _tensor(values: NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.tensor(values).to(like)
