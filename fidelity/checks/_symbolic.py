"""The symbolic state space with numbers put in, against SPICE and against the numeric one; and what is proved of it."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from ...circuits import Instance, Program, state_space
from ..subjects import Row, Subject, relative
from ._waveforms import EXACT

if TYPE_CHECKING:
    from ...circuits.symbolic import SymbolicModel

_ROUNDING = 1e-9
"""Eigenvalues of well-conditioned matrices of some tens of rows, computed in two orders of operations."""


def rows(subject: Subject) -> Iterator[Row]:
    """Proofs, settled voltages, poles."""
    topology = subject.instance.topology
    program = subject.program
    amplifier = subject.instance.design.amplifier
    if subject.level != "ideal" and amplifier is not None and (amplifier.second_pole or amplifier.input_capacitance):
        return  # the symbols are those of one pole
    if subject.level != "ideal" and topology.n > _EXPANDED:
        return
    from ...circuits import symbolic  # loads sympy

    # The wiring follows the signs of this program's entries.
    model = symbolic.state_space(topology, subject.level, program)
    if subject.level == "ideal":
        unproved = sum(not proof.holds for proof in symbolic.proofs(model))
        yield subject.row("symbolic", "claims not proved", float(unproved), 0.0)
    nominal = subject.instance.design.nominal(topology)
    if subject.mean and subject.level == "ideal":
        data = subject.measure("op", nominal)
        error = math.nan
        if data is not None:
            v = _settled(model, nominal, program) * subject.scaling.drive
            error = relative(data["v"].values - v, v)
        yield subject.row("symbolic", "settled, symbolic against SPICE", error, EXACT["op"])
    if topology.name != "cascade" or topology.n <= _EXPANDED:
        yield subject.row(
            "symbolic", "poles, symbolic against numeric", _pole_error(model, nominal, program), _ROUNDING
        )


_EXPANDED = 4
"""Cells of a cascade whose matrix is still written out, larger ones keep their arrays apart; and of chips whose
amplifiers bring several states each."""


def _settled(model: "SymbolicModel", instance: Instance, program: Program) -> Float[np.ndarray, " n"]:
    """Settled readouts [V] of the symbolic state space for the numbers of a program on a nominal chip."""
    from ...circuits.symbolic import compiled

    values = model.values(instance.design, program)
    blocks = model.blocks
    G, drive, M = (compiled(matrix)(values) for matrix in (blocks.G, blocks.drive, model.M))
    return np.asarray(M @ np.linalg.solve(G, drive[:, 0])[: len(model.states)])


def _pole_error(model: "SymbolicModel", instance: Instance, program: Program) -> float:
    from ...circuits.symbolic import compiled

    values = model.values(instance.design, program)
    C, G = (compiled(matrix)(values).astype(float) for matrix in (model.C, model.G))
    poles = -np.linalg.eigvals(np.linalg.solve(C, G))
    expected = state_space(instance.network(program, model.level)).poles
    return float(max(np.abs(poles - pole).min() / abs(pole) for pole in expected))
