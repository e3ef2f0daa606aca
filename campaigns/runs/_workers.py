"""Drives the processes that perform runs: one for each thread that asks, replaced when it hangs, grows or dies.

Runs on a Dask worker, or in a thread of the command itself.
"""

import atexit
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import psutil

from ._child_process import Child, ChildRequest, Ended, Outcome, may_fork
from ._store import ELSEWHERE

_LONGEST_PAUSE = 60.0
"""Most time in which others take what a machine without a place or a simulator would fail at [s]."""

_lock = threading.Lock()
_idle: list[Child] = []
_busy: list[Child] = []
_stopped: set[str] = set()
_in_vain = 0


def execute_all(batch: Sequence[ChildRequest]) -> list[Outcome]:
    """Perform runs, each with limits of its own: fewer messages between the machines.

    Operating points take less time than the start of a simulator, so they share one; when that fails, each of them is
    performed by itself, and the one that failed fails by itself.
    """
    if len(batch) > 1 and all(shares_simulator(request["task"]) for request in batch):
        answer = _asked(batch)
        if "done" in answer:
            return [_outcome(request, numbers) for request, numbers in zip(batch, answer["done"], strict=True)]
    return [execute(request) for request in batch]


def execute_with_patience(batch: Sequence[ChildRequest]) -> list[Outcome]:
    """The same on one of several machines: one that can do nothing is not faster than those that can."""
    outcomes = execute_all(batch)
    global _in_vain
    _in_vain = _in_vain + 1 if any(ELSEWHERE in outcome for outcome in outcomes) else 0
    if _in_vain:
        time.sleep(min(2.0**_in_vain, _LONGEST_PAUSE))
    return outcomes


def shares_simulator(task: Mapping[str, Any]) -> bool:
    """Is the run so short that it goes with others into one process of the simulator?"""
    return task["kind"] == "circuit" and list(task["analyses"]) == ["op"] and _is_for_ngspice(task)


def _is_for_ngspice(task: Mapping[str, Any]) -> bool:
    """VACASK has a process for each chip."""
    engine = task.get("engine", "ngspice")
    if engine != "auto":
        return bool(engine == "ngspice")
    from ...netlists.vacask import ngspice_has_klu, takes_vacask  # PySpice, and few studies ask

    return not takes_vacask("op", task["size"], ngspice_has_klu())


def execute(request: ChildRequest) -> Outcome:
    """Perform one run: `status` done or failed, `metrics`, `arrays`, `reason`, `elapsed_s` [s]; never raises."""
    answer = _asked([request])
    return _outcome(request, answer["done"][0] if "done" in answer else answer)


def _asked(requests: Sequence[ChildRequest]) -> Outcome:
    started = time.monotonic()
    child = None
    try:
        child = _take(str(requests[0]["campaign"]))
        answer = child.run(requests)
        _give_back(child)
        return answer
    except Ended as ended:
        if child is not None:
            _drop(child)
        return {"failed": str(ended), "elapsed_s": time.monotonic() - started}


def _outcome(request: ChildRequest, answer: Outcome) -> Outcome:
    reason = answer.pop("failed", None)
    status = {"status": "done"} if reason is None else {"status": "failed", "reason": " ".join(str(reason).split())}
    return {**status, "metrics": {}, "arrays": {}, **answer, "key": request["key"]}


def _take(campaign: str) -> Child:
    with _lock:
        if campaign in _stopped:
            raise Ended("the campaign was stopped")
        child = _idle.pop() if _idle else None
        if child is not None:
            child.campaign = campaign
            _busy.append(child)
            return child
    child = Child(campaign)
    with _lock:
        _busy.append(child)
    return child


def prepare(campaign: str, count: int) -> None:
    """Have so many processes at hand, where they can be forked: they need not load what this one has loaded.

    To be called before there are threads; otherwise, and where the machine lets no more be forked, they start when they
    are asked for.
    """
    with suppress(Ended, OSError):
        while len(_idle) < count and may_fork():
            _idle.append(Child(campaign, forked=True))


def _give_back(child: Child) -> None:
    with _lock:
        _busy.remove(child)
        _idle.append(child)


def _drop(child: Child) -> None:
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
