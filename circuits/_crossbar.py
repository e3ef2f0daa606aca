"""Crossbar of op-amp integrators: any signed matrix whose eigenvalues have positive real part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from ._design import Design
from ._network import (
    GROUND,
    Capacitor,
    Element,
    Inverter,
    Network,
    NoiseCurrent,
    OpAmp,
    Resistor,
    VoltageSource,
)
from ._program import Program
from ._topology import Errors, Values, check_cells, check_size, draw_errors, zero_errors


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

    def error_sigmas(self, design: Design) -> Mapping[str, float]:
        """Standard deviations: relative, or V for offsets. The inverter's gain is a ratio of two resistors."""
        resistor, offset = design.mismatch.resistor_sigma, _offset_sigma(design)
        return {
            "conductance": resistor,
            "drive": resistor,
            "capacitance": design.mismatch.capacitor_sigma,
            "inverter": sqrt(2) * resistor,
            "offset": offset,
            "inverter_offset": offset,
        }

    def draw(self, design: Design, rng: np.random.Generator) -> Errors:
        """Deviations of one chip."""
        return draw_errors(self.error_shapes(), self.error_sigmas(design), rng)

    def no_errors(self) -> Errors:
        """Zeros."""
        return zero_errors(self.error_shapes())

    def network(self, values: Values, errors: Errors, A: Any, b: Any) -> Network:
        """The circuit with A and b loaded; see the class."""
        elements = [
            element
            for i in range(self.n)
            for element in (*_cell(values, errors, i, b[i]), *_row(values, errors, i, A[i]))
        ]
        for j in range(self.n):
            if any(A[i][j] < 0 for i in range(self.n)):
                elements += _inverted_rail(values, errors, j)
        return Network(f"crossbar{self.n}", tuple(elements), _outputs(self.n), values.temperature)


def _outputs(n: int) -> tuple[str, ...]:
    return tuple(f"out{i}" for i in range(n))


def _offset_sigma(design: Design) -> float:
    return design.amplifier.offset_sigma if design.amplifier else 0.0


def _cell(values: Values, errors: Errors, i: int, b_i: Any) -> Iterator[Element]:
    capacitance = values.C * (1 + errors["capacitance"][i])
    model = values.amplifier and replace(values.amplifier, offset=errors["offset"][i])
    yield OpAmp(f"a{i}", GROUND, f"vg{i}", f"out{i}", model, cell=i)
    yield Capacitor(f"c{i}", f"vg{i}", f"out{i}", capacitance, cell=i, sign=-1)
    yield VoltageSource(f"b{i}", f"drv{i}", GROUND, -b_i, drive=True)
    yield Resistor(f"rb{i}", f"drv{i}", f"vg{i}", values.R0 / (1 + errors["drive"][i]))
    if values.injected_noise != 0:
        yield NoiseCurrent(f"n{i}", GROUND, f"vg{i}", values.injected_noise)


def _row(values: Values, errors: Errors, i: int, A_i: Any) -> Iterator[Element]:
    for j, a in enumerate(A_i):
        if a != 0:
            rail = f"inv{j}" if a < 0 else f"out{j}"
            yield Resistor(f"r{i}_{j}", rail, f"vg{i}", values.R0 / (abs(a) * (1 + errors["conductance"][i, j])))


def _inverted_rail(values: Values, errors: Errors, j: int) -> Iterator[Element]:
    if values.amplifier is None:
        yield Inverter(f"i{j}", f"out{j}", f"inv{j}")
        return
    model = replace(values.amplifier, offset=errors["inverter_offset"][j])
    yield OpAmp(f"i{j}", GROUND, f"vgi{j}", f"inv{j}", model, cell=j, sign=-1)
    yield Resistor(f"ri{j}", f"out{j}", f"vgi{j}", values.R0)
    yield Resistor(f"rf{j}", f"vgi{j}", f"inv{j}", values.R0 * (1 + errors["inverter"][j]))
