"""Ctrl-C that nothing swallows."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LATER = 0.05
"""Time after which a finaliser is surely over [s]."""


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
