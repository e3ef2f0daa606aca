"""Performs the runs that are left, a bounded number of them in flight."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from .._exceptions import StudyError
from ._child_process import ChildRequest, Outcome
from ._store import ELSEWHERE, Record
from ._workers import shares_simulator

Progressed = Callable[[int, int], None]
"""Called with the numbers of runs that are over and that failed."""

_AHEAD = 3
"""Batches handed out for each that goes on, so that no worker waits for this process."""

_BATCH = 2.0
_LARGEST_BATCH = 50
"""Work of a batch [s of the processor], and its most runs: what a kill can lose."""

_FIRST = 16
"""Runs of a worker's first batch where they share a simulator, so that its start is not taken for their pace."""


@runtime_checkable
class Executor(Protocol):
    """Takes batches of requests, gives their outcomes in the order in which they come."""

    @property
    def patience(self) -> int:
        """Batches in a row that came back undone, until it is believed that no machine can do any."""

    def slots(self) -> int:
        """Runs that go on at a time."""

    def submit(self, batch: Sequence[ChildRequest]) -> None:
        """Perform requests, one after another."""

    def next(self) -> list[Outcome]:
        """Wait for the next batch to be over."""


class Stopped(Exception):
    """So many runs failed that the study asks to stop."""


def perform(
    requests: Iterable[ChildRequest],
    workers: Executor,
    keep: Callable[[Record], None],
    progressed: Progressed,
    most_failures: int | None = None,
    failed: int = 0,
) -> None:
    """Perform requests; each outcome is kept as it comes.

    Args:
        requests: handed out as there is room.
        workers: perform them.
        keep: called with every outcome.
        progressed: called after every outcome.
        most_failures: failures that end the campaign, with those that there were before.
        failed: failures before.

    Raises:
        Stopped: too many failures.
        StudyError: no machine can do any run, for reasons of the machines.
    """
    left = deque(requests)
    misplaced = _Misplaced(left, workers.patience)
    flying = 0
    done = 0
    pace = _Pace(_FIRST if left and shares_simulator(left[0]["task"]) else 1)
    while True:
        slots = workers.slots()
        while left and flying < pace.ahead * slots:
            batch = [left.popleft() for _ in range(pace.share(len(left), slots))]
            misplaced.remember(batch)
            workers.submit(batch)
            flying += 1
        if flying == 0:
            return
        flying -= 1
        records = workers.next()
        for record in misplaced.without(records):
            done += 1
            failed += record["status"] == "failed"
            # On a machine that is busy with other things a run takes long, and is as little work to do again.
            pace.learn(float(record.pop("processor_s", record.get("elapsed_s", 0.0))))
            keep(record)
            progressed(done, failed)
            if most_failures is not None and failed >= most_failures:
                raise Stopped(f"{failed} runs have failed, and the study stops after {most_failures}")
        misplaced.try_again(records)


@dataclass(eq=False)
class _Misplaced:
    """Runs that came to a machine which can do none: without a simulator, say, or with a full disk."""

    left: deque[ChildRequest]
    """Where they go back to."""
    most: int
    """So many in a row, and no machine can do any."""
    _asked: dict[str, ChildRequest] = field(default_factory=dict)
    """In flight."""
    _row: int = 0
    _before: set[str] = field(default_factory=set)
    """Those that were in flight when the row began: who has one of them may be at work on it still."""

    def remember(self, batch: Iterable[ChildRequest]) -> None:
        """Requests that are handed out."""
        self._asked |= {request["key"]: request for request in batch}

    def without(self, records: Iterable[Record]) -> list[Record]:
        """Those that say something of their runs."""
        return [record for record in records if ELSEWHERE not in record]

    def try_again(self, records: Sequence[Record]) -> None:
        """Ask for the others once more.

        Raises:
            StudyError: none but such have come for long.
        """
        requests = {record["key"]: self._asked.pop(record["key"]) for record in records}
        lost = [record for record in records if ELSEWHERE in record]
        if len(lost) < len(records):
            self._row = 0
        if not lost:
            return
        self._before = set(self._asked) if self._row == 0 else self._before & self._asked.keys()
        self._row += 1
        if self._row >= self.most and (self.most == 1 or not self._before):
            raise StudyError(str(lost[0]["reason"]))
        self.left.extend(requests[record["key"]] for record in lost)


@dataclass(slots=True)
class _Pace:
    """How many runs go together: as many as a worker performs while a message would hardly be noticed."""

    first: int
    _batches: int = 0
    _runs: int = 0
    _seconds: float = 0.0

    def learn(self, seconds: float) -> None:
        self._runs, self._seconds = self._runs + 1, self._seconds + seconds

    @property
    def ahead(self) -> int:
        # The first runs only tell how long they take: so few cost more, each, than among others.
        return _AHEAD if self._runs else 1

    def share(self, left: int, slots: int) -> int:
        """Runs of the next batch."""
        self._batches += 1
        if not self._runs:
            return min(self.first, math.ceil(left / (slots - (self._batches - 1) % slots)))
        mean = self._seconds / self._runs
        most = max(1, min(_LARGEST_BATCH, int(_BATCH / mean) if mean > 0 else _LARGEST_BATCH))
        # Equal shares, as many for each slot, so that the workers end together. Smaller ones towards the end cost more
        # than they save, since each batch of operating points starts a simulator.
        batches = math.ceil(left / most)
        batches += -(self._batches - 1 + batches) % slots
        return math.ceil(left / batches)
