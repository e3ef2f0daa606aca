"""Mismatch of a chip that need not be stored: the same key gives the same numbers at every step."""

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor

from ._kept_draws import Kept

TILE = 16
"""Rows generated at a time: the generator's stream is the same for any longer array only in whole tiles."""


_KEPT = Kept()


def tile(seed: int, array: str, index: int, width: int) -> Float[Tensor, "rows width"]:
    """Standard normal errors of rows `TILE index` to `TILE (index + 1)` of a physical array, float32, only to read."""
    return _KEPT.get((seed, width), (array, index), lambda: _drawn(seed, array, index, width))


def _drawn(seed: int, array: str, index: int, width: int) -> Float[Tensor, "rows width"]:
    digest = hashlib.blake2b(f"{seed}/{array}/{index}/{width}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest) >> 1)
    return torch.randn(TILE, width, generator=generator, dtype=torch.float32)


def rows(seed: int, array: str, count: int, width: int, like: Tensor) -> Float[Tensor, "count width"]:
    """Standard normal errors of the first `count` rows."""
    tiles = [tile(seed, array, index, width) for index in range(-(-count // TILE))]
    return torch.cat(tiles)[:count].to(like)


def vector(seed: int, array: str, count: int, like: Tensor) -> Float[Tensor, " count"]:
    """Standard normal errors of `count` components; a longer vector starts with the same ones."""
    return rows(seed, array, -(-count // TILE), TILE, like).reshape(-1)[:count]
