"""One simulator process per run, in a private directory, with limits on time, memory and output.

A deck is code to a simulator, so nothing from the user's surroundings reaches it: no start-up file, no standard input,
a minimal environment, an absolute path to the program. It ends with this process, however that ends.
"""

import contextlib
import errno
import math
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .._exceptions import NoPlaceToRun, SimulationFailed
from ._private_folder import is_full, private_folder
from ._reaper import Reaper

_LOG_LIMIT = 1 << 20
_LONGEST_LOG = 64 << 20
"""Bytes of a log that are kept, and after which a process is not taken to come to an end any more."""

_LAST_WORDS = 5.0
"""Time to read what is left of the log when all that could print has been killed [s]."""

_TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use: wall time [s], address space [byte], size of each file that it writes [byte].

    `processor`: time of the processor [s], a little more than the wall time unless given. A machine that is busy with
    something else does not take it up.
    """

    timeout: float = 300.0
    memory: int = 8 << 30
    output: int = 2 << 30
    processor: float | None = None


DEFAULT_LIMITS = Limits()


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
        SimulationFailed: killed by a signal or by the time limit.
        NoPlaceToRun: the disk is full, or there is no folder for temporary files.
    """
    try:
        with private_folder() as (folder, keeper):
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="ascii")
            try:
                code, log, elapsed = _run_in(folder, keeper, simulator, command, limits, cancellation or Cancellation())
            finally:
                # Whatever the simulator makes of it, this is the reason.
                if is_full(folder):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.parent))
            files = {file: _content(folder / file, limits) for file in wanted}
            return Finished(files, log, elapsed, code)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        hint = "; free some space, or set TMPDIR to another folder" if error.errno == errno.ENOSPC else ""
        raise NoPlaceToRun(f"cannot run {simulator}: {error.strerror or error}{where}{hint}") from None


def _content(path: Path, limits: Limits) -> bytes:
    """What the simulator wrote; whatever else it has put in that place is not opened to wait for it."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise SimulationFailed(f"the simulator's {path.name} is not a plain file")
    except FileNotFoundError:
        return b""
    # Whatever was started has been killed: the file is still what it was.
    with path.open("rb") as file:
        content = file.read(limits.output + 1)
    if len(content) > limits.output:
        raise SimulationFailed(f"the simulator's {path.name} is larger than the limit of {limits.output:,} bytes")
    return content


def _run_in(
    folder: Path,
    keeper: Reaper,
    simulator: str,
    command: Sequence[str],
    limits: Limits,
    cancellation: Cancellation,
) -> tuple[int, str, float]:
    started = time.perf_counter()
    process = subprocess.Popen(
        _limited(command, limits),
        cwd=folder,
        env=_environment(folder),
        stdin=keeper.pipe,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with _Log(process) as log:
        expired = _wait(process, limits.timeout, cancellation)
    keeper.forget(process.pid)
    elapsed = time.perf_counter() - started
    if expired:
        raise SimulationFailed(
            f"{simulator} was stopped at its time limit of {limits.timeout:g} s: shorten the run or raise the limit",
            tail(log.text),
        )
    if log.overflown:
        raise SimulationFailed(f"{simulator} was stopped: its log grew beyond {_LONGEST_LOG >> 20} MiB", tail(log.text))
    if process.returncode < 0 or process.returncode > 128:
        number = -process.returncode if process.returncode < 0 else process.returncode - 128
        raise SimulationFailed(f"{simulator} was killed: {_reason(number)}", tail(log.text))
    return process.returncode, log.text, elapsed


class _Log:
    """What a process prints: its beginning is kept, and one that never ends ends the process."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None
        self._process, self._source = process, process.stdout
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.overflown = False

    def __enter__(self) -> "_Log":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # All that could print has been killed; a process that has left the group is not waited for.
        self._thread.join(_LAST_WORDS)
        if not self._thread.is_alive():
            self._source.close()

    def _read(self) -> None:
        total = 0
        while part := os.read(self._source.fileno(), 1 << 16):
            total += len(part)
            self._kept += part[: _LOG_LIMIT - len(self._kept)]
            if total > _LONGEST_LOG and not self.overflown:
                self.overflown = True
                _kill_group(self._process)

    @property
    def text(self) -> str:
        return bytes(self._kept).decode("utf-8", "replace")


def _limited(command: Sequence[str], limits: Limits) -> list[str]:
    # The shell sets the limits before it becomes the simulator. A `preexec_fn` would fork the whole Python process,
    # which is slow when it is large and not safe with threads. A file size counts 512-byte blocks; systems that lack
    # a limit (address space on macOS) go without it.
    kilobytes, blocks = limits.memory >> 10, limits.output >> 9
    seconds = math.ceil(limits.timeout + 10 if limits.processor is None else limits.processor)
    # Standard input is the pipe in which the process announces its group to whoever ends it when we are gone.
    script = (
        f"ulimit -c 0; ulimit -v {kilobytes} 2>/dev/null; ulimit -f {blocks}; ulimit -t {seconds};"
        ' echo "+ $$" >&0; exec "$0" "$@" </dev/null'
    )
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
        _wait_unreaped(process)
    finally:
        # Also on Ctrl-C: the process has a group of its own and does not get the signal. Also after a good end: what
        # it has started shall not outlive it.
        _kill_group(process)
        process.wait()
        cancellation._remove(process)
        timer.cancel()
    return expired.is_set() and process.returncode < 0


def _wait_unreaped(process: "subprocess.Popen[bytes]") -> None:
    """Wait, and leave the process's number to its group, so that no other can get it before the group is ended."""
    if hasattr(os, "waitid"):  # not in every Python for macOS
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


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


def tail(log: str) -> str:
    """The last lines of a log that are not empty."""
    return "\n".join([line for line in log.splitlines() if line.strip()][-_TAIL_LINES:])
