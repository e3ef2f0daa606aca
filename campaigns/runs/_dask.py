"""A Dask cluster."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .._exceptions import StudyError
from ..planning import SCHEMA
from . import _workers as _worker
from ._child_process import ChildRequest, Outcome
from ._executor import Executor

_CONNECT = 30.0
"""Time for a scheduler to answer and for a first worker to show up [s]."""


def _distributed() -> Any:
    # An optional package without types.
    return import_module("distributed")


def has_dask() -> bool:
    """Is dask.distributed installed?"""
    return find_spec("distributed") is not None


class _Dask:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._batches: dict[str, list[str]] = {}
        self._futures = _distributed().as_completed(raise_errors=False)

    def slots(self) -> int:
        return max(int(sum(self._client.nthreads().values())), 1)

    def submit(self, batch: Sequence[ChildRequest]) -> None:
        name = f"{batch[0]['campaign']}-{batch[0]['key']}"
        # Bound to the function, the batch is not searched for futures, value by value.
        future = self._client.submit(partial(_worker.execute_all, list(batch)), key=name, pure=False)
        self._batches[future.key] = [request["key"] for request in batch]
        self._futures.add(future)

    def next(self) -> list[Outcome]:
        future = next(self._futures)
        keys = self._batches.pop(future.key)
        if future.status == "finished":
            outcomes: list[Outcome] = future.result()
            return outcomes
        if future.status != "error":
            raise StudyError("scheduler: the connection was lost; what is done stays, resume it")
        lost = {"status": "failed", "reason": _reason(future.exception()), "metrics": {}, "arrays": {}}
        return [{**lost, "key": key} for key in keys]


def _reason(error: BaseException) -> str:
    if isinstance(error, _distributed().KilledWorker):
        return "the workers that tried it died, perhaps out of memory"
    return " ".join(f"{type(error).__name__} on the worker: {error}".split())


@contextmanager
def dask_executor(scheduler: str | None, count: int, campaign: str) -> Iterator[Executor]:
    # Its messages are for people who run clusters; what concerns a run stands in its row.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    cluster: Any = None
    if scheduler is None:
        # Sampling of what the workers do and checks of their event loops cost more than short runs themselves.
        os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "False")
        os.environ.setdefault("DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL", "500ms")
        cluster = _local_cluster(count)
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


def _local_cluster(count: int) -> Any:
    # Threads of this process: they only wait for the processes that perform the runs, and each of those has limits.
    return _distributed().LocalCluster(
        n_workers=1,
        threads_per_worker=count,
        processes=False,
        memory_limit=0,
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )


def _connected(scheduler: str) -> Any:
    try:
        return _distributed().Client(scheduler, timeout=_CONNECT)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StudyError(f"scheduler {scheduler}: no Dask scheduler answers: {reason[:200]}") from None


def _check(client: Any, scheduler: str | None) -> None:
    where = f"scheduler {scheduler}" if scheduler else "the local cluster"
    try:
        client.wait_for_workers(1, timeout=_CONNECT)
    except TimeoutError:
        raise StudyError(f"{where}: expected at least one worker, and there is none") from None
    try:
        schema = client.submit(_schema, pure=False).result()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise StudyError(
            f"{where}: its workers cannot run thermospice: {type(error).__name__}: {reason[:200]}"
        ) from None
    if schema != SCHEMA:
        raise StudyError(f"{where}: its workers have another version of thermospice; install the same one")


def _schema() -> int:
    return SCHEMA


def _quietly(close: Any, *arguments: Any, **options: Any) -> None:
    # The campaign is over; a cluster that does not close cleanly must not hide how it ended.
    try:
        close(*arguments, **options)
    except Exception:
        logging.getLogger(__name__).debug("closing", exc_info=True)
