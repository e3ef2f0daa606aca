"""Performs the runs that are left, a bounded number of them in flight."""

from collections.abc import Callable, Iterable

from ._executor import Executor
from ._store import Record
from ._worker import Request

Progressed = Callable[[int, int], None]
"""Called with the numbers of runs that are over and that failed."""

_AHEAD = 3
"""Runs handed out for each that goes on, so that no worker waits for this process."""


class Stopped(Exception):
    """So many runs failed that the study asks to stop."""


def perform(
    requests: Iterable[Request],
    workers: Executor,
    keep: Callable[[Record], None],
    progressed: Progressed,
    most_failures: int | None = None,
    failed: int = 0,
) -> None:
    """Perform requests; each outcome is kept as it comes.

    Args:
        requests: taken one by one, as there is room.
        workers: perform them.
        keep: called with every outcome.
        progressed: called after every outcome.
        most_failures: failures that end the campaign, with those that there were before.
        failed: failures before.

    Raises:
        Stopped: too many failures.
    """
    left, flying, done = iter(requests), 0, 0
    while True:
        while flying < _AHEAD * workers.slots() and (request := next(left, None)) is not None:
            workers.submit(request)
            flying += 1
        if flying == 0:
            return
        record = workers.next()
        flying, done = flying - 1, done + 1
        failed += record["status"] == "failed"
        keep(record)
        progressed(done, failed)
        if most_failures is not None and failed >= most_failures:
            raise Stopped(f"{failed} runs have failed, and the study stops after {most_failures}")
