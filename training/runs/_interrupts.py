"""What Ctrl-C does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

GRACE = 1.0
"""Seconds for which an interrupted step may go on."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that ask a process to end."""


@contextmanager
def interrupt_sets(stop: Any, grace: float | None = None) -> Iterator[None]:
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
def signals_wait() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def interrupt_ignored() -> Iterator[None]:
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
