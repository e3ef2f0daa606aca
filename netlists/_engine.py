"""One simulator process per run, in a private directory, with limits on time, memory and output.

A deck is code to a simulator, so nothing from the user's surroundings reaches it: no start-up file, no standard input,
a minimal environment, an absolute path to the program.
"""

import contextlib
import functools
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ._errors import SimulationFailed, SimulatorMissing

ENVIRONMENT_VARIABLE = "THERMOSPICE_NGSPICE"
_HINT = (
    "install it (Debian, Ubuntu: sudo apt-get install ngspice; macOS: brew install ngspice)"
    f" or set {ENVIRONMENT_VARIABLE} to its path"
)
_OLDEST = 39
"""Oldest major version that the project is tested with."""

_LOG_LIMIT = 1 << 20
_TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class Ngspice:
    """The simulator: absolute path, major version, and whether it has the KLU solver (42 and newer may)."""

    path: str
    version: int
    klu: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use: wall time [s], address space [byte], size of each file that it writes [byte]."""

    timeout: float = 300.0
    memory: int = 8 << 30
    output: int = 2 << 30


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Run:
    """What a finished process left: raw file, log, wall time [s]."""

    raw: bytes
    log: str
    elapsed: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended by itself: the files that were wanted (empty where missing), log, wall time [s]."""

    files: Mapping[str, bytes]
    log: str
    elapsed: float
    exit_code: int


@dataclass(slots=True)
class Cancellation:
    """Kills every run that was started with it; later ones do not start."""

    _processes: set["subprocess.Popen[bytes]"] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cancelled: bool = False

    def cancel(self) -> None:
        """Kill what runs."""
        with self._lock:
            self._cancelled = True
            for process in self._processes:
                _kill_group(process)

    def _add(self, process: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._processes.add(process)
            if self._cancelled:
                _kill_group(process)

    def _remove(self, process: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._processes.discard(process)


def find_ngspice(path: str | None = None) -> Ngspice:
    """The simulator at `path`, else at `$THERMOSPICE_NGSPICE`, else the one on PATH.

    Raises:
        SimulatorMissing: there is none, it does not say its version, or it is older than 39.
    """
    wanted = path or os.environ.get(ENVIRONMENT_VARIABLE) or "ngspice"
    found = shutil.which(wanted)
    if found is None:
        raise SimulatorMissing(f"{wanted} was not found or is not a program: {_HINT}")
    absolute = str(Path(found).absolute())
    return _identify(absolute, Path(absolute).stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _identify(path: str, _modified: int) -> Ngspice:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SimulatorMissing(f"{path} does not run ({type(error).__name__}): {_HINT}") from None
    match = re.search(rb"ngspice-(\d+)", answer.stdout)
    if match is None:
        raise SimulatorMissing(f"{path}: what it says of its version is not that of an ngspice: {_HINT}")
    version = int(match[1])
    if version < _OLDEST:
        raise SimulatorMissing(f"{path} is ngspice {version}, and {_OLDEST} or newer is needed: {_HINT}")
    return Ngspice(path, version, klu=b"Compiled with KLU" in answer.stdout)


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


def run_process(
    simulator: str,
    command: Sequence[str],
    texts: Mapping[str, str],
    wanted: Sequence[str],
    limits: Limits = DEFAULT_LIMITS,
    cancellation: Cancellation | None = None,
) -> Finished:
    """Run a simulator in an empty directory of its own.

    Args:
        simulator: its name, for messages.
        command: absolute path of the program, and its arguments.
        texts: files that it finds there.
        wanted: names of the files that it leaves there.
        limits: what it may use.
        cancellation: kills it from another thread.

    Raises:
        SimulationFailed: killed by a signal or by the time limit, or the disk is full.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="thermospice-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="ascii")
            code, log, elapsed = _run_in(folder, simulator, command, limits, cancellation or Cancellation())
            files = {file: _content(folder / file) for file in wanted}
            return Finished(files, log, elapsed, code)
    except OSError as error:
        where = error.filename or tempfile.gettempdir()
        raise SimulationFailed(f"cannot run {simulator}: {error.strerror or error}: {where}") from None


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _run_in(
    folder: Path, simulator: str, command: Sequence[str], limits: Limits, cancellation: Cancellation
) -> tuple[int, str, float]:
    started = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            _limited(command, limits),
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    expired = _wait(process, limits.timeout, cancellation)
    elapsed = time.perf_counter() - started
    text = _read_log(folder / "log")
    if expired:
        raise SimulationFailed(
            f"{simulator} was stopped at its time limit of {limits.timeout:g} s: shorten the run or raise the limit",
            tail(text),
        )
    if process.returncode < 0 or process.returncode > 128:
        number = -process.returncode if process.returncode < 0 else process.returncode - 128
        raise SimulationFailed(f"{simulator} was killed: {_reason(number)}", tail(text))
    return process.returncode, text, elapsed


def _limited(command: Sequence[str], limits: Limits) -> list[str]:
    # The shell sets the limits before it becomes the simulator. A `preexec_fn` would fork the whole Python process,
    # which is slow when it is large and not safe with threads. A file size counts 512-byte blocks; systems that lack
    # a limit (address space on macOS) go without it.
    kilobytes, blocks, seconds = limits.memory >> 10, limits.output >> 9, math.ceil(limits.timeout) + 10
    script = f'ulimit -c 0; ulimit -v {kilobytes} 2>/dev/null; ulimit -f {blocks}; ulimit -t {seconds}; exec "$0" "$@"'
    return ["/bin/sh", "-c", script, *command]


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LC_ALL": "C",
        # ngspice asks for two threads whatever OMP_NUM_THREADS says. They wait for each other by spinning: where all
        # cores are busy, as with runs side by side, a transistor deck takes ten times as long.
        "OMP_NUM_THREADS": "1",
        "OMP_THREAD_LIMIT": "1",
    }


def _wait(process: "subprocess.Popen[bytes]", timeout: float, cancellation: Cancellation) -> bool:
    """Wait; true when the time limit ended the process. Popen.wait(timeout) polls, which costs up to 50 ms."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _kill_group(process)

    timer = threading.Timer(timeout, expire)
    timer.daemon = True
    timer.start()
    cancellation._add(process)
    try:
        process.wait()
    finally:
        # Also on Ctrl-C: the process has a group of its own and does not get the signal.
        _kill_group(process)
        process.wait()
        cancellation._remove(process)
        timer.cancel()
    return expired.is_set() and process.returncode < 0


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode is None:
        # It may have ended by itself just now; macOS answers EPERM for a zombie.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _reason(number: int) -> str:
    reasons = {
        int(signal.SIGXFSZ): "its output grew beyond the limit",
        int(signal.SIGXCPU): "it used more processor time than allowed",
        int(signal.SIGSEGV): "it crashed (segmentation fault)",
        int(signal.SIGABRT): "it aborted, perhaps out of memory",
        int(signal.SIGKILL): "by the system or by someone else (SIGKILL), perhaps out of memory",
    }
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return reasons.get(number, f"by {name}")


def _read_log(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LOG_LIMIT).decode("utf-8", "replace")


def tail(log: str) -> str:
    """The last lines of a log that are not empty."""
    return "\n".join([line for line in log.splitlines() if line.strip()][-_TAIL_LINES:])
