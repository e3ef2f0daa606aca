"""Passive mesh of RC cells: symmetric, diagonally dominant matrices with off-diagonals that are not positive."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..components import Tolerances
from ..networks import Element, Network, Resistor
from ..programs import Program
from ._passive_cells import cell_elements, check_grounded, grounded, mesh_sigmas
from ._topology import check_cells, check_size
from ._values import Answer, Errors, Values, Weights


@dataclass(frozen=True)
class RCMesh:
    """n nodes with a capacitor and a resistor to ground, and resistors between nodes.

    `C dv_i/dt = -(sum_j A_ij v_j - b_i)/R0` with `-A_ij/R0` the conductance between nodes i and j and the row
    sum of A over R0 the conductance to ground; the drive is a current `b_i/R0`. At level `macro` each node is
    read through a unity-gain follower.

    Deviations of a chip: `conductance` (n, n) symmetric, `ground` (n,), `drive` (n,), `capacitance` (n,)
    relative; `offset` (n,) of the followers [V].

    Raises:
        DesignError: n is not a whole number of at least one.
    """

    n: int = 8
    name: ClassVar[str] = "rc-mesh"
    programmed: ClassVar[frozenset[str]] = frozenset({"conductance", "ground"})
    mirrored: ClassVar[frozenset[str]] = frozenset({"conductance"})
    answer: ClassVar[Answer] = "mean"

    def __post_init__(self) -> None:
        check_cells(self.name, self.n)

    def check(self, program: Program) -> None:
        """Symmetric, off-diagonals at most zero, each diagonal at least the sum of its row's others.

        Raises:
            ProgramError: with the first entry that a passive mesh cannot realise, and why.
        """
        check_size(self, program)
        check_grounded(self.name, program.A, "resistor")

    def error_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of the deviations."""
        n = self.n
        return {"conductance": (n, n), "ground": (n,), "drive": (n,), "capacitance": (n,), "offset": (n,)}

    def error_sigmas(self, tolerances: Tolerances) -> Mapping[str, float]:
        """Standard deviations: relative, or V for offsets."""
        return mesh_sigmas(tolerances)

    def weights(self, program: Program, conductance: float = 1.0) -> Weights:
        """Arrays `coupling` (n, n), symmetric, and `ground` (n,)."""
        coupling, ground = grounded(conductance * program.A)
        return {"coupling": -coupling, "ground": ground}

    def network(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit with its conductances and b loaded; see the class."""
        elements: list[Element] = []
        for i in range(self.n):
            elements += cell_elements(values, errors, i, weights["ground"][i], b[i])
            elements += _couplings(values, errors, i, weights["coupling"][i])
        prefix = "x" if values.amplifier is None else "out"
        outputs = tuple(f"{prefix}{i}" for i in range(self.n))
        return Network(f"rcmesh{self.n}", tuple(elements), outputs, values.temperature)


def _couplings(values: Values, errors: Errors, i: int, coupling: Any) -> Iterator[Element]:
    for j in range(i):
        if coupling[j] != 0:
            resistance = values.resistance(coupling[j], errors["conductance"][i, j])
            yield Resistor(f"r{i}_{j}", f"x{i}", f"x{j}", resistance)
