"""Room for the arrays that are as large as a Jacobian."""

import numpy as np
import torch
from torch import Tensor

# From here on numpy asks the system for large pages (`NUMPY_MADVISE_HUGEPAGE`).
_LARGE = 1 << 22


def room_for(rows: int, columns: int, like: Tensor) -> Tensor:
    """(rows, columns) A tensor of `like`'s dtype and device, its values undefined, as of `torch.empty`.

    The room comes from numpy where it is large and torch's own allocator would take it in pages of 4 kB: the system
    then needs ten times as long to give the pages as the processor to write them.
    """
    room = like.new_empty(0)
    large = rows * columns * room.element_size() >= _LARGE
    if not large or room.device.type != "cpu":
        return room.new_empty(rows, columns)
    bytes_of_it = np.empty(rows * columns * room.element_size(), dtype=np.uint8)
    return torch.from_numpy(bytes_of_it).view(room.dtype).reshape(rows, columns)
