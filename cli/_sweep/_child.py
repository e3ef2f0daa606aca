"""The process that performs runs, one after another; it may hang, grow or die without harm to anything else.

A line of JSON on standard input asks for a run, a line of JSON on standard output answers. When the input ends, the
process that asks is gone, and this one goes too, with whatever it started.
"""

import json
import os
import queue
import sys
import threading
import time
from typing import Any, TextIO

import psutil


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin, requests), daemon=True).start()
    from . import _circuit  # noqa: F401  # the first run's time shall not be that of the imports

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


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    try:
        found = _perform(request)
    except MemoryError:
        found = {"failed": "not enough memory"}
    except (KeyboardInterrupt, SystemExit) as error:
        found = {"failed": f"ended by {type(error).__name__}"}
    except Exception as error:
        found = {"failed": _reason(error, request, time.monotonic() - started)}
    return {**found, "elapsed_s": time.monotonic() - started}


def _perform(request: dict[str, Any]) -> dict[str, Any]:
    task = request["task"]
    if task["kind"] == "circuit":
        from . import _circuit

        return _circuit.perform(task, request["timeout"])
    from . import _training

    return _training.perform(task, request["folder"])


def _reason(error: Exception, request: dict[str, Any], elapsed: float) -> str:
    from ...netlists import SimulationFailed
    from .._errors import explain

    if isinstance(error, SimulationFailed) and elapsed >= request["timeout"]:
        # The simulator's message has the time that was left for it, which is another one in every run.
        return f"stopped at the time limit of {request['timeout']:g} s"
    return explain(error)


if __name__ == "__main__":
    main()
