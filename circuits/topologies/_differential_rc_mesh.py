"""Passive mesh of rail pairs: symmetric, diagonally dominant matrices of any sign."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from .._exceptions import ProgramError
from ..components import Tolerances
from ..networks import (
    GROUND,
    Capacitor,
    CurrentSource,
    Difference,
    Element,
    Network,
    NoiseCurrent,
    OpAmp,
    Resistor,
)
from ..programs import Program
from ._passive_cells import check_dominant, check_symmetric, grounded, mesh_sigmas
from ._topology import check_cells, check_size
from ._values import Answer, Errors, Values, Weights

SIDES = ("p", "m")


@dataclass(frozen=True)
class DifferentialRCMesh:
    """n variables `v_i = v(p_i) - v(m_i)`, each on two nodes with a capacitor and a resistor to ground.

    A negative off-diagonal is a pair of resistors between rails of the same side, a positive one between rails of
    opposite sides; each rail takes half of the drive current `b_i/R0`. The difference obeys
    `C dv/dt = -(A v - b)/R0`. At level `macro` each rail is read through a unity-gain follower.

    Deviations of a chip, all relative but the last: `conductance` (2, n, n) for the resistor at the p rail and at the
    m rail of the lower-numbered cell, symmetric in the last two; `ground` (2, n), `drive` (2, n), `capacitance`
    (2, n); `offset` (2, n) of the followers [V].

    Raises:
        DesignError: n is not a whole number of at least one.
    """

    n: int = 8
    name: ClassVar[str] = "differential-rc-mesh"
    programmed: ClassVar[frozenset[str]] = frozenset({"conductance", "ground"})
    mirrored: ClassVar[frozenset[str]] = frozenset({"conductance"})
    answer: ClassVar[Answer] = "mean"

    def __post_init__(self) -> None:
        check_cells(self.name, self.n)

    def check(self, program: Program) -> None:
        """Symmetric, each diagonal at least the sum of the magnitudes of its row's others.

        Raises:
            ProgramError: with the first entry that a passive mesh cannot realise, and why.
        """
        check_size(self, program)
        check_symmetric(self.name, program.A)
        check_dominant(self.name, program.A)
        # A sum of both rails sees the magnitudes of the couplings: without resistors to ground it floats.
        off, ground = grounded(program.A)
        common = np.diag(np.diag(program.A)) - np.abs(off)
        if np.linalg.eigvalsh(common)[0] <= 1e-12 * np.abs(program.A).max() * self.n:
            raise ProgramError(
                f"{self.name}: expected a diagonal larger than the sum of the other magnitudes in some row of every"
                f" coupled group, or both rails float; the largest excess is {ground.max():.3g}; use a crossbar"
            )

    def error_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of the deviations."""
        return {"conductance": (2, self.n, self.n)} | dict.fromkeys(
            ("ground", "drive", "capacitance", "offset"), (2, self.n)
        )

    def error_sigmas(self, tolerances: Tolerances) -> Mapping[str, float]:
        """Standard deviations: relative, or V for offsets."""
        return mesh_sigmas(tolerances)

    def weights(self, program: Program, conductance: float = 1.0) -> Weights:
        """Arrays `coupling` (n, n), symmetric, signed as the off-diagonals of A, and `ground` (n,)."""
        coupling, ground = grounded(conductance * program.A)
        return {"coupling": coupling, "ground": ground}

    def network(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit with its conductances and b loaded; see the class."""
        elements: list[Element] = []
        for i in range(self.n):
            for side in (0, 1):
                elements += _rail(values, errors, i, side, weights["ground"][i], b[i])
                elements += _couplings(values, errors, i, side, weights["coupling"][i])
            elements.append(Difference(f"e{i}", _read(values, i, 0), _read(values, i, 1), f"out{i}"))
        outputs = tuple(f"out{i}" for i in range(self.n))
        return Network(f"diffmesh{self.n}", tuple(elements), outputs, values.temperature)


def _read(values: Values, i: int, side: int) -> str:
    return f"{'x' if values.amplifier is None else 'y'}{i}{SIDES[side]}"


def _rail(values: Values, errors: Errors, i: int, side: int, ground: Any, b_i: Any) -> Iterator[Element]:
    tag = f"{i}{SIDES[side]}"
    node = f"x{i}{SIDES[side]}"
    sign = 0.5 if side == 0 else -0.5
    drive = sign * b_i * (1 + errors["drive"][side, i]) / values.R0
    yield Capacitor(f"c{tag}", node, GROUND, values.C * (1 + errors["capacitance"][side, i]), cell=i, sign=sign)
    yield CurrentSource(f"b{tag}", GROUND, node, drive, drive=True)
    if ground != 0:
        yield Resistor(f"rg{tag}", node, GROUND, values.resistance(ground, errors["ground"][side, i]))
    if values.injected_noise != 0:
        yield NoiseCurrent(f"n{tag}", GROUND, node, values.injected_noise)
    if values.amplifier is not None:
        model = replace(values.amplifier, offset=values.amplifier.offset + errors["offset"][side, i])
        yield OpAmp(f"a{tag}", node, f"y{tag}", f"y{tag}", model, cell=i, sign=sign)


def _couplings(values: Values, errors: Errors, i: int, side: int, coupling: Any) -> Iterator[Element]:
    for j in range(i):
        if coupling[j] != 0:
            other = side if coupling[j] < 0 else 1 - side
            resistance = values.resistance(abs(coupling[j]), errors["conductance"][side, i, j])
            yield Resistor(f"r{i}_{j}{SIDES[side]}", f"x{i}{SIDES[side]}", f"x{j}{SIDES[other]}", resistance)
