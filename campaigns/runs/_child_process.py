"""One child, watched: a process of its own, started afresh or forked from this one."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil

from ...files.opening import child_environment

_GRACE = 1.0
"""A simulator stops at the time limit by itself and says so; only what does not is stopped from outside [s]."""

_START = 120.0
_POLL = 0.01
_LOOK = 0.2
"""Between two looks at the memory of a run, at least [s]; most runs are over before the first."""

_LOOKING = 0.02
"""Part of the time that the looks may take: each goes through all processes of the machine."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

ChildRequest = dict[str, Any]
Outcome = dict[str, Any]


class Ended(Exception):
    """The run's process is gone, or had to go; the message says why."""


class _Process(Protocol):
    """Of a `subprocess.Popen`, what a forked process has as well."""

    pid: int
    stdin: Any
    stdout: Any

    def wait(self, timeout: float | None = None) -> int: ...

    def kill(self) -> None: ...


def _started() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", f"{__package__}._child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the command, which decides
        env=child_environment(**dict.fromkeys(_THREADS, "1"), MPLBACKEND="Agg"),
    )


class _Forked:
    """A fork of this process that serves requests."""

    def __init__(self) -> None:
        asked, self._asks = os.pipe()
        self._answers, answer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become_child(asked, answer)
        os.close(asked)
        os.close(answer)
        self.stdin, self.stdout = os.fdopen(self._asks, "wb"), os.fdopen(self._answers, "rb")
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while self._code is None:
            try:
                found, status = os.waitpid(self.pid, 0 if until is None else os.WNOHANG)
            except ChildProcessError:  # where children are not waited for, or by somebody else
                found, status = self.pid, 0
            if found:
                self._code = os.waitstatus_to_exitcode(status)
            elif until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired("a forked process", timeout or 0.0)
            else:
                time.sleep(_POLL)
        return self._code

    def kill(self) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)


def _become_child(asked: int, answer: int) -> None:
    """Serve; this never returns, and nothing of what the parent has open stays open."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        silent = os.open(os.devnull, os.O_RDWR)
        # Duplicates above those that are wanted: none of them is written over before it is taken.
        above = [fcntl.fcntl(number, fcntl.F_DUPFD, 10) for number in (asked, silent, silent, answer)]
        for new, old in enumerate(above):
            os.dup2(old, new)
        # The other children's pipes among them: a child ends when its parent's end is closed, whoever else there is.
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")  # as in a process that starts afresh
        warnings.resetwarnings()
        from ._child import serve  # which is a program as well, and then not loaded twice

        with os.fdopen(0, encoding="utf-8") as source, os.fdopen(3, "w", encoding="utf-8") as answers:
            serve(source, answers)
    finally:
        os._exit(1)


def may_fork() -> bool:
    """Whether this process has one thread, so that a copy of it is whole: no lock is held by one that is not copied.

    Threads of libraries count. Where they cannot be counted, a process is started afresh.
    """
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


class Child:
    """A process that performs runs for a campaign; a fork of this one is there at once, see `may_fork`."""

    def __init__(self, campaign: str, forked: bool = False) -> None:
        self.campaign = campaign
        self._forked = forked
        self._process: _Process = _Forked() if forked else _started()
        self._buffer = b""
        self._read(time.monotonic() + _START, None, "did not start")

    def run(self, requests: Sequence[ChildRequest]) -> Outcome:
        """The answer to requests: what they all gave (`done`), or that and why they did not (`failed`).

        Raises:
            Ended: there is none.
        """
        timeout = float(requests[0]["timeout"])
        memory = requests[0]["memory"]
        try:
            self._process.stdin.write(json.dumps(requests).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise Ended(self._death()) from None
        late = f"stopped at the time limit of {timeout:g} s"
        return self._read(time.monotonic() + timeout + _GRACE, memory, late)

    def _read(self, deadline: float, memory: float | None, late: str) -> Outcome:
        descriptor = self._process.stdout.fileno()
        pause = _LOOK
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], max(min(pause, deadline - time.monotonic()), 0.0))
            if ready:
                part = os.read(descriptor, 1 << 16)
                if not part:
                    raise Ended(self._death())
                self._buffer += part
            elif time.monotonic() > deadline:
                raise Ended(late)
            elif memory is not None:
                looked = time.monotonic()
                if self._held() > memory:
                    raise Ended(f"stopped because it held more than the memory limit of {memory / 1e6:.0f} MB")
                pause = max(_LOOK, (time.monotonic() - looked) / _LOOKING)
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: Outcome = json.loads(line)
        return answer

    def _held(self) -> float:
        """Resident memory of the process and all that it started [byte], without what a fork shares with this one."""
        total = 0.0
        for process in self._tree():
            shares = self._forked and process.pid == self._process.pid
            try:
                total += process.memory_full_info().uss if shares else process.memory_info().rss
            except psutil.Error:
                continue
        return total

    def _tree(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.Error:
            return []

    def _death(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "its process closed its output"
        if code >= 0:
            return f"its process ended with exit code {code}"
        name = signal.Signals(-code).name
        hint = ", perhaps out of memory" if -code == signal.SIGKILL else ""
        return f"its process was killed by {name}{hint}"

    def kill(self) -> None:
        """End it and all that it started."""
        for process in self._tree():
            try:
                process.kill()
            except psutil.Error:
                continue
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()
