"""Where runs are performed: a Dask cluster (of this machine or elsewhere), or threads of the command itself."""

import logging
import os
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from .._errors import InputError
from . import _worker
from ._tasks import SCHEMA
from ._worker import Outcome, Request

_CONNECT = 30.0
"""Time for a scheduler to answer and for a first worker to show up [s]."""


class Executor(Protocol):
    """Takes requests, gives outcomes in the order in which they come."""

    def slots(self) -> int:
        """Runs that go on at a time."""

    def submit(self, request: Request) -> None:
        """Perform a request."""

    def next(self) -> Outcome:
        """Wait for the next outcome."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _distributed() -> Any:
    # An optional package without types.
    return import_module("distributed")


def has_dask() -> bool:
    """Is dask.distributed installed?"""
    return find_spec("distributed") is not None


def check(scheduler: str | None, workers: int | None) -> None:
    """Raise `InputError` when the options contradict each other, or need what is not installed."""
    if scheduler is not None and workers is not None:
        raise InputError("--workers: the cluster at --scheduler has its own; give one of the two")
    if scheduler is not None and not has_dask():
        raise InputError(
            "--scheduler: the Python package 'distributed' is missing; install it with: "
            "pip install 'thermospice[cluster]'"
        )


@contextmanager
def executor(scheduler: str | None, workers: int | None, campaign: str) -> Iterator[Executor]:
    """The cluster at an address, or one of this machine; without Dask, threads do the latter.

    Runs that are not over when the context ends are stopped.

    Raises:
        InputError: no scheduler answers, or its workers cannot do the work.
    """
    count = workers or available_cores()
    if has_dask():
        with _dask(scheduler, count, campaign) as found:
            yield found
    else:
        with _threads(count, campaign) as found:
            yield found


class _Threads:
    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self._pool, self._count = pool, count
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def slots(self) -> int:
        return self._count

    def submit(self, request: Request) -> None:
        self._pool.submit(lambda: self._outcomes.put(_worker.execute(request)))

    def next(self) -> Outcome:
        return self._outcomes.get()


@contextmanager
def _threads(count: int, campaign: str) -> Iterator[Executor]:
    with ThreadPoolExecutor(count) as pool:
        try:
            yield _Threads(pool, count)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            _worker.stop(campaign)


class _Dask:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._keys: dict[str, str] = {}
        self._futures = _distributed().as_completed(raise_errors=False)

    def slots(self) -> int:
        return max(int(sum(self._client.nthreads().values())), 1)

    def submit(self, request: Request) -> None:
        name = f"{request['campaign']}-{request['key']}"
        future = self._client.submit(_worker.execute, request, key=name, pure=False)
        self._keys[future.key] = request["key"]
        self._futures.add(future)

    def next(self) -> Outcome:
        future = next(self._futures)
        key = self._keys.pop(future.key)
        if future.status == "finished":
            outcome: Outcome = future.result()
            return outcome
        if future.status != "error":
            raise InputError("--scheduler: the connection was lost; what is done stays, go on with --resume")
        return {"status": "failed", "reason": _reason(future.exception()), "metrics": {}, "arrays": {}, "key": key}


def _reason(error: BaseException) -> str:
    if isinstance(error, _distributed().KilledWorker):
        return "the workers that tried it died, perhaps out of memory"
    return " ".join(f"{type(error).__name__} on the worker: {error}".split())


@contextmanager
def _dask(scheduler: str | None, count: int, campaign: str) -> Iterator[Executor]:
    # Its messages are for people who run clusters; what concerns a run stands in its row.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    cluster: Any = None
    if scheduler is None:
        # Each run's own limit watches the memory; the workers themselves only wait.
        cluster = _distributed().LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
    try:
        client = _distributed().Client(cluster) if cluster is not None else _connected(scheduler or "")
        try:
            _check(client, scheduler)
            yield _Dask(client)
        finally:
            _quietly(client.run, _worker.stop, campaign)
            _quietly(client.close, timeout=5)
    finally:
        if cluster is not None:
            _quietly(cluster.close, timeout=5)


def _connected(scheduler: str) -> Any:
    try:
        return _distributed().Client(scheduler, timeout=_CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers: {reason[:200]}") from None


def _check(client: Any, scheduler: str | None) -> None:
    where = f"--scheduler {scheduler}" if scheduler else "the local cluster"
    try:
        client.wait_for_workers(1, timeout=_CONNECT)
    except TimeoutError:
        raise InputError(f"{where}: expected at least one worker, and there is none") from None
    try:
        schema = client.submit(_schema, pure=False).result()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{where}: its workers cannot run thermospice: {type(error).__name__}: {reason[:200]}"
        ) from None
    if schema != SCHEMA:
        raise InputError(f"{where}: its workers have another version of thermospice; install the same one")


def _schema() -> int:
    return SCHEMA


def _quietly(close: Any, *arguments: Any, **options: Any) -> None:
    # The campaign is over; a cluster that does not close cleanly must not hide how it ended.
    try:
        close(*arguments, **options)
    except Exception:
        logging.getLogger(__name__).debug("closing", exc_info=True)
