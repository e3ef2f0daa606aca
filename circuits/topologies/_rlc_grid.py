"""Grid of LC cells with all-to-all coupling capacitors: samples with the inverse of a capacitance matrix."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._exceptions import DesignError
from ..components import Tolerances
from ..networks import GROUND, Capacitor, CurrentSource, Element, Inductor, Network, NoiseCurrent, Resistor
from ..programs import Program
from ._passive_cells import check_grounded, grounded
from ._topology import check_cells, check_size
from ._values import Answer, Errors, Values, Weights


@dataclass(frozen=True)
class RLCGrid:
    """n cells, each a capacitor, an inductor and a resistor R0 to ground, with capacitors between all cells.

    The program is the Maxwell capacitance matrix in units of C: `-A_ij` between cells i and j, the row sum of A to
    ground. White current noise of density S gives `cov(v) = (kT + S R0/2) (C A)^-1` and inductor currents of
    variance `(kT + S R0/2)/L`: the device answers by its covariance, and its mean settles to zero.

    Deviations of a chip: `coupling` (n, n) symmetric, `capacitance` (n,), `inductance` (n,), `resistance` (n,),
    `drive` (n,), all relative.

    Raises:
        DesignError: n is not a whole number of at least one.
    """

    n: int = 8
    name: ClassVar[str] = "rlc-grid"
    programmed: ClassVar[frozenset[str]] = frozenset()
    mirrored: ClassVar[frozenset[str]] = frozenset({"coupling"})
    answer: ClassVar[Answer] = "covariance"

    def __post_init__(self) -> None:
        check_cells(self.name, self.n)

    def check(self, program: Program) -> None:
        """A Maxwell capacitance matrix: symmetric, off-diagonals at most zero, diagonally dominant.

        Raises:
            ProgramError: with the first entry that capacitors cannot realise, and why.
        """
        check_size(self, program)
        check_grounded(self.name, program.A, "capacitor")

    def error_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of the deviations."""
        cells = ("capacitance", "inductance", "resistance", "drive")
        return {"coupling": (self.n, self.n)} | dict.fromkeys(cells, (self.n,))

    def error_sigmas(self, tolerances: Tolerances) -> Mapping[str, float]:
        """Relative standard deviations."""
        return {
            "coupling": tolerances.capacitor_sigma,
            "capacitance": tolerances.capacitor_sigma,
            "inductance": tolerances.inductor_sigma,
            "resistance": tolerances.resistor_sigma,
            "drive": tolerances.resistor_sigma,
        }

    def weights(self, program: Program, conductance: float = 1.0) -> Weights:
        """Arrays `coupling` (n, n), symmetric, and `capacitance` (n,) to ground, in units of C.

        They hold no conductances: nothing is scaled.
        """
        coupling, capacitance = grounded(program.A)
        return {"coupling": -coupling, "capacitance": capacitance}

    def network(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit with its capacitances loaded and the drive as currents `b/R0`; see the class.

        Raises:
            DesignError: the design has no inductance.
        """
        if values.L is None:
            raise DesignError(
                "rlc-grid: the design has no inductance; add `L:` to it, such as `L: 1mH`, or use preset rlc-board-8"
            )
        elements: list[Element] = []
        for i in range(self.n):
            elements += _cell(values, errors, i, weights["capacitance"][i], b[i])
            elements += _couplings(values, errors, i, weights["coupling"][i])
        outputs = tuple(f"x{i}" for i in range(self.n))
        return Network(f"rlcgrid{self.n}", tuple(elements), outputs, values.temperature)


def _cell(values: Values, errors: Errors, i: int, capacitance: Any, b_i: Any) -> Iterator[Element]:
    node = f"x{i}"
    if capacitance != 0:
        yield Capacitor(f"c{i}", node, GROUND, values.C * capacitance * (1 + errors["capacitance"][i]), cell=i)
    yield Inductor(f"l{i}", node, GROUND, values.L * (1 + errors["inductance"][i]))
    yield Resistor(f"rg{i}", node, GROUND, values.R0 * (1 + errors["resistance"][i]))
    yield CurrentSource(f"b{i}", GROUND, node, b_i * (1 + errors["drive"][i]) / values.R0, drive=True)
    if values.injected_noise != 0:
        yield NoiseCurrent(f"n{i}", GROUND, node, values.injected_noise)


def _couplings(values: Values, errors: Errors, i: int, coupling: Any) -> Iterator[Element]:
    for j in range(i):
        if coupling[j] != 0:
            capacitance = values.C * coupling[j] * (1 + errors["coupling"][i, j])
            yield Capacitor(f"cc{i}_{j}", f"x{i}", f"x{j}", capacitance)
