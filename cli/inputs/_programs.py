"""From words and files to programs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...circuits import Cascade, Instance, Level, Program, Scaling, Topology, choose_scaling, random_program
from ...circuits.topologies import get_topology
from ...circuits.trials import PROGRAM
from ...files.opening import check_seed
from ...files.quantities import QuantityError, parse_quantity
from ...files.tables import read_matrix, read_vector
from .._exceptions import InputError
from ._chips import DEFAULT_SIZE


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """Where the program comes from: A and b in files, the factors of A and b in files, or a size and a seed."""

    size: int | None
    matrix: Path | None
    drive: Path | None
    seed: int
    rank: int | None = None
    jacobian: Path | None = None
    hessian: Path | None = None
    damping: float | None = None

    def load(self, topology: str) -> tuple[Topology, Program]:
        """The program with a chip of its size.

        Raises:
            InputError: contradicting options, or a file that is not plain numbers.
            ProgramError: not stable, or not realisable in this topology.
        """
        self._check_together()
        if self.jacobian is not None and self.drive is not None:
            return self._from_factors(topology, self.jacobian, self.drive)
        if self.matrix is not None and self.drive is not None:
            return self._from_matrix(topology, self.matrix, self.drive)
        check_seed(self.seed)
        chip = get_topology(topology, DEFAULT_SIZE if self.size is None else self.size, self.rank)
        return chip, random_program(chip, np.random.default_rng([self.seed, PROGRAM]))

    def _check_together(self) -> None:
        if self.jacobian is None:
            for name, value in (("--hessian", self.hessian), ("--damping", self.damping)):
                if value is not None:
                    raise InputError(f"{name}: belongs to --jacobian J.csv, which is not there")
            if (self.matrix is None) != (self.drive is None):
                raise InputError(
                    "--matrix and --drive belong together: give both files, or --size for a random program"
                )
        elif self.matrix is not None:
            raise InputError("--matrix and --jacobian: give one of them; the factors set the matrix")
        elif self.drive is None:
            raise InputError("--jacobian and --drive belong together: give both files")
        for name, value in (("--size", self.size), ("--rank", self.rank)):
            if value is not None and self.drive is not None:
                file = "--matrix" if self.jacobian is None else "--jacobian"
                raise InputError(f"{name} and {file}: give one of them; the files set the size")

    def _from_matrix(self, topology: str, matrix: Path, drive: Path) -> tuple[Topology, Program]:
        A = read_matrix(matrix)
        b = read_vector(drive)
        if A.shape[0] != A.shape[1]:
            raise InputError(f"{matrix}: expected a square matrix, got {A.shape[0]} rows and {A.shape[1]} columns")
        _check_length(drive, b, len(A), f"row of {matrix}")
        chip = get_topology(topology, len(A))
        program = Program(A, b)
        chip.check(program)
        return chip, program

    def _from_factors(self, topology: str, jacobian: Path, drive: Path) -> tuple[Topology, Program]:
        damping = 0.0 if self.damping is None else self.damping
        if not 0 <= damping < np.inf:
            raise InputError(f"--damping: expected a number of at least 0, got {damping:g}")
        J = read_matrix(jacobian)
        b = read_vector(drive)
        r, n = J.shape
        # As many rows and columns as a machine holds, whatever they are loaded into.
        get_topology(Cascade.name, n, r)
        H = np.eye(r) if self.hessian is None else read_matrix(self.hessian)
        if H.shape != (r, r):
            raise InputError(
                f"{self.hessian}: expected {r} rows and columns, one for each row of {jacobian},"
                f" got {H.shape[0]} and {H.shape[1]}"
            )
        _check_length(drive, b, n, f"column of {jacobian}")
        chip = get_topology(topology, n, r if topology == Cascade.name else None)
        # Numbers that overflow are refused as such; numpy need not warn besides.
        with np.errstate(over="ignore", invalid="ignore"):
            program = Program.from_factors(J, H, damping, b)
        chip.check(program)
        return chip, program


def _check_length(drive: Path, b: Float[np.ndarray, " n"], n: int, of: str) -> None:
    if len(b) != n:
        raise InputError(f"{drive}: expected {n} lines, one for each {of}, got {len(b)}")


def get_scaling(instance: Instance, program: Program, level: Level, drive_scale: str) -> Scaling:
    """The scaling that fits the device, with the drive's part replaced when it is not `auto`.

    Raises:
        InputError: neither `auto` nor a positive number.
    """
    chosen = choose_scaling(instance, program, level)
    if drive_scale == "auto":
        return chosen
    try:
        value = parse_quantity(drive_scale, "")
    except QuantityError as error:
        raise InputError(f"--drive-scale: expected auto or a positive number: {error}") from None
    if not value > 0:
        raise InputError(f"--drive-scale: expected auto or a positive number, got {drive_scale!r}")
    return Scaling(chosen.conductance, value)
