"""One child, watched."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import psutil

from ...files.opening import child_environment

_GRACE = 1.0
"""A simulator stops at the time limit by itself and says so; only what does not is stopped from outside [s]."""

_START = 120.0
_LOOK = 0.2
"""Between two looks at the memory of a run [s]; most runs are over before the first."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

ELSEWHERE = "elsewhere"
"""Of an outcome: the fault is the machine's, and the run may well be done on another one."""

ChildRequest = dict[str, Any]
Outcome = dict[str, Any]


class Ended(Exception):
    """The run's process is gone, or had to go; the message says why."""


class Child:
    def __init__(self, campaign: str) -> None:
        self.campaign = campaign
        environment = child_environment(**dict.fromkeys(_THREADS, "1"), MPLBACKEND="Agg")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}._child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the command, which decides
            env=environment,
        )
        self._buffer = b""
        self._read(time.monotonic() + _START, None, "did not start")

    def run(self, requests: Sequence[ChildRequest]) -> Outcome:
        """The answer to requests: what they all gave (`done`), or that and why they did not (`failed`).

        Raises:
            Ended: there is none.
        """
        timeout = float(requests[0]["timeout"])
        memory = requests[0]["memory"]
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(requests).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise Ended(self._death()) from None
        late = f"stopped at the time limit of {timeout:g} s"
        return self._read(time.monotonic() + timeout + _GRACE, memory, late)

    def _read(self, deadline: float, memory: float | None, late: str) -> Outcome:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], _LOOK)
            if ready:
                part = os.read(descriptor, 1 << 16)
                if not part:
                    raise Ended(self._death())
                self._buffer += part
            elif time.monotonic() > deadline:
                raise Ended(late)
            elif memory is not None and self._held() > memory:
                raise Ended(f"stopped because it held more than the memory limit of {memory / 1e6:.0f} MB")
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: Outcome = json.loads(line)
        return answer

    def _held(self) -> float:
        """Resident memory of the process and of all that it started [byte]."""
        total = 0.0
        for process in self._tree():
            try:
                total += process.memory_info().rss
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
            if pipe is not None:
                pipe.close()
