"""From words to a posed problem and its device."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from ...behavioral import DeviceModel
from ...behavioral.linear_algebra import (
    PROBLEMS,
    Given,
    IdealDevice,
    LinearDevice,
    ModelDevice,
    Problem,
)
from ...behavioral.populations import get_device_model
from ...circuits import Instance, Level, Program, Topology, random_program
from ...circuits.topologies import get_topology
from ...circuits.trials import PROGRAM
from ...files import one_of
from ...files.opening import check_seed
from ...files.tables import read_matrix, read_vector
from ...netlists import SpiceDevice
from .._exceptions import InputError
from ._chips import DEFAULT_SIZE

Kind = Literal["ideal", "model", "spice"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def get_problem(name: str, others: Iterable[str]) -> Problem:
    """A problem by its name.

    Raises:
        InputError: unknown name; `others` are names that would have done, too.
    """
    if name not in PROBLEMS:
        raise InputError(f"--problem: expected one of {', '.join((*PROBLEMS, *others))}, got {name!r}")
    return one_of(name, PROBLEMS, "--problem", InputError)


def get_kind(name: str) -> Kind:
    """A kind of device by its name.

    Raises:
        InputError: unknown name.
    """
    return one_of(name, KINDS, "--on", InputError)


def get_given(
    problem: Problem,
    topology: str,
    size: int | None,
    matrix: Path | None,
    drive: Path | None,
    noise: Path | None,
    seed: int,
) -> tuple[Topology, Given]:
    """The matrices from files, or drawn for the topology.

    Raises:
        InputError: options that contradict each other, or a file that is not plain numbers of the right shape.
    """
    if size is not None and matrix is not None:
        raise InputError("--size and --matrix: give one of them; the file sets the size")
    if drive is not None and (problem != "solve" or matrix is None):
        raise InputError("--drive: belongs to --problem solve with --matrix A.csv")
    if noise is not None and problem != "lyapunov":
        raise InputError(f"--noise-matrix: belongs to --problem lyapunov, got {problem}")
    check_seed(seed)
    if matrix is None:
        chip = get_topology(topology, DEFAULT_SIZE if size is None else size)
        program = random_program(chip, np.random.default_rng([seed, PROGRAM]))
        A = program.A
        b = program.b
    else:
        A = read_matrix(matrix)
        if A.shape[0] != A.shape[1]:
            raise InputError(f"{matrix}: expected a square matrix, got {A.shape[0]} rows and {A.shape[1]} columns")
        chip = get_topology(topology, len(A))
        b = _drive(problem, drive, matrix, len(A))
    Q = np.eye(len(A)) if noise is None else read_matrix(noise)
    if Q.shape != A.shape:
        raise InputError(f"{noise}: expected {len(A)} rows and columns as in A, got {Q.shape[0]} and {Q.shape[1]}")
    return chip, Given(problem, np.array(A), np.array(b), Q)


def _drive(problem: Problem, drive: Path | None, matrix: Path, n: int) -> Float[np.ndarray, " n"]:
    if problem != "solve":
        return np.zeros(n)
    if drive is None:
        raise InputError("--matrix and --drive belong together for --problem solve: give both files")
    b = read_vector(drive)
    if len(b) != n:
        raise InputError(f"{drive}: expected {n} lines, one for each row of {matrix}, got {len(b)}")
    return b


def get_device(
    kind: Kind, instance: Instance, level: Level, calibrated: Path | None, timeout: float | None = None
) -> LinearDevice:
    """The device that a problem is put to; `timeout` [s] is of each run of a simulator.

    Raises:
        InputError: a calibrated model of another size or topology, or one where there is none; a time limit where
            nothing is simulated.
    """
    if timeout is not None and kind != "spice":
        raise InputError(f"--timeout: belongs to --on spice, got {kind}")
    if calibrated is not None:
        if kind != "model":
            raise InputError(f"--device: belongs to --on model, got {kind}")
        model = get_device_model(calibrated)
        if model.instance.topology != instance.topology:
            raise InputError(
                f"{calibrated}: expected a {instance.topology.name} with {instance.topology.n} cells, got a"
                f" {model.instance.topology.name} with {model.n}; choose them with --topology and --size"
            )
        return ModelDevice(model)
    if kind == "ideal":
        return IdealDevice(instance.design.tau, instance.design.R0)
    if kind == "model":
        return ModelDevice(DeviceModel.nominal(instance, level))
    return SpiceDevice(instance, level) if timeout is None else SpiceDevice(instance, level, timeout=timeout)


def check(given: Given, topology: Topology) -> None:
    """Whether the chip can hold A at all, before anything is run; the others load matrices of their own.

    Raises:
        ProgramError: it cannot.
    """
    if given.problem in ("solve", "inverse", "determinant"):
        topology.check(Program(given.A, given.b))
