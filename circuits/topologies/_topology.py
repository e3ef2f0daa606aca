"""What every topology offers: how a program becomes components on one chip."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from ...files.opening import in_gigabytes, most_memory, shortened
from .._exceptions import DesignError, ProgramError
from ..components import Tolerances
from ..networks import Network
from ..programs import Program
from ._values import Answer, Errors, Values, Weights

BYTES_PER_PAIR = 8_000
"""Memory for each pair of cells: ten unknowns a cell at level macro, squared, in doubles, and ten such matrices while
eigenvalues are worked out."""


@runtime_checkable
class Topology(Protocol):
    """A frozen value: which cells there are and how a program is wired."""

    name: ClassVar[str]
    programmed: ClassVar[frozenset[str]]
    """Names of the deviations that belong to programmed conductances; these age."""
    mirrored: ClassVar[frozenset[str]]
    """Names of the deviations of components that serve both directions: symmetric in the last two axes."""
    answer: ClassVar[Answer]
    """Where the solution shows: in the settled voltages `A^-1 b`, or in a covariance that is proportional to A^-1."""

    @property
    def n(self) -> int:
        """Number of cells, one for each variable."""
        ...

    def check(self, program: Program) -> None:
        """Raise `ProgramError` with the entry and the reason when the program cannot be realised."""
        ...

    def error_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of the deviations that a chip has."""
        ...

    def error_sigmas(self, tolerances: Tolerances) -> Mapping[str, float]:
        """Standard deviation of each kind of deviation."""
        ...

    def weights(self, program: Program, conductance: float = 1.0) -> Weights:
        """What each array of the chip holds, so that the matrix realised is `conductance * A`."""
        ...

    def network(self, values: Values, errors: Errors, weights: Weights, b: Any) -> Network:
        """The circuit of one chip with its arrays loaded and the drive b (n,) [V].

        Weights and b hold floats or sympy expressions; entries equal to zero are not wired.
        """
        ...


def check_size(topology: Topology, program: Program) -> None:
    """Raise `ProgramError` when the program has another size than the chip."""
    if program.n != topology.n:
        raise ProgramError(
            f"{topology.name}: expected a program of {topology.n} variables, one for each cell, got {program.n}"
        )


def check_cells(name: str, n: object) -> None:
    """Raise `DesignError` unless n is a whole number of cells, not too many for this machine."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise DesignError(f"{name}: expected a whole number of cells, at least 1, got {n!r}")
    most = most_cells()
    if n > most:
        needed = in_gigabytes(BYTES_PER_PAIR * float(min(n, 10**99)) ** 2)
        there = in_gigabytes(most_memory())
        raise DesignError(
            f"{name}: expected at most {most:,} cells, got {shortened(int(n))}: their equations take {needed} of"
            f" memory, and this machine has {there} for them"
        )


def most_cells() -> int:
    """Cells whose dense equations fit into half of the memory."""
    return int((most_memory() / BYTES_PER_PAIR) ** 0.5)


def draw_errors(topology: Topology, tolerances: Tolerances, rng: np.random.Generator) -> Errors:
    """Independent normal deviations of one chip; the same state of `rng` gives the same normals whatever the sigmas."""
    sigmas = topology.error_sigmas(tolerances)
    errors = {name: sigmas[name] * rng.standard_normal(shape) for name, shape in topology.error_shapes().items()}
    return mirror(topology, errors)


def mirror(topology: Topology, errors: Errors) -> Errors:
    """The same deviations, those of components that serve both directions taken from the lower triangle."""
    lower = {name: np.tril(errors[name], -1) for name in topology.mirrored if name in errors}
    return {**errors, **{name: part + np.swapaxes(part, -1, -2) for name, part in lower.items()}}


def zero_errors(topology: Topology) -> Errors:
    """Deviations of the nominal chip."""
    return {name: np.zeros(shape) for name, shape in topology.error_shapes().items()}
