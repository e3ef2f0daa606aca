"""Where runs are performed: on a Dask cluster, or by threads of the command itself, with a process each."""

import math
import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ...files.opening import available_cores
from .._exceptions import StudyError
from . import _workers as _worker
from ._child_process import ChildRequest, Outcome
from ._dask import SILENCE, dask_executor, has_dask
from ._dispatch import Executor


def check(scheduler: str | None, workers: int | None, scheduler_timeout: float = SILENCE) -> None:
    """Raise `StudyError` when the options contradict each other, or need what is not installed."""
    if scheduler is not None and workers is not None:
        raise StudyError("workers: the cluster of the scheduler has its own; give one of the two")
    if not 0.0 < scheduler_timeout < math.inf:
        raise StudyError(f"scheduler_timeout: expected a time above 0 s, got {scheduler_timeout:g} s")
    if scheduler is not None and not has_dask():
        raise StudyError(
            "scheduler: the Python package 'distributed' is missing; install it with: "
            "pip install 'thermospice[cluster]'"
        )


@contextmanager
def executor(
    scheduler: str | None, workers: int | None, campaign: str, silence: float = SILENCE, runs: int | None = None
) -> Iterator[Executor]:
    """The cluster at an address, or processes of this machine.

    Runs that are not over when the context ends are stopped. A scheduler that says nothing for `silence` [s] is given
    up. No more processes than `runs`, where that is given, are there from the start.

    Raises:
        StudyError: no scheduler answers, or its workers cannot do the work.
    """
    if scheduler is not None:
        with dask_executor(scheduler, campaign, silence) as found:
            yield found
    else:
        count = workers or available_cores()
        with _threads(count, campaign, count if runs is None else min(count, runs)) as found:
            yield found


class _Threads:
    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self._pool = pool
        self._count = count
        self._outcomes: queue.SimpleQueue[list[Outcome]] = queue.SimpleQueue()

    @property
    def patience(self) -> int:
        return 1

    def slots(self) -> int:
        return self._count

    def submit(self, batch: Sequence[ChildRequest]) -> None:
        self._pool.submit(lambda: self._outcomes.put(_worker.execute_all(batch)))

    def next(self) -> list[Outcome]:
        return self._outcomes.get()


@contextmanager
def _threads(count: int, campaign: str, at_hand: int) -> Iterator[Executor]:
    with ThreadPoolExecutor(count) as pool:
        try:
            _worker.prepare(campaign, at_hand)
            yield _Threads(pool, count)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            _worker.stop(campaign)
