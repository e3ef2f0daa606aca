"""Finding ngspice, and running a deck in it."""

import functools
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .._exceptions import NoPlaceToRun, SimulationFailed, SimulatorMissing
from ._process import DEFAULT_LIMITS, Cancellation, Limits, run_process

ENVIRONMENT_VARIABLE = "THERMOSPICE_NGSPICE"
_HINT = (
    "install it (Debian, Ubuntu: sudo apt-get install ngspice; macOS: brew install ngspice)"
    f" or set {ENVIRONMENT_VARIABLE} to its path"
)
_OLDEST = 39
"""Oldest major version that the project is tested with."""


@dataclass(frozen=True, slots=True)
class Ngspice:
    """The simulator: absolute path, major version, and whether it has the KLU solver (42 and newer may)."""

    path: str
    version: int
    klu: bool = False


_BANNER_LIMITS = Limits(timeout=20.0, output=1 << 20)


@dataclass(frozen=True, slots=True)
class Run:
    """What a finished process left: raw file, log, wall time [s]."""

    raw: bytes
    log: str
    elapsed: float


def find_ngspice(path: str | None = None) -> Ngspice:
    """The simulator at `path`, else at `$THERMOSPICE_NGSPICE`, else the one on PATH; what it computes is not tried.

    Raises:
        SimulatorMissing: there is none, it does not say its version, or it is older than 39.
        SimulationFailed: there is no folder for temporary files.
    """
    wanted = path or os.environ.get(ENVIRONMENT_VARIABLE) or "ngspice"
    found = shutil.which(wanted)
    if found is None:
        raise SimulatorMissing(f"{wanted} was not found or is not a program: {_HINT}")
    try:
        absolute = str(Path(found).absolute())
    except FileNotFoundError:
        raise SimulatorMissing(f"{wanted}: the working folder is gone; change to another one") from None
    return _identify(absolute, Path(absolute).stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _identify(path: str, _modified: int) -> Ngspice:
    try:
        banner = run_process("ngspice", (path, "--version"), {}, (), _BANNER_LIMITS).log
    except NoPlaceToRun:
        raise
    except SimulationFailed as error:
        raise SimulatorMissing(f"{path} does not tell its version: {error}: {_HINT}") from None
    match = re.search(r"ngspice-(\d{1,6})", banner)
    if match is None:
        raise SimulatorMissing(f"{path}: what it says of its version is not that of an ngspice: {_HINT}")
    version = int(match[1])
    if version < _OLDEST:
        raise SimulatorMissing(f"{path} is ngspice {version}, and {_OLDEST} or newer is needed: {_HINT}")
    return Ngspice(path, version, klu="Compiled with KLU" in banner)


def run_deck(
    deck: str, ngspice: Ngspice, limits: Limits = DEFAULT_LIMITS, cancellation: Cancellation | None = None
) -> Run:
    """Run a deck in batch mode and read what it wrote. The exit code is no verdict and is not looked at.

    Raises:
        SimulationFailed: killed by a signal or by the time limit, or the disk is full.
    """
    # -n: no start-up file.
    command = (ngspice.path, "-n", "-b", "-r", "out.raw", "circuit.cir")
    found = run_process("ngspice", command, {"circuit.cir": deck}, ("out.raw",), limits, cancellation)
    return Run(found.files["out.raw"], found.log, found.elapsed)
