"""What a chip never changes from step to step, kept as far as there is room: drawing it takes most of loading it."""

import os
from collections.abc import Callable, Hashable
from threading import Lock

from torch import Tensor

LIMIT = min(1 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 16)
"""Bytes of all that is kept."""


class Kept:
    """Tensors by group and key, for readers that do not write into them.

    A group is what is used together. Where room is short the groups that were asked for longest ago go, and what one
    group has beyond the limit is made anew each time: to push its first tensors out for its last ones would leave none
    when it is walked through again.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._groups: dict[Hashable, dict[Hashable, Tensor]] = {}
        self._bytes = 0
        self._lock = Lock()

    def get(self, group: Hashable, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """The tensor, made where it is not kept."""
        with self._lock:
            mine = self._groups[group] = self._groups.pop(group, {})
            if (found := mine.get(key)) is not None:
                return found
        made = make()
        with self._lock:
            if self._room(made.nbytes, group):
                self._groups.setdefault(group, {})[key] = made
                self._bytes += made.nbytes
        return made

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def _room(self, wanted: int, group: Hashable) -> bool:
        while self._bytes + wanted > self._limit:
            oldest = next(iter(self._groups))
            if oldest == group:
                return False
            self._bytes -= sum(tensor.nbytes for tensor in self._groups.pop(oldest).values())
        return True
