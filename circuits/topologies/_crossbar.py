"""Crossbar of op-amp integrators: any signed matrix whose eigenvalues have positive real part."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from ..components import Tolerances
from ..networks import Element, Network
from ..programs import Program
from ._amplified_cells import crosspoints, integrator, inverted_rail
from ._topology import check_cells, check_size
from ._values import Answer, Errors, ResistorArray, Values, Weights


@dataclass(frozen=True)
class Crossbar:
    """n integrators `C dv_i/dt = -(sum_j A_ij v_j - b_i)/R0`.

    A resistor `R0/|A_ij|` runs from the output of cell j, or from its inverted rail when `A_ij < 0`, to the
    virtual ground of cell i; the drive enters as `-b_i` through R0. Columns with a negative entry have an
    inverting amplifier with two resistors R0.

    Deviations of a chip: `conductance` (n, n), `drive` (n,), `capacitance` (n,), `inverter` (n,) relative;
    `offset` (n,), `inverter_offset` (n,) [V].

    Raises:
        DesignError: n is not a whole number of at least one.
    """

    n: int = 8
    name: ClassVar[str] = "crossbar"
    programmed: ClassVar[frozenset[str]] = frozenset({"conductance"})
    mirrored: ClassVar[frozenset[str]] = frozenset()
    answer: ClassVar[Answer] = "mean"

    def __post_init__(self) -> None:
        check_cells(self.name, self.n)

    def check(self, program: Program) -> None:
        """Every program with stable eigenvalues fits.

        Raises:
            ProgramError: another size.
        """
        check_size(self, program)

    def error_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of the deviations."""
        n = self.n
        return {
            "conductance": (n, n),
            "drive": (n,),
            "capacitance": (n,),
            "inverter": (n,),
            "offset": (n,),
            "inverter_offset": (n,),
        }

    def error_sigmas(self, tolerances: Tolerances) -> Mapping[str, float]:
        """Standard deviations: relative, or V for offsets. The inverter's gain is a ratio of two resistors."""
        resistor = tolerances.resistor_sigma
        offset = tolerances.offset_sigma
        return {
            "conductance": resistor,
            "drive": resistor,
            "capacitance": tolerances.capacitor_sigma,
            "inverter": sqrt(2) * resistor,
            "offset": offset,
            "inverter_offset": offset,
        }

    def weights(self, program: Program, conductance: float = 1.0) -> Weights:
        """One array `A`."""
        return {"A": conductance * program.A}

    def network(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit with A and b loaded; see the class."""
        return self._wired(values, errors, weights["A"], b, weights["A"])

    def cells(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit without the array's resistors."""
        return self._wired(values, errors, weights["A"], b, ((),) * self.n)

    def array(self, weights: Weights) -> ResistorArray:
        """The array's resistors, row by row."""
        A = np.asarray(weights["A"], dtype=float)
        entry = np.flatnonzero(A)
        i, j = np.divmod(entry, self.n)
        w = A.ravel()[entry]
        rails = tuple(_rail(column, inverted) for column, inverted in zip(j.tolist(), (w < 0).tolist(), strict=True))
        return ResistorArray("conductance", entry, rails, tuple(f"vg{row}" for row in i.tolist()), np.abs(w))

    def _wired(self, values: Values, errors: Errors, A: Any, b: Any, crosspoints_of: Any) -> Network:
        """With inverted rails for A, and resistors for the entries that are given."""
        elements: list[Element] = []
        for i in range(self.n):
            elements += integrator(values, errors, i, b[i])
            row = crosspoints_of[i]
            elements += crosspoints(f"r{i}", values, errors["conductance"][i], row, _rail, f"vg{i}")
        for j in range(self.n):
            if any(A[i][j] < 0 for i in range(self.n)):
                gain_error = errors["inverter"][j]
                offset = errors["inverter_offset"][j]
                elements += inverted_rail(f"i{j}", values, f"out{j}", f"inv{j}", gain_error, offset, cell=j)
        outputs = tuple(f"out{i}" for i in range(self.n))
        return Network(f"crossbar{self.n}", tuple(elements), outputs, values.temperature)


def _rail(j: int, inverted: bool) -> str:
    return f"{'inv' if inverted else 'out'}{j}"
