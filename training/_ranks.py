"""The processes of a data-parallel run."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Ranks:
    """torch's default process group: gloo on the CPU, nccl on GPUs."""

    rank: int
    count: int

    @classmethod
    def here(cls) -> "Ranks":
        """Raises ValueError when no process group was initialised."""
        if not (dist.is_available() and dist.is_initialized()):
            raise ValueError(
                "data_parallel: expected an initialised process group, got none; "
                "start by torchrun and call torch.distributed.init_process_group first"
            )
        return cls(dist.get_rank(), dist.get_world_size())

    def sum(self, x: Tensor) -> Tensor:
        """The sum over all processes, the same in each of them."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    def gather(self, x: Tensor) -> Tensor:
        """All processes' tensors of one shape, along the first axis."""
        pieces = [torch.empty_like(x) for _ in range(self.count)]
        dist.all_gather(pieces, x.contiguous())
        return torch.cat(pieces)

    def shown(self, x: Tensor, owner: int) -> Tensor:
        """The owner's x in every process; in the others x gives the shape."""
        seen = x.contiguous() if self.rank == owner else torch.empty_like(x, memory_format=torch.contiguous_format)
        dist.broadcast(seen, owner)
        return seen
