"""Drives the processes that perform runs: one for each thread that asks, replaced when it hangs, grows or dies.

Runs on a Dask worker, or in a thread of the command itself.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from ...files import child_environment

_GRACE = 1.0
"""A simulator stops at the time limit by itself and says so; only what does not is stopped from outside [s]."""

_START = 120.0
_LOOK = 0.2
"""Between two looks at the memory of a run [s]; most runs are over before the first."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Request = dict[str, Any]
Outcome = dict[str, Any]


class _Ended(Exception):
    """The run's process is gone, or had to go; the message says why."""


class _Child:
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

    def run(self, requests: Sequence[Request]) -> Outcome:
        """The answer to requests: what they all gave (`done`), or that and why they did not (`failed`).

        Raises:
            _Ended: there is none.
        """
        timeout, memory = float(requests[0]["timeout"]), requests[0]["memory"]
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(requests).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise _Ended(self._death()) from None
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
                    raise _Ended(self._death())
                self._buffer += part
            elif time.monotonic() > deadline:
                raise _Ended(late)
            elif memory is not None and self._held() > memory:
                raise _Ended(f"stopped because it held more than the memory limit of {memory / 1e6:.0f} MB")
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


_lock = threading.Lock()
_idle: list[_Child] = []
_busy: list[_Child] = []
_stopped: set[str] = set()


def execute_all(batch: Sequence[Request]) -> list[Outcome]:
    """Perform runs, each with limits of its own: fewer messages between the machines.

    Operating points take less time than the start of a simulator, so they share one; when that fails, each of them is
    performed by itself, and the one that failed fails by itself.
    """
    if len(batch) > 1 and all(shares_simulator(request["task"]) for request in batch):
        answer = _asked(batch)
        if "done" in answer:
            return [_outcome(request, numbers) for request, numbers in zip(batch, answer["done"], strict=True)]
    return [execute(request) for request in batch]


def shares_simulator(task: Mapping[str, Any]) -> bool:
    """Is the run so short that it goes with others into one process of the simulator?"""
    return task["kind"] == "circuit" and list(task["analyses"]) == ["op"]


def execute(request: Request) -> Outcome:
    """Perform one run: `status` done or failed, `metrics`, `arrays`, `reason`, `elapsed_s` [s]; never raises."""
    answer = _asked([request])
    return _outcome(request, answer["done"][0] if "done" in answer else answer)


def _asked(requests: Sequence[Request]) -> Outcome:
    started = time.monotonic()
    child = None
    try:
        child = _take(str(requests[0]["campaign"]))
        answer = child.run(requests)
        _give_back(child)
        return answer
    except _Ended as ended:
        if child is not None:
            _drop(child)
        return {"failed": str(ended), "elapsed_s": time.monotonic() - started}


def _outcome(request: Request, answer: Outcome) -> Outcome:
    reason = answer.pop("failed", None)
    status = {"status": "done"} if reason is None else {"status": "failed", "reason": " ".join(str(reason).split())}
    return {**status, "metrics": {}, "arrays": {}, **answer, "key": request["key"]}


def _take(campaign: str) -> _Child:
    with _lock:
        if campaign in _stopped:
            raise _Ended("the campaign was stopped")
        child = _idle.pop() if _idle else None
        if child is not None:
            child.campaign = campaign
            _busy.append(child)
            return child
    child = _Child(campaign)
    with _lock:
        _busy.append(child)
    return child


def _give_back(child: _Child) -> None:
    with _lock:
        _busy.remove(child)
        _idle.append(child)


def _drop(child: _Child) -> None:
    with _lock:
        _busy.remove(child)
    child.kill()


def stop(campaign: str) -> None:
    """End the runs of a campaign on this worker; later ones do not start."""
    with _lock:
        _stopped.add(campaign)
        busy = [child for child in _busy if child.campaign == campaign]
        idle, _idle[:] = list(_idle), []
    for child in idle:
        child.kill()
    for child in busy:
        # The thread that waits for it finds it dead, and clears up.
        for process in child._tree():
            try:
                process.kill()
            except psutil.Error:
                continue


@atexit.register
def _stop_all() -> None:
    with _lock:
        children, _idle[:] = list(_idle), []
    for child in children:
        child.kill()
