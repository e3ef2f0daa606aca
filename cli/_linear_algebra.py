"""Linear algebra on a device: the problem, the device, and what the folder and the summary say of the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import scipy.linalg
import typer
from jaxtyping import Float
from rich.table import Table

from ..behavioral import (
    Answer,
    Budget,
    DeviceModel,
    IdealDevice,
    LinearDevice,
    ModelDevice,
    determinant,
    expm,
    inverse,
    lyapunov,
    solve,
)
from ..circuits import Instance, Level, Program, Topology, random_program
from ..files import check_seed
from ..files.tables import read_matrix, read_vector
from ..netlists import SpiceDevice
from ._errors import InputError
from ._folder import write_text
from ._given import written
from ._inputs import DEFAULT_SIZE, PROGRAM, get_device_model, get_topology
from ._versions import versions

Problem = Literal["solve", "inverse", "lyapunov", "determinant", "expm"]
PROBLEMS: tuple[Problem, ...] = get_args(Problem)

Kind = Literal["ideal", "model", "spice"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SHOWN = 6
"""Entries of the answer that the terminal shows."""


@dataclass(frozen=True, eq=False)
class Given:
    """The matrices of a problem, and its exact answer."""

    problem: Problem
    A: Float[np.ndarray, "n n"]
    b: Float[np.ndarray, " n"]
    Q: Float[np.ndarray, "n n"]

    @property
    def exact(self) -> Float[np.ndarray, "..."]:
        """The answer by LAPACK."""
        exact: Mapping[Problem, Callable[[], Any]] = {
            "solve": lambda: np.linalg.solve(self.A, self.b),
            "inverse": lambda: np.linalg.inv(self.A),
            "lyapunov": lambda: scipy.linalg.solve_continuous_lyapunov(self.A, self.Q),
            "determinant": lambda: np.linalg.det(self.A),
            "expm": lambda: scipy.linalg.expm(self.A),
        }
        return np.asarray(exact[self.problem]())

    def on(self, device: LinearDevice, rng: np.random.Generator, budget: Budget) -> Answer:
        """The device's answer."""
        run: Mapping[Problem, Callable[[], Answer]] = {
            "solve": lambda: solve(device, self.A, self.b, rng, budget),
            "inverse": lambda: inverse(device, self.A, rng, budget),
            "lyapunov": lambda: lyapunov(device, self.A, self.Q, rng, budget),
            "determinant": lambda: determinant(device, self.A, rng, budget),
            "expm": lambda: expm(device, self.A, rng, budget),
        }
        return run[self.problem]()


def get_problem(name: str) -> Problem:
    """A problem by its name.

    Raises:
        InputError: unknown name.
    """
    for problem in PROBLEMS:
        if problem == name:
            return problem
    raise InputError(f"--problem: expected one of {', '.join(PROBLEMS)}, got {name!r}")


def get_kind(name: str) -> Kind:
    """A kind of device by its name.

    Raises:
        InputError: unknown name.
    """
    for kind in KINDS:
        if kind == name:
            return kind
    raise InputError(f"--on: expected one of {', '.join(KINDS)}, got {name!r}")


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
        A, b = program.A, program.b
    else:
        A = read_matrix(matrix)
        if A.shape[0] != A.shape[1]:
            raise InputError(f"{matrix}: expected a square matrix, got {A.shape[0]} rows and {A.shape[1]} columns")
        chip, b = get_topology(topology, len(A)), _drive(problem, drive, matrix, len(A))
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


def get_device(kind: Kind, instance: Instance, level: Level, calibrated: Path | None) -> LinearDevice:
    """The device that a problem is put to.

    Raises:
        InputError: a calibrated model of another size or topology, or one where there is none.
    """
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
    return SpiceDevice(instance, level) if kind == "spice" else ModelDevice(DeviceModel.nominal(instance, level))


def of_device(
    device: Path, context: typer.Context, size: int | None, topology: str, matrix: Path | None
) -> tuple[int | None, str]:
    """Size and topology as they are written, or those of the calibrated chip.

    Raises:
        DeviceModelError, InputError: the file is not the model of one chip.
    """
    model = get_device_model(device)
    return (
        model.n if size is None and matrix is None else size,
        topology if "topology" in written(context) else model.instance.topology.name,
    )


def check(given: Given, topology: Topology) -> None:
    """Whether the chip can hold A at all, before anything is run; the others load matrices of their own.

    Raises:
        ProgramError: it cannot.
    """
    if given.problem in ("solve", "inverse", "determinant"):
        topology.check(Program(given.A, given.b))


def write(given: Given, answer: Answer, folder: Path) -> None:
    """`answer.csv`, `standard_error.csv` and `matrix.csv`."""
    for name, values in (("answer", answer.value), ("standard_error", answer.standard_error), ("matrix", given.A)):
        rows = np.atleast_2d(values.T).T if values.ndim < 2 else values
        write_text(folder / f"{name}.csv", "".join(",".join(map(repr, map(float, row))) + "\n" for row in rows))


def summary(given: Given, kind: Kind, answer: Answer) -> dict[str, Any]:
    """What `--json` prints."""
    exact = given.exact
    known = answer.standard_error > 0
    z = np.abs(answer.value - exact)[known] / answer.standard_error[known]
    found = {
        "problem": given.problem,
        "on": kind,
        "n": len(given.A),
        "value": answer.value.tolist(),
        "standard_error": answer.standard_error.tolist(),
        "exact": exact.tolist(),
        "relative_error": _relative(answer.value - exact, exact),
        "relative_standard_error": _relative(answer.standard_error, exact),
        "relative_noise_error": _relative(answer.noise_error, exact),
        "relative_device_error": _relative(answer.device_error, exact),
        "runs": answer.runs,
        "analog_time_s": answer.time,
        "energy_J": answer.energy,
        "versions": versions(),
    }
    return {**found, "largest_z": float(z.max())} if len(z) else found


def _relative(error: Float[np.ndarray, "..."], exact: Float[np.ndarray, "..."]) -> float:
    return float(np.linalg.norm(error) / np.linalg.norm(exact))


def table(given: Given, answer: Answer) -> Table:
    """The first entries with their error bars; only the solution of a system is a voltage."""
    unit = " (V)" if given.problem == "solve" else ""
    shown = Table("entry", *(f"{name}{unit}" for name in ("answer", "standard error", "exact")), box=None)
    for column in shown.columns:
        column.justify = "right"
    exact = given.exact
    for k, index in enumerate(np.ndindex(answer.value.shape)):
        if k == SHOWN:
            shown.add_row("...", "", "", "")
            break
        values = (answer.value[index], answer.standard_error[index], exact[index])
        shown.add_row(", ".join(map(str, index)) or "–", *(f"{value:.6g}" for value in values))
    return shown
