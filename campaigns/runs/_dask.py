"""A Dask cluster."""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar, cast

from .._exceptions import StudyError
from ..planning import SCHEMA
from . import _workers as _worker
from ._child_process import ChildRequest, Outcome
from ._dispatch import Executor

Answer = TypeVar("Answer")

SILENCE = 30.0
"""Time for a scheduler to answer, and for a first worker to show up, unless another one is given [s]."""

_PATIENCE = 5
"""Batches of each worker that come back undone, until it is believed that none can do any."""

_CLOSING = 5.0
"""The same when all is over, and nobody waits for an answer [s]."""

_POLL = 0.01
_ASK_EVERY = 5.0
"""How often it is looked whether a batch is done, and whether the scheduler still answers [s]."""


def _distributed() -> Any:
    # An optional package without types.
    return import_module("distributed")


def has_dask() -> bool:
    """Is dask.distributed installed?"""
    return find_spec("distributed") is not None


class _Dask:
    """Batches on a cluster. What a scheduler forgot that was started again is handed out once more."""

    def __init__(self, client: Any, silence: float) -> None:
        self._client = client
        self._silence = silence
        self._batches: dict[str, Sequence[ChildRequest]] = {}
        self._submitted = 0
        self._slots = 1
        self._workers_seen = time.monotonic()
        # The client is nobody's default: what writes files would take the cluster's locks instead of its own.
        self._futures = _distributed().as_completed(loop=client.loop, raise_errors=False)

    @property
    def patience(self) -> int:
        return _PATIENCE * self._slots

    def slots(self) -> int:
        # Of a cluster that is coming back nothing is known but what it was.
        if self._client.status == "running":
            with suppress(OSError):
                threads = _answer(self._client.nthreads, self._silence).values()
                self._slots = max(int(sum(threads)), 1)
        return self._slots

    def submit(self, batch: Sequence[ChildRequest]) -> None:
        self._submitted += 1
        name = f"{batch[0]['campaign']}-{batch[0]['key']}-{self._submitted}"
        # Bound to the function, the batch is not searched for futures, value by value.
        future = self._client.submit(partial(_worker.execute_with_patience, list(batch)), key=name, pure=False)
        self._batches[future.key] = batch
        self._futures.add(future)

    def next(self) -> list[Outcome]:
        while True:
            future = self._next_ended()
            batch = self._batches.pop(future.key)
            # a scheduler may go between the word that a batch is done and its outcomes
            with suppress(CancelledError, OSError):
                if future.status == "finished":
                    outcomes: list[Outcome] = future.result()
                    return outcomes
                if future.status == "error":
                    lost = {"status": "failed", "reason": _reason(future.exception()), "metrics": {}, "arrays": {}}
                    return [{**lost, "key": request["key"]} for request in batch]
            self._wait_for_the_cluster()
            self.submit(batch)

    def _next_ended(self) -> Any:
        asked = time.monotonic()
        while not self._futures.has_ready():
            time.sleep(_POLL)
            if time.monotonic() - asked > _ASK_EVERY:
                self._check_answers()
                asked = time.monotonic()
        return next(self._futures)

    def _check_answers(self) -> None:
        """Raise `StudyError` for a scheduler that is connected and says nothing any more, or has lost its workers."""
        if self._client.status != "running":
            return  # the client tries to reach it again, and gives up after the same time
        try:
            workers = _answer(self._client.nthreads, self._silence)
        except TimeoutError:
            raise StudyError(
                f"scheduler: it has not answered for {self._silence:g} s; what is done stays, resume it"
            ) from None
        except OSError:
            return  # it went away just now
        now = time.monotonic()
        self._workers_seen = now if workers else self._workers_seen
        if now - self._workers_seen > self._silence:
            raise StudyError(f"scheduler: {_without_workers(self._silence)}; what is done stays, resume it")

    def _wait_for_the_cluster(self) -> None:
        """Until a scheduler that was started again has a worker."""
        until = time.monotonic() + self._silence
        while self._client.status != "running" and time.monotonic() < until:
            time.sleep(_POLL)
        try:
            if self._client.status != "running":
                raise TimeoutError
            self._client.wait_for_workers(1, timeout=self._silence)
        except (OSError, ValueError):
            raise StudyError(
                f"scheduler: the connection was lost, and it is not back with a worker after {self._silence:g} s; what"
                " is done stays, resume it"
            ) from None


def _answer(call: Callable[[], Answer], seconds: float) -> Answer:
    """What a call gives that may never come back.

    Raises:
        TimeoutError: it has not come back by then; it goes on in a thread that ends with the program.
    """
    given: queue.SimpleQueue[tuple[Answer | None, BaseException | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            given.put((call(), None))
        except BaseException as error:
            given.put((None, error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        value, error = given.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer for {seconds:g} s") from None
    if error is not None:
        raise error
    return cast(Answer, value)


def _without_workers(seconds: float) -> str:
    return (
        f"it has had no worker for {seconds:g} s; a worker also ends where it cannot import thermospice, as its own log"
        " says"
    )


def _reason(error: BaseException) -> str:
    """Why a batch came to nothing.

    Raises:
        StudyError: it says nothing of the batch, since a worker answers for whatever happens in its runs.
    """
    if isinstance(error, _distributed().KilledWorker):
        return "the workers that tried it died, perhaps out of memory"
    said = " ".join(f"{type(error).__name__}: {error}".split())
    raise StudyError(
        f"scheduler: one of its workers cannot run thermospice: {said[:200]}; what is done stays, resume it"
    )


@contextmanager
def dask_executor(scheduler: str, campaign: str, silence: float = SILENCE) -> Iterator[Executor]:
    # Its messages are for people who run clusters; what concerns a run stands in its row.
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
    for name in ("distributed", "distributed.client"):  # which has a level of its own
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client = _connected(scheduler, silence)
    try:
        _check(client, scheduler, silence)
        yield _Dask(client, silence)
    finally:
        _quietly(lambda: client.run(_worker.stop, campaign))
        _quietly(lambda: client.close(timeout=_CLOSING))


def _connected(scheduler: str, silence: float) -> Any:
    try:
        return _answer(lambda: _distributed().Client(scheduler, timeout=silence, set_as_default=False), silence)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StudyError(
            f"scheduler {scheduler}: no Dask scheduler answers within {silence:g} s: {reason[:200]}"
        ) from None


def _check(client: Any, scheduler: str, silence: float) -> None:
    where = f"scheduler {scheduler}"
    try:
        client.wait_for_workers(1, timeout=silence)
    except TimeoutError:
        raise StudyError(f"{where}: expected at least one worker, and there is none after {silence:g} s") from None
    try:
        schema = _once_done(client.submit(_schema, pure=False), client, silence)
    except TimeoutError:
        raise StudyError(f"{where}: it has not answered for {silence:g} s") from None
    except StudyError as error:
        raise StudyError(f"{where}: {error}") from None
    except Exception as error:
        reason = " ".join(str(error).split())
        raise StudyError(
            f"{where}: its workers cannot run thermospice: {type(error).__name__}: {reason[:200]}"
        ) from None
    if schema != SCHEMA:
        raise StudyError(f"{where}: its workers have another version of thermospice; install the same one")


def _once_done(future: Any, client: Any, silence: float) -> Any:
    """The result of a future, however long workers are busy with something else.

    Raises:
        TimeoutError: the scheduler says nothing meanwhile.
        StudyError: it has no workers for so long.
    """
    asked = seen = time.monotonic()
    while not future.done():
        time.sleep(_POLL)
        if time.monotonic() - asked > _ASK_EVERY:
            workers = _answer(client.nthreads, silence)
            asked = time.monotonic()
            seen = asked if workers else seen
            if asked - seen > silence:
                raise StudyError(_without_workers(silence))
    return future.result()


def _schema() -> int:
    return SCHEMA


def _quietly(close: Callable[[], Any]) -> None:
    # The campaign is over; a cluster that does not close cleanly must not hide how it ended.
    try:
        _answer(close, 2.0 * _CLOSING)
    except Exception:
        logging.getLogger(__name__).debug("closing", exc_info=True)
