"""The process that performs runs, one after another; it may hang, grow or die without harm to anything else.

A line of JSON on standard input asks for runs, a line of JSON on standard output answers. Runs that are asked for
together are done together or not at all: whoever asks then tries each by itself. When the input ends, the process that
asks is gone, and this one goes too, with whatever it started.
"""

import errno
import gc
import json
import os
import queue
import sys
import threading
import time
from typing import Any, TextIO

import psutil

from ._store import ELSEWHERE

_PLACES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def main() -> None:
    """Answer on standard output until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    serve(sys.stdin, answers)


def serve(source: TextIO, answers: TextIO) -> None:
    """Answer until the input ends, and this process with it."""
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(source, requests), daemon=True).start()

    # Every run makes and drops thousands of small values; the collector need not look through all modules with them.
    gc.freeze()
    _write(answers, {"ready": True})
    while True:
        _write(answers, _answer(requests.get()))


def _read(source: TextIO, requests: "queue.SimpleQueue[Any]") -> None:
    for line in source:
        requests.put(json.loads(line))
    for process in psutil.Process().children(recursive=True):
        process.kill()
    os._exit(0)


def _write(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _answer(requests: list[dict[str, Any]]) -> dict[str, Any]:
    started = time.monotonic()
    worked = _worked()
    try:
        found = _perform(requests)
    except MemoryError:
        return _failed("not enough memory", started)
    except (KeyboardInterrupt, SystemExit) as error:
        return _failed(f"ended by {type(error).__name__}", started)
    except Exception as error:
        failed = _failed(_reason(error, requests[0], time.monotonic() - started), started)
        return {**failed, ELSEWHERE: True} if _is_the_machine_s(error) else failed
    spent = {
        "elapsed_s": (time.monotonic() - started) / len(requests),
        "processor_s": (_worked() - worked) / len(requests),
    }
    return {"done": [{**numbers, **spent} for numbers in found]}


def _worked() -> float:
    """Processor time of this process and of the simulators that it has waited for [s]."""
    return sum(os.times()[:4])


def _failed(reason: str, started: float) -> dict[str, Any]:
    return {"failed": reason, "elapsed_s": time.monotonic() - started}


def _perform(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first = requests[0]
    if first["task"]["kind"] == "circuit":
        from . import _chips_together, _circuit_run

        if len(requests) > 1:
            return _chips_together.perform_together([request["task"] for request in requests], first["timeout"])
        return [_circuit_run.perform(first["task"], first["timeout"])]
    if first["task"]["kind"] == "netlist":
        from . import _netlist_run as _netlist

        return [_netlist.perform(first["task"], first["timeout"])]
    from ._training_run import perform

    return [perform(first["task"], first["folder"])]


def _reason(error: Exception, request: dict[str, Any], elapsed: float) -> str:
    from ...files import explain
    from ...netlists import SimulationFailed

    if isinstance(error, SimulationFailed) and elapsed >= request["timeout"]:
        # The simulator's message has the time that was left for it, which is another one in every run.
        return f"stopped at the time limit of {request['timeout']:g} s"
    return explain(error)


def _is_the_machine_s(error: Exception) -> bool:
    """Whether it says nothing of the run: there is no simulator here, or no place to work in."""
    from ...netlists import NoPlaceToRun, SimulatorMissing

    return isinstance(error, NoPlaceToRun | SimulatorMissing) or (isinstance(error, OSError) and error.errno in _PLACES)


if __name__ == "__main__":
    main()
