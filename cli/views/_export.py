"""`thermospice export`: which program is loaded, the files, and what a person should know of them."""

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from rich.table import Table

from ...behavioral import DeviceModel
from ...behavioral.devices import Response
from ...behavioral.exports import numpy_chip
from ...circuits import Cascade, Program, ProgramError, Scaling
from ...files import plain_comment, read_bytes, write_bytes, write_text
from ...files.opening import JSON
from ...files.tables import read_matrix
from ...netlists.exports import (
    Exported,
    exported,
    loaded_with_pins,
    spice_bench,
    subcircuit,
    vacask_bench,
    verilog_a,
)
from ...netlists.simulators import own_version, versions
from ...reports.wording import counted
from .._exceptions import InputError
from ..inputs import ProgramOptions, get_scaling

Kind = Literal["verilog-a", "spice", "numpy"]
_KINDS: Mapping[str, Kind] = {"verilog-a": "verilog-a", "spice": "spice", "numpy": "numpy"}

_POINTS = 41
_IMPORTED = ("numpy", "scipy")
_MOST_ROWS = 16
"""Of a matrix that is written into a header."""


def get_kind(to: str) -> Kind:
    """What to write.

    Raises:
        InputError: something else.
    """
    if to not in _KINDS:
        raise InputError(f"--to: expected one of {', '.join(_KINDS)}, got {to!r}")
    return _KINDS[to]


@dataclass(frozen=True, slots=True)
class ProgramFiles:
    """Where the program comes from, as the command line has it."""

    matrix: Path | None
    drive: Path | None
    jacobian: Path | None
    hessian: Path | None
    damping: float | None
    seed: int

    @property
    def random(self) -> bool:
        return self.matrix is None and self.jacobian is None

    @property
    def driven(self) -> bool:
        return self.random or self.drive is not None


def get_program(model: DeviceModel, files: ProgramFiles) -> Program:
    """The program that is loaded into a chip; with a matrix alone, every drive is one volt.

    Raises:
        InputError: contradicting options, unreadable files, or another size than the chip's.
        ProgramError: the topology cannot realise the program.
    """
    topology = model.instance.topology
    others = (files.drive, files.jacobian, files.hessian, files.damping)
    if files.matrix is not None and all(other is None for other in others):
        A = read_matrix(files.matrix)
        if A.shape != (topology.n, topology.n):
            raise InputError(_other_size(files.matrix, model, f"{A.shape[0]} rows and {A.shape[1]} columns"))
        program = Program(A, np.ones(topology.n))
        topology.check(program)
        return program
    rank = topology.r if isinstance(topology, Cascade) and files.random else None
    options = ProgramOptions(
        topology.n if files.random and files.drive is None else None,
        files.matrix,
        files.drive,
        files.seed,
        rank,
        files.jacobian,
        files.hessian,
        files.damping,
    )
    found, program = options.load(topology.name)
    if found != topology:
        raise InputError(_other_size(files.matrix or files.jacobian or Path("program"), model, f"a {found}"))
    return program


def _other_size(path: Path, model: DeviceModel, got: str) -> str:
    return f"{path}: expected a matrix for the chip, {model.instance.topology}, got {got}"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A chip with a program, ready to be written."""

    name: str
    model: DeviceModel
    program: Program
    scaling: Scaling
    response: Response

    @classmethod
    def of(cls, model: DeviceModel, program: Program, drive_scale: str, name: str | None) -> "Loaded":
        """The chip with its scaling.

        Raises:
            InputError: a drive scale that is none.
            ProgramError: the chip is unstable with this program.
        """
        scaling = get_scaling(model.instance, program, model.level, drive_scale)
        response = model.response(program, scaling, allow_clipping=True)
        fastest = float(response.poles.real.max(initial=-np.inf))
        if fastest >= 0:
            raise ProgramError(
                f"matrix: expected one with which this chip settles, got one with a pole at {fastest:.3g} 1/s:"
                " its outputs run away, and nothing is written"
            )
        default = re.sub("[^a-z0-9]+", "_", f"{model.instance.topology.name}{model.n}")
        return cls(default if name is None else name, model, program, scaling, response)

    @property
    def drive(self) -> Float[np.ndarray, " n"]:
        """Drive at the pins [V]."""
        return self.scaling.drive * self.program.b

    @property
    def frequencies(self) -> Float[np.ndarray, " f"]:
        """Frequencies from a tenth of the slowest to ten times the fastest pole of the cells [Hz]."""
        rates = np.abs(self.response.poles)
        low = 0.1 * rates.min() / (2 * np.pi)
        high = 10 * rates.max() / (2 * np.pi)
        return np.geomspace(low, max(high, 10 * low), _POINTS)

    def exported(self, lines: tuple[str, ...]) -> Exported:
        model = self.model
        network = loaded_with_pins(model.instance, self.program, model.level, self.scaling)
        return exported(network, model.n, self.name, model.noise_scale.value, lines)


def comments(chip: Loaded, device: Path) -> tuple[str, ...]:
    """Where the chip comes from, as plain lines."""
    model = chip.model
    provenance = chip.model.provenance
    digest = hashlib.sha256(read_bytes(device, JSON)).hexdigest()
    A = chip.program.A
    rows = [f"A row {i}: {', '.join(f'{a:.17g}' for a in row)}" for i, row in enumerate(A.tolist())]
    lines = [
        f"{chip.name}: {model.instance.topology.name} of {counted(model.n, 'cell')}, design {model.design.name},"
        f" level {model.level}, written by thermospice {own_version()}",
        f"device.json: sha256 {digest}",
        f"model from {provenance.source}: {len(provenance.measurements)} measurements by"
        f" {', '.join(provenance.simulators) or 'nobody'}, chip {provenance.instance_digest[:16]}",
        f"verdict of the calibration: {model.verdict.status};"
        f" noise is {model.noise_scale.value:.6g} times that of the design",
        *(rows if len(rows) <= _MOST_ROWS else [f"A of {len(rows)} rows, in matrix.csv beside this file"]),
        f"conductance scale {chip.scaling.conductance:.17g}",
        "left out: converters, drift and age, the readout of the bench that measured it"
        + ("; transistors are their macro-models" if model.level == "transistor" else ""),
    ]
    return tuple(map(plain_comment, lines))


def write(kind: Kind, chip: Loaded, lines: tuple[str, ...], folder: Path) -> dict[str, str]:
    """The files, by what they are."""
    texts, binary = _texts(kind, chip, lines)
    for name, text in texts.items():
        write_text(folder / name, text)
    for name, content in binary.items():
        write_bytes(folder / name, content)
    write_text(folder / "matrix.csv", _csv(chip.program.A))
    write_text(folder / "drive.csv", _csv(chip.drive[:, None]))
    names = [*texts, *binary]
    return {_what(name, chip.name): name for name in names} | {"matrix": "matrix.csv", "drive": "drive.csv"}


def check_module_name(name: str) -> None:
    """Raise `InputError` for a name that would hide a module of Python's."""
    if name in sys.stdlib_module_names or name in _IMPORTED or iskeyword(name):
        raise InputError(
            f"--name: expected one that is no Python module or word, got {name!r}; others could not import"
        )


def _texts(kind: Kind, chip: Loaded, lines: tuple[str, ...]) -> tuple[dict[str, str], dict[str, bytes]]:
    name = chip.name
    if kind == "numpy":
        check_module_name(name)
    # It says what is wrong with a name, whatever is written.
    made = chip.exported(lines)
    if kind == "numpy":
        found = numpy_chip(chip.model, chip.program, chip.scaling, chip.drive, lines)
        return {f"{name}.py": found.script}, {f"{name}.npz": found.arrays}
    f = chip.frequencies
    if kind == "spice":
        bench = spice_bench(made, f"{name}.cir", chip.drive, (float(f[0]), float(f[-1])))
        return {f"{name}.cir": subcircuit(made), "testbench.cir": bench}, {}
    return {f"{name}.va": verilog_a(made), "testbench.sim": vacask_bench(made, f"{name}.va", chip.drive, f)}, {}


def _what(file: str, name: str) -> str:
    kinds = {".cir": "subcircuit", ".va": "module", ".py": "script", ".npz": "arrays"}
    return kinds[Path(file).suffix] if file.startswith(f"{name}.") else "testbench"


def _csv(values: Float[np.ndarray, "rows columns"]) -> str:
    return "".join(",".join(repr(float(value)) for value in row) + "\n" for row in values)


def summary(kind: Kind, chip: Loaded, written: Mapping[str, str]) -> dict[str, Any]:
    """What was written, its pins, and what others should find with it at the drive of the bench."""
    model = chip.model
    response = chip.response
    clipped = list(response.clipped)
    found: dict[str, Any] = {
        "to": kind,
        "name": chip.name,
        "files": dict(written),
        "design": model.design.name,
        "topology": model.instance.topology.name,
        "level": model.level,
        "n": model.n,
        "outputs": [f"out{k}" for k in range(model.n)],
        "inputs": [f"b{k}" for k in range(model.n)],
        "drive": chip.drive.tolist(),
        "drive_scale": chip.scaling.drive,
        "conductance_scale": chip.scaling.conductance,
        "temperature": model.design.temperature,
        "noise_scale": model.noise_scale.value,
        "verdict": model.verdict.status,
        "covariance": response.stationary_covariance().tolist(),
        "clipped": clipped,
        "versions": versions(),
    }
    # Beyond its rails the chip is not where its linear equations say.
    return found if clipped else {**found, "settled": response.settled.tolist()}


def table(chip: Loaded, written: Mapping[str, str]) -> Table:
    """Files, and the outputs at the drive of the bench."""
    shown = Table("file", "what", box=None)
    for what, file in written.items():
        shown.add_row(file, what)
    return shown


def told(chip: Loaded, files: ProgramFiles) -> list[str]:
    """What a person should know before it is used."""
    lines = []
    if files.random:
        lines.append(f"no matrix was given: the random program of seed {files.seed} is loaded (matrix.csv)")
    elif not files.driven:
        lines.append("no drive was given: the bench has one volt at every input, by the drive scale")
    if chip.response.clipped:
        names = ", ".join(chip.response.clipped)
        lines.append(f"warning: at the drive of the bench amplifier {names} is beyond its rails")
    if chip.model.verdict.contradicted:
        lines.append("warning: the measurements contradict this model; calibrate's verdict says in what")
    return lines
