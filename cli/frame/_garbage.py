"""How often Python looks for cycles of objects that nothing refers to any more.

It counts objects that are made, not those that are lost, so that loading the libraries alone sets it to work some
hundred times, on objects that stay to the end: a fifth of the time of an operating point of 64 cells. A circuit of n
cells has n^2 elements, and goes by itself when nobody refers to it.
"""

import atexit
import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 100_000
"""Objects that are made before it looks; 700 in Python itself."""


@contextmanager
def garbage_left_longer() -> Iterator[None]:
    """Look after a hundred thousand objects instead of some hundred, and not at all when the process ends."""
    before = gc.get_threshold()
    _leave_the_last_look_out()
    gc.set_threshold(_MANY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def garbage_as_usual() -> None:
    """Look as often as Python does by itself: what trains for hours has large arrays in its cycles."""
    gc.set_threshold(*_USUAL)


_USUAL = gc.get_threshold()


@functools.cache
def _leave_the_last_look_out() -> None:
    # All memory goes back with the process in any case.
    atexit.register(gc.freeze)
