"""Mismatch of a chip that need not be stored: the same key gives the same numbers at every step.

What is drawn is kept as far as there is room: drawing it takes most of loading a chip.
"""

import hashlib
import os
from collections.abc import Callable, Hashable
from threading import Lock

import torch
from jaxtyping import Float
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


TILE = 16
"""Rows generated at a time: the generator's stream is the same for any longer array only in whole tiles."""

_KEPT = Kept()

_VECTORS = Kept(LIMIT // 8)
"""Apart from the arrays: a chip whose arrays do not fit keeps its cells all the same."""


def tile(seed: int, array: str, index: int, width: int, device: torch.device) -> Float[Tensor, "rows width"]:
    """Standard normal errors of rows `TILE index` to `TILE (index + 1)` of a physical array, float32, only to read.

    Drawn on the CPU, that a chip is the same everywhere, and kept where they are used.
    """
    return _KEPT.get((seed, width, device), (array, index), lambda: _drawn(seed, array, index, width).to(device))


def _drawn(seed: int, array: str, index: int, width: int) -> Float[Tensor, "rows width"]:
    digest = hashlib.blake2b(f"{seed}/{array}/{index}/{width}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest) >> 1)
    return torch.randn(TILE, width, generator=generator, dtype=torch.float32)


def rows(seed: int, array: str, count: int, width: int, like: Tensor) -> Float[Tensor, "count width"]:
    """Standard normal errors of the first `count` rows."""
    tiles = [tile(seed, array, index, width, like.device) for index in range(-(-count // TILE))]
    return torch.cat(tiles)[:count].to(like)


def vector(seed: int, array: str, count: int, like: Tensor) -> Float[Tensor, " count"]:
    """Standard normal errors of `count` components, only to read; a longer vector starts with the same ones."""
    where = like.device
    return _VECTORS.get((seed, count, where), array, lambda: _drawn_vector(seed, array, count).to(where)).to(like)


def _drawn_vector(seed: int, array: str, count: int) -> Float[Tensor, " count"]:
    tiles = -(-count // TILE**2)
    return torch.cat([_drawn(seed, array, index, TILE).reshape(-1) for index in range(tiles)])[:count].clone()
