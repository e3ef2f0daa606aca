"""From the words of the command line to designs, chips and programs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..circuits import (
    LEVELS,
    TOPOLOGIES,
    Design,
    Instance,
    Level,
    Program,
    Scaling,
    Topology,
    choose_scaling,
    make_topology,
    random_program,
)
from ._csv import read_matrix, read_vector
from ._errors import InputError

DEFAULT_SIZE = 8
CHIP, PROGRAM = 0, 1
"""Streams of a seed: the chip and the program are drawn independently."""


def get_design(name: str, temperature: float | None = None) -> Design:
    """A preset, or the YAML file at this path.

    Raises:
        DesignError: neither, or the file is not a design.
        InputError: the temperature is not a positive, finite number.
    """
    is_file = name.endswith((".yaml", ".yml")) or "/" in name
    design = Design.load(name) if is_file else Design.preset(name)
    if temperature is None:
        return design
    if not (np.isfinite(temperature) and temperature > 0):
        raise InputError(f"--temperature: expected kelvin, more than 0 and finite, got {temperature:g}")
    return Design.from_dict({**design.to_dict(), "temperature": temperature}, "--temperature")


def get_topology(name: str, size: int) -> Topology:
    """A topology by its command-line name.

    Raises:
        InputError: unknown name.
        DesignError: a size below one.
    """
    if name not in TOPOLOGIES:
        raise InputError(f"--topology: expected one of {', '.join(TOPOLOGIES)}, got {name!r}")
    if size < 1:
        raise InputError(f"--size: expected at least 1 cell, got {size}")
    return make_topology(name, size)


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
    """The chip of this seed, or the nominal one."""
    if not mismatch:
        return design.nominal(topology)
    return design.sample(topology, np.random.default_rng([seed, CHIP]), seed)


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """Where the program comes from: files, or a size and a seed."""

    size: int | None
    matrix: Path | None
    drive: Path | None
    seed: int

    def load(self, topology: str) -> tuple[Topology, Program]:
        """The program with a chip of its size.

        Raises:
            InputError: contradicting options, or a file that is not plain numbers.
            ProgramError: not stable, or not realisable in this topology.
        """
        if (self.matrix is None) != (self.drive is None):
            raise InputError("--matrix and --drive belong together: give both files, or --size for a random program")
        if self.matrix is None or self.drive is None:
            chip = get_topology(topology, DEFAULT_SIZE if self.size is None else self.size)
            return chip, random_program(chip, np.random.default_rng([self.seed, PROGRAM]))
        if self.size is not None:
            raise InputError("--size and --matrix: give one of them; the files set the size")
        A, b = read_matrix(self.matrix), read_vector(self.drive)
        if A.shape[0] != A.shape[1]:
            raise InputError(f"{self.matrix}: expected a square matrix, got {A.shape[0]} rows and {A.shape[1]} columns")
        if len(b) != len(A):
            raise InputError(f"{self.drive}: expected {len(A)} lines, one for each row of {self.matrix}, got {len(b)}")
        chip, program = get_topology(topology, len(A)), Program(A, b)
        chip.check(program)
        return chip, program


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
