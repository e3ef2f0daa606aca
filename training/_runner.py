"""Many experiments, many seeds, on the cores of this machine; interrupted at any time, resumed where they were."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import active_children, connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any

from ..files import current_folder_left_out
from ._anchored import anchored, anchored_paths
from ._defaults import with_defaults
from ._experiment import Experiment, ExperimentError, experiment, read_mapping
from ._metrics import Entry, RowsError, read_rows, write_atomically, write_rows
from ._progress import Progress, show_progress
from ._ranks import Ranks
from ._run import CURVES, Interrupted, follow, run_name, train
from ._tasks import Task, load_task

GRACE = 1.0
"""Seconds for which an interrupted step may go on."""

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that ask a process to end."""

RUNS, EXPERIMENT, ENTRY = "runs.jsonl", "experiment.yaml", "entry.jsonl"


@dataclass(frozen=True)
class _Job:
    experiment: Experiment
    seed: int
    folder: Path
    resume: bool

    @property
    def name(self) -> str:
        return run_name(self.experiment, self.seed)

    @property
    def entry(self) -> Path:
        return self.folder / ENTRY


def run_experiment(
    experiment: Experiment,
    out: Path,
    *,
    task: Task | None = None,
    resume: bool = False,
    workers: int | None = None,
    quiet: bool = False,
) -> list[Entry]:
    """One experiment over its seeds; see `run_experiments`."""
    return run_experiments([experiment], out, task=task, resume=resume, workers=workers, quiet=quiet)


def run_experiments(
    experiments: Sequence[Experiment],
    out: Path,
    *,
    task: Task | None = None,
    resume: bool = False,
    workers: int | None = None,
    quiet: bool = False,
) -> list[Entry]:
    """Trains every experiment with every one of its seeds; returns the entries in that order.

    Entries have `task, optimizer, solver, seed, steps, train_loss, test_loss, test_accuracy, elapsed_s [s],
    modelled_time_s [s], modelled_energy_J [J]` and a few more; what was not computed is absent. The modelled time of a
    digital optimiser is what its steps took here, that of an analog one the sum of `modelled_digital_s` (gradient and
    factors, as they took here: time of the run's own thread, of which a step counts as the median of the faster half;
    `modelled_digital_spread` is the interquartile range of a step's by its median), `_loading_s`, `_drive_s`,
    `_relaxation_s` and `_readout_s`; the energy is that of the device's amplifiers and resistors alone. `out` receives
    `runs.jsonl` (the entries), `curves.jsonl` (losses against steps) and a folder per run. `task` replaces the one
    that the experiments name. `workers` processes (default: one per core, or one in all on a GPU) of one thread each;
    they are spawned, so a script needs its `if __name__ == "__main__"`, and its own task must be importable. With
    `resume`, finished runs in `out` are kept and unfinished ones continue from their checkpoints.

    Under torchrun the runs are data parallel instead, one after the other: the first process calls this, the others
    `follow_experiments`; each steps on its part of every batch, and only the first one writes.

    Ctrl-C stops every run at its next step, with a checkpoint, and raises KeyboardInterrupt; a step that takes longer
    than a second is given up, and taken again from the last checkpoint (at most 30 s old) when the run is resumed.
    Raises `ExperimentError` and `TaskError` for bad input, before anything runs.
    """
    jobs = _jobs(experiments, out, task, resume)
    waiting = [job for job in jobs if not job.entry.exists()]
    for job in waiting:
        job.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(job.folder / EXPERIMENT, anchored(job.experiment).to_yaml())
    ranks = Ranks.launched(experiments[0].processor) if experiments else None
    count = max(1, min(workers or _places([job.experiment.processor for job in waiting]), len(waiting)))
    try:
        with show_progress({job.name: job.experiment.steps or 0 for job in waiting}, quiet) as progress:
            if ranks is not None:
                _lead(waiting, task, progress, ranks)
            elif count == 1:
                _run_here(waiting, task, progress)
            else:
                _run_in_processes(waiting, task, count, progress)
    finally:
        collect(out, jobs)
    return [_finished(job) for job in jobs]


def _finished(job: _Job) -> Entry:
    """The entry of a run that is over. Raises `RowsError` for one that is not of this run."""
    rows = read_rows(job.entry)
    if len(rows) != 1 or (rows[0].get("run"), rows[0].get("seed")) != (job.name, job.seed):
        raise RowsError(f"{job.entry}: expected the entry of the run {job.name}")
    if type(rows[0].get("steps")) is not int or rows[0].get("task") != job.experiment.task:
        raise RowsError(f"{job.entry}: expected an entry of the task {job.experiment.task}, with its steps")
    numbers = {name: value for name, value in rows[0].items() if name.endswith(("_loss", "_accuracy", "_s", "_J"))}
    if wrong := next((name for name, value in numbers.items() if type(value) not in (int, float)), None):
        raise RowsError(f"{job.entry}: {wrong}: expected a number, got {str(numbers[wrong])[:40]!r}")
    return rows[0]


def follow_experiments(processor: str = "cpu", task: Task | None = None) -> None:
    """Every process that torchrun has started but the first: takes part in the steps of its `run_experiments`.

    Does not return: when the first process is done, this one ends.
    """
    ranks = Ranks.launched(processor)
    if ranks is None or ranks.rank == 0:
        raise ExperimentError("follow_experiments: expected to be a later process of torchrun; call run_experiments")
    with _interrupt_ignored():  # the first process decides
        while (asked := ranks.agree(None)) is not None:
            made = experiment(asked[0])
            follow(task or _cached_task(made.task, made.data), made, asked[1], ranks)
        ranks.leave()


def collect(out: Path, jobs: Sequence[_Job]) -> None:
    """Writes the runs' rows and entries, finished or not, to one file each."""
    write_rows(out / CURVES, [row for job in jobs for row in read_rows(job.folder / CURVES)])
    write_rows(out / RUNS, [row for job in jobs for row in read_rows(job.entry)])


def available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _places(processors: Sequence[str]) -> int:
    # runs on a GPU would contend for its memory
    return available_cores() if set(processors) <= {"cpu"} else 1


def _jobs(experiments: Sequence[Experiment], out: Path, task: Task | None, resume: bool) -> list[_Job]:
    jobs = []
    for asked in experiments:
        complete = with_defaults(asked, task or _cached_task(asked.task, asked.data))
        for seed in complete.seeds:
            folder = out / run_name(complete, seed)
            jobs.append(_Job(complete, seed, folder, resume))
    names = [job.name for job in jobs]
    for name in names:
        if names.count(name) > 1:
            raise ExperimentError(f"experiments: two runs would be called {name}; give each experiment its own name")
    for job in jobs:
        _check_folder(job)
    return jobs


def _check_folder(job: _Job) -> None:
    if not job.folder.exists():
        return
    if not job.resume:
        raise ExperimentError(f"{job.folder}: exists already; resume it, or choose another folder")
    description = job.folder / EXPERIMENT
    if not description.exists():
        return
    before = {**read_mapping(description), "seeds": list(job.experiment.seeds)}
    # Those of before may have been written from here, by a relative path.
    before |= anchored_paths(before)
    now = anchored(job.experiment).model_dump(mode="json", exclude_none=True)
    for field in sorted(before.keys() | now.keys()):
        if before.get(field) != now.get(field):
            raise ExperimentError(
                f"{description}: {field} was {before.get(field)!r}, now {now.get(field)!r}; a run resumes unchanged"
            )
    if job.entry.exists():
        _finished(job)


@lru_cache(maxsize=4)
def _cached_task(name: str, data: Path | None) -> Task:
    return load_task(name, data)


def _train(
    job: _Job, task: Task | None, stop: Callable[[], bool], progress: Progress, ranks: Ranks | None = None
) -> None:
    task = task or _cached_task(job.experiment.task, job.experiment.data)
    entry = train(task, job.experiment, job.seed, job.folder, job.resume, stop, progress, ranks)
    write_rows(job.entry, [entry])


def _lead(jobs: Sequence[_Job], task: Task | None, progress: Progress, ranks: Ranks) -> None:
    for job in jobs:
        ranks.agree((job.experiment.model_dump(mode="json", exclude_none=True), job.seed))
        _run_here([job], task, progress, ranks)
    ranks.agree(None)
    ranks.leave()


def _run_here(jobs: Sequence[_Job], task: Task | None, progress: Progress, ranks: Ranks | None = None) -> None:
    stop = threading.Event()
    with _interrupt_sets(stop, GRACE):
        for job in jobs:
            try:
                _train(job, task, stop.is_set, progress, ranks)
            except Interrupted:
                raise KeyboardInterrupt from None


def _run_in_processes(jobs: Sequence[_Job], task: Task | None, count: int, progress: Progress) -> None:
    context = get_context("spawn")
    others = set(active_children())
    # The event and the queue, too, start a process, which cleans up after them.
    with current_folder_left_out():
        stop, messages = context.Event(), context.Queue()
    with (
        _interrupt_sets(stop),
        ProcessPoolExecutor(count, context, _start_worker, (stop, messages, task)) as pool,
    ):
        # Spawned processes inherit that signals wait, from before they could ignore them themselves.
        with _signals_wait(), current_folder_left_out():
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
    for number in _STOPPING:  # sent to all of a session; the parent decides, by `stop`
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    _worker.update(stop=stop, messages=messages, task=task)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed parent cannot tell its workers; they must not go on writing to a folder that is being resumed.
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _train_in_worker(job: _Job) -> None:
    _train(job, _worker["task"], _worker["stop"].is_set, lambda *message: _worker["messages"].put(message))


@contextmanager
def _interrupt_sets(stop: Any, grace: float | None = None) -> Iterator[None]:
    # The first Ctrl-C asks the runs to stop at their next step, the second one insists, or the end of the grace does.
    # A signal, and not the flag that `interrupt_main` sets: that does not end a wait for another process.
    insist = threading.Timer(grace or 0.0, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    insist.daemon = True

    def ask(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        if grace is not None:
            insist.start()

    with _handling(ask):
        try:
            yield
        finally:
            insist.cancel()


@contextmanager
def _signals_wait() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupt_ignored() -> Iterator[None]:
    with _handling(signal.SIG_IGN):
        yield


@contextmanager
def _handling(handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
