"""Room for the arrays that are as large as a Jacobian."""

import os
import weakref
from collections import deque

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

# From here on numpy asks the system for large pages (`NUMPY_MADVISE_HUGEPAGE`).
_LARGE = 1 << 22

LIMIT = min(1 << 30, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 16)
"""Bytes of all rooms that are kept while nobody uses them."""

Room = UInt8[np.ndarray, " bytes"]


class Rooms:
    """Rooms that come back when the last tensor in them is gone, for the next that asks for one of that size.

    A training asks for the same few at each step, and pages that are new take longer to come than to be filled. Beyond
    the limit some go back to the system.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        # tensors end in any thread, even while this is being worked on: single operations of a deque are safe
        self._idle: deque[Room] = deque()

    @property
    def idle(self) -> int:
        """Bytes that are kept."""
        return sum(room.nbytes for room in tuple(self._idle))

    def take(self, size: int) -> Room:
        """An array of so many bytes, their values undefined; it is in use as long as anything refers to it."""
        found = self._found(size)
        room: Room = np.empty(size, dtype=np.uint8) if found is None else found
        lent: Room = room.view()
        weakref.finalize(lent, self._back, room).atexit = False
        return lent

    def _found(self, size: int) -> Room | None:
        for _ in range(len(self._idle)):
            try:
                room = self._idle.popleft()
            except IndexError:
                break
            if room.nbytes == size:
                return room
            self._idle.append(room)
        return None

    def _back(self, room: Room) -> None:
        self._idle.append(room)
        while self.idle > self._limit:
            self._idle.popleft()


_ROOMS = Rooms()


def kept_room() -> int:
    """Bytes that this process keeps for the next large arrays, at most `LIMIT`."""
    return _ROOMS.idle


def room_for(rows: int, columns: int, like: Tensor) -> Tensor:
    """(rows, columns) A tensor of `like`'s dtype and device, its values undefined, as of `torch.empty`.

    The room is one of `Rooms` where it is large and torch's own allocator would take it in new pages of 4 kB: the
    system then needs ten times as long to give the pages as the processor to write them.
    """
    room = like.new_empty(0)
    size = rows * columns * room.element_size()
    if size < _LARGE or room.device.type != "cpu":
        return room.new_empty(rows, columns)
    return torch.from_numpy(_ROOMS.take(size)).view(room.dtype).reshape(rows, columns)
