"""Ctrl-C that nothing swallows, and other requests to end that act as it does."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_LATER = 0.05
"""Time after which a finaliser is surely over [s]."""

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""From `kill`, a terminal that closes, and Ctrl-\\."""


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """An interrupt that falls into a finaliser, where Python only reports it, comes again."""
    before = sys.unraisablehook

    def again(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)
            return
        timer = threading.Timer(_LATER, os.kill, (os.getpid(), signal.SIGINT))
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def endings_interrupt() -> Iterator[None]:
    """Every other signal that asks for an end does what Ctrl-C would do at that moment.

    One that is ignored from the start, as by `nohup`, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ask = _as_interrupt(deaf=signal.getsignal(signal.SIGINT) == signal.SIG_IGN)
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, ask)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def children_are_heard() -> None:
    """Undo what some service managers leave behind: with SIGCHLD ignored, nobody learns how a child has ended."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _as_interrupt(deaf: bool) -> Callable[[int, FrameType | None], None]:
    """A shell starts what runs in its background deaf to Ctrl-C, and that is no answer to `kill`."""

    def ask(number: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            handler(number, frame)
        elif deaf:
            raise KeyboardInterrupt

    return ask
