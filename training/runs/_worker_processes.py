"""Runs in spawned processes."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from queue import Empty
from typing import Any

from ...files import warnings_in_one_line
from ...files.opening import current_folder_left_out
from .._exceptions import ExperimentError
from ..tasks import Task
from ._interrupts import GRACE, STOPPING, interrupt_sets, signals_wait
from ._job import SeedJob, train_seed
from ._one_run import Interrupted
from ._progress import Progress


def run_in_processes(jobs: Sequence[SeedJob], task: Task | None, count: int, progress: Progress) -> None:
    context = get_context("spawn")
    others = set(active_children())
    # The event and the queue, too, start a process, which cleans up after them.
    with current_folder_left_out():
        stop = context.Event()
        messages = context.Queue()
    with (
        interrupt_sets(stop),
        ProcessPoolExecutor(count, context, _start_worker, (stop, messages, task)) as pool,
    ):
        # Spawned processes inherit that signals wait, from before they could ignore them themselves.
        with signals_wait(), current_folder_left_out():
            futures = [pool.submit(_train_in_worker, job) for job in jobs]
        try:
            _follow(futures, messages, progress, stop)
        except BaseException as error:
            interrupted = stop.is_set()
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            _end(set(active_children()) - others)
            if isinstance(error, BrokenProcessPool) and interrupted:
                raise KeyboardInterrupt from None
            if isinstance(error, BrokenProcessPool):
                raise ExperimentError(
                    f"training: one of {count} processes was killed, most likely for want of memory; lower workers or "
                    "batch_size; what was done is kept"
                ) from None
            raise
    if stop.is_set():
        raise KeyboardInterrupt


def _end(processes: set[BaseProcess]) -> None:
    # those that have come to the end of their step have written its checkpoint
    deadline = time.monotonic() + GRACE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    for process in processes:
        process.kill()


def _follow(futures: list[Future[None]], messages: Any, progress: Progress, stop: Any) -> None:
    pending = set(futures)
    while pending:
        if stop.is_set():
            raise KeyboardInterrupt
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
        while True:
            try:
                progress(*messages.get_nowait())
            except Empty:
                break
        for future in done:
            try:
                future.result()
            except Interrupted:
                raise KeyboardInterrupt from None


_worker: dict[str, Any] = {}


def _start_worker(stop: Event, messages: Any, task: Task | None) -> None:
    for number in STOPPING:  # sent to all of a session; the parent decides, by `stop`
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    warnings_in_one_line()
    _worker.update(stop=stop, messages=messages, task=task)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed parent cannot tell its workers; they must not go on writing to a folder that is being resumed.
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _train_in_worker(job: SeedJob) -> None:
    train_seed(job, _worker["task"], _worker["stop"].is_set, lambda *message: _worker["messages"].put(message))
