"""Cascade of three crossbars: `J^T H J + damping` from its factors, never formed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from .._exceptions import ProgramError
from ..components import Tolerances
from ..networks import GROUND, Element, Network, OpAmp, Resistor
from ..programs import Factors, Program
from ._amplified_cells import crosspoints, integrator, inverted_rail
from ._passive_cells import check_symmetric
from ._topology import check_cells, check_size
from ._values import Answer, Errors, Values, Weights


@dataclass(frozen=True)
class Cascade:
    """n integrators with the feedback `J^T H J + damping` through three arrays.

    The cell voltages v pass the array J (r x n) into r transimpedance amplifiers with feedback resistors R0,
    `u = -J v`; u passes H (r x r) into r more, `w = -H u`; w passes J^T (n x r) into the virtual grounds of the
    integrators, where the damping resistors `R0/damping` add `damping * v`. Only the integrators have capacitors.
    J and J^T are two physical arrays with separate deviations, so that the effective matrix is not symmetric.

    A program without factors is factored by Cholesky's method, `J^T J = A - damping` with H the identity, which
    needs a symmetric A and r = n.

    Deviations of a chip: `jacobian` (r, n), `hessian` (r, r), `transpose` (n, r), `damping` (n,), `feedback`
    (2, r), `drive` (n,), `capacitance` (n,), `inverter` (n,), `stage_inverter` (2, r) relative; `offset` (n,),
    `inverter_offset` (n,), `stage_offset` (2, r), `stage_inverter_offset` (2, r) [V].

    Raises:
        DesignError: n or r is not a whole number of at least one.
    """

    n: int = 8
    r: int = 0
    """Rows of J; 0 stands for n."""
    name: ClassVar[str] = "cascade"
    programmed: ClassVar[frozenset[str]] = frozenset({"damping", "hessian", "jacobian", "transpose"})
    mirrored: ClassVar[frozenset[str]] = frozenset()
    answer: ClassVar[Answer] = "mean"

    def __post_init__(self) -> None:
        check_cells(self.name, self.n)
        if self.r == 0:
            object.__setattr__(self, "r", self.n)
        check_cells(f"{self.name} rank", self.r)

    def check(self, program: Program) -> None:
        """Factors of r rows, or a symmetric positive definite A when r = n.

        Raises:
            ProgramError: another size or rank, an A that is not symmetric, negative damping.
        """
        check_size(self, program)
        factor(self, program)

    def error_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of the deviations."""
        n = self.n
        r = self.r
        arrays = {"jacobian": (r, n), "hessian": (r, r), "transpose": (n, r), "feedback": (2, r)}
        stages = dict.fromkeys(("stage_inverter", "stage_offset", "stage_inverter_offset"), (2, r))
        cells = dict.fromkeys(("damping", "drive", "capacitance", "inverter", "offset", "inverter_offset"), (n,))
        return {**arrays, **stages, **cells}

    def error_sigmas(self, tolerances: Tolerances) -> Mapping[str, float]:
        """Standard deviations: relative, or V for offsets. An inverter's gain is a ratio of two resistors."""
        resistor = tolerances.resistor_sigma
        special = {"capacitance": tolerances.capacitor_sigma}
        special |= {name: sqrt(2) * resistor for name in ("inverter", "stage_inverter")}
        offsets = ("offset", "inverter_offset", "stage_offset", "stage_inverter_offset")
        special |= dict.fromkeys(offsets, tolerances.offset_sigma)
        return {name: special.get(name, resistor) for name in self.error_shapes()}

    def weights(self, program: Program, conductance: float = 1.0) -> Weights:
        """Arrays `J`, `H` (which carries the scale) and the `damping`."""
        J, H, damping = factor(self, program)
        return {"J": J, "H": conductance * H, "damping": conductance * damping}

    def network(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit with J, H, damping and b loaded; see the class."""
        J = weights["J"]
        H = weights["H"]
        damping = weights["damping"]
        elements: list[Element] = []
        for i in range(self.n):
            elements += integrator(values, errors, i, b[i])
            elements += crosspoints(
                f"t{i}", values, errors["transpose"][i], [row[i] for row in J], _rail("w"), f"vg{i}"
            )
            if damping != 0:
                resistance = values.resistance(damping, errors["damping"][i])
                elements.append(Resistor(f"d{i}", f"out{i}", f"vg{i}", resistance))
        for k in range(self.r):
            elements += _stage(values, errors, 0, k)
            elements += crosspoints(f"j{k}", values, errors["jacobian"][k], J[k], _rail("out"), f"u{k}_vg")
            elements += _stage(values, errors, 1, k)
            elements += crosspoints(f"h{k}", values, errors["hessian"][k], H[k], _rail("u"), f"w{k}_vg")
        elements += self._rails(values, errors, J, H)
        return Network(
            f"cascade{self.n}x{self.r}", tuple(elements), tuple(f"out{i}" for i in range(self.n)), values.temperature
        )

    def _rails(self, values: Values, errors: Errors, J: Any, H: Any) -> Iterator[Element]:
        """Inverted rails of the columns with a negative weight."""
        for i in range(self.n):
            if any(row[i] < 0 for row in J):
                gain_error = errors["inverter"][i]
                offset = errors["inverter_offset"][i]
                yield from inverted_rail(f"i{i}", values, f"out{i}", f"out{i}_inv", gain_error, offset, cell=i)
        for stage, name, used in ((0, "u", list(zip(*H, strict=True))), (1, "w", J)):
            for k in range(self.r):
                if any(weight < 0 for weight in used[k]):
                    gain_error = errors["stage_inverter"][stage, k]
                    offset = errors["stage_inverter_offset"][stage, k]
                    rail = f"{name}{k}"
                    yield from inverted_rail(f"i{rail}", values, rail, f"{rail}_inv", gain_error, offset)


def factor(topology: Cascade, program: Program) -> Factors:
    """The factors of a program, given or by Cholesky's method with half the smallest eigenvalue as damping.

    Raises:
        ProgramError: another rank, or an A that has no such factors.
    """
    if program.factors is not None:
        if len(program.factors.J) != topology.r:
            raise ProgramError(f"cascade: expected J of {topology.r} rows, got {len(program.factors.J)}")
        return program.factors
    if topology.r != topology.n:
        raise ProgramError(
            f"cascade: expected factors J ({topology.r}, {topology.n}), H and damping, got only A; use r = n or factors"
        )
    check_symmetric("cascade", program.A)
    damping = float(np.linalg.eigvalsh(program.A)[0]) / 2
    J = np.linalg.cholesky(program.A - damping * np.eye(topology.n)).T
    return Factors(J, np.eye(topology.n), damping)


def _rail(name: str) -> Callable[[int, bool], str]:
    return lambda k, inverted: f"{name}{k}{'_inv' if inverted else ''}"


def _stage(values: Values, errors: Errors, stage: int, k: int) -> Iterator[Element]:
    """A transimpedance amplifier: feedback R0, no capacitor."""
    node = f"{'uw'[stage]}{k}"
    amplifier = values.amplifier
    model = amplifier and replace(amplifier, offset=amplifier.offset + errors["stage_offset"][stage, k])
    yield OpAmp(f"a{node}", GROUND, f"{node}_vg", node, model)
    yield Resistor(f"rf{node}", f"{node}_vg", node, values.R0 / (1 + errors["feedback"][stage, k]))
