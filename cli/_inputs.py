"""From the words of the command line to designs, chips and programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from ..behavioral import DeviceModel, load_device
from ..circuits import (
    LEVELS,
    TOPOLOGIES,
    Cascade,
    Design,
    Instance,
    Level,
    Program,
    RLCGrid,
    Scaling,
    Topology,
    choose_scaling,
    make_topology,
    random_program,
)
from ..files.tables import read_matrix, read_vector
from ..netlists import UserAmplifier, user_amplifier
from ._bounds import check_seed
from ._errors import InputError

Corner = Literal["slow", "typical", "fast"]
CORNERS: tuple[Corner, ...] = get_args(Corner)

BOARD, GRID_BOARD, TRANSISTORS = "board-1k-1n", "rlc-board-8", "cmos-100k-10p"
"""Presets where no design is asked for; a grid has inductors, which the first lacks."""
DEFAULT_SIZE = 8
LONGEST_PATH = 100_000
"""Correlation times of a temperature path: some seconds and a few hundred megabytes."""

CHIP, PROGRAM = 0, 1
"""Streams of a seed: the chip and the program are drawn independently."""


def get_design(name: str, temperature: float | None = None, corner: str = "typical") -> Design:
    """A preset, or the YAML file at this path, at a process corner.

    Raises:
        DesignError: neither, or the file is not a design.
        InputError: no such corner, or the temperature is not a positive, finite number.
    """
    is_file = name.endswith((".yaml", ".yml")) or "/" in name
    design = _at_corner(Design.load(name) if is_file else Design.preset(name), corner)
    if temperature is None:
        return design
    if not (np.isfinite(temperature) and temperature > 0):
        raise InputError(f"--temperature: expected kelvin, more than 0 and finite, got {temperature:g}")
    return Design.from_dict({**design.to_dict(), "temperature": temperature}, "--temperature")


def get_chip_design(
    topology: str,
    name: str | None,
    temperature: float | None = None,
    corner: str = "typical",
    level: str | None = None,
) -> Design:
    """As `get_design`; without a name the preset that the topology fits on, and that has the level.

    Raises:
        InputError: a grid on a design without inductors.
    """
    if name is None:
        board = TRANSISTORS if level == "transistor" else BOARD
        return get_design(GRID_BOARD if topology == RLCGrid.name else board, temperature, corner)
    design = get_design(name, temperature, corner)
    if topology == RLCGrid.name and design.L is None:
        raise InputError(
            f"--design {name}: an rlc-grid needs inductors, and this design has no `L:`; leave out --design and --level"
            f" (preset {GRID_BOARD}, level ideal), or add `L:` to the design, such as `L: 1mH`"
        )
    return design


def get_chip_level(name: str | None, design: Design) -> Level:
    """As `get_level`; without a name macro, or ideal where the design has no amplifier."""
    if name is None:
        return "ideal" if design.amplifier is None else "macro"
    return get_level(name)


def _at_corner(design: Design, corner: str) -> Design:
    for name in CORNERS:
        if name == corner:
            return design.corner(name)
    raise InputError(f"--corner: expected one of {', '.join(CORNERS)}, got {corner!r}")


def get_device_model(path: Path) -> DeviceModel:
    """The model of one chip, as `calibrate` saves it.

    Raises:
        DeviceModelError: unreadable, or not a model.
        InputError: the model of a process instead.
    """
    found = load_device(path)
    if isinstance(found, DeviceModel):
        return found
    raise InputError(
        f"{path}: tells of a process ({len(found.instances)} chips), and --device expects one chip here; calibrate one,"
        f" such as with `thermospice calibrate --topology {found.topology}`, and give its device.json"
    )


def get_topology(name: str, size: int, rank: int | None = None) -> Topology:
    """A topology by its command-line name; the rank is that of a cascade.

    Raises:
        InputError: unknown name, a size or rank below one, or a rank where there is none.
    """
    if name not in TOPOLOGIES:
        raise InputError(f"--topology: expected one of {', '.join(TOPOLOGIES)}, got {name!r}")
    if size < 1:
        raise InputError(f"--size: expected at least 1 cell, got {size}")
    if rank is None:
        return make_topology(name, size)
    if name != Cascade.name:
        raise InputError(f"--rank: only a cascade has one, and --topology is {name}; use --topology cascade")
    if rank < 1:
        raise InputError(f"--rank: expected at least 1 row of J, got {rank}")
    return make_topology(name, size, r=rank)


def get_level(name: str) -> Level:
    """A level by its command-line name.

    Raises:
        InputError: unknown name.
    """
    for level in LEVELS:
        if level == name:
            return level
    raise InputError(f"--level: expected one of {', '.join(LEVELS)}, got {name!r}")


def get_instance(design: Design, topology: Topology, seed: int, mismatch: bool = True) -> Instance:
    """The chip of this seed, or the nominal one.

    Raises:
        InputError: no seed.
    """
    check_seed(seed)
    if not mismatch:
        return design.nominal(topology)
    return design.sample(topology, np.random.default_rng([seed, CHIP]), seed)


def get_aged(instance: Instance, age: float | None) -> Instance:
    """The chip at an age [s]; as it is for None.

    Raises:
        InputError: not a number of seconds of at least zero, or too far for the temperature path, which is followed
            step by step.
    """
    if age is None:
        return instance
    if not 0 <= age < np.inf:
        raise InputError(f"--at: expected a number of seconds of at least 0, got {age:g}")
    drift = instance.design.drift
    longest = LONGEST_PATH * drift.temperature_time
    if drift.temperature_sigma > 0 and age > longest:
        raise InputError(
            f"--at: expected at most {longest:g} s, {LONGEST_PATH:,} times drift.temperature_time of design"
            f" {instance.design.name}, got {age:g}; set drift.temperature_sigma to 0 for ageing alone"
        )
    return instance.at(age)


def get_amplifier(
    path: Path | None, trust: bool, supply: tuple[float, float] | None, level: Level
) -> UserAmplifier | None:
    """The user's amplifier; none without a file.

    Raises:
        InputError: not trusted, or options that belong to it without it.
        NetlistError: unreadable, not a subcircuit with the pins of an amplifier, or impossible supplies.
    """
    if path is None:
        if trust or supply is not None:
            raise InputError(f"{'--trust' if trust else '--supply'}: belongs to --amplifier FILE, which is not there")
        return None
    if not trust:
        raise InputError(
            f"--amplifier {path}: ngspice runs commands that a netlist holds; read the file, and add --trust if you"
            " trust who wrote it"
        )
    if level != "transistor":
        raise InputError(f"--amplifier: expected --level transistor, got {level}")
    return user_amplifier(path, trust=True) if supply is None else user_amplifier(path, True, supply[1], supply[0])


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
        A, b = read_matrix(matrix), read_vector(drive)
        if A.shape[0] != A.shape[1]:
            raise InputError(f"{matrix}: expected a square matrix, got {A.shape[0]} rows and {A.shape[1]} columns")
        _check_length(drive, b, len(A), f"row of {matrix}")
        chip, program = get_topology(topology, len(A)), Program(A, b)
        chip.check(program)
        return chip, program

    def _from_factors(self, topology: str, jacobian: Path, drive: Path) -> tuple[Topology, Program]:
        damping = 0.0 if self.damping is None else self.damping
        if not 0 <= damping < np.inf:
            raise InputError(f"--damping: expected a number of at least 0, got {damping:g}")
        J, b = read_matrix(jacobian), read_vector(drive)
        r, n = J.shape
        get_topology(Cascade.name, n, r)  # as many rows and columns as a machine holds, whatever they are loaded into
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
        value = float(drive_scale)
    except ValueError:
        value = float("nan")
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"--drive-scale: expected auto or a positive number, got {drive_scale!r}")
    return Scaling(chosen.conductance, value)
