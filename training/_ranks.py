"""The processes of a data-parallel run."""

import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ._experiment import ExperimentError


@dataclass(frozen=True, slots=True)
class Ranks:
    """torch's default process group: gloo on the CPU, nccl on GPUs."""

    rank: int
    count: int

    @staticmethod
    def joined() -> bool:
        """Is this process one of a group, or started by torchrun to be?"""
        return int(os.environ.get("WORLD_SIZE", "1")) > 1 or _grouped()

    @classmethod
    def here(cls) -> "Ranks":
        """Raises ValueError when no process group was initialised."""
        if not _grouped():
            raise ValueError(
                "data_parallel: expected an initialised process group, got none; "
                "start by torchrun and call torch.distributed.init_process_group first"
            )
        return cls(dist.get_rank(), dist.get_world_size())

    @classmethod
    def launched(cls, processor: str) -> "Ranks | None":
        """Join the processes that torchrun has started with this one; None where it has started no other.

        Raises `ExperimentError` for one numbered GPU: each process has its own.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return None
        if processor.startswith("cuda:"):
            raise ExperimentError(
                f"processor: under torchrun every process takes a GPU of its own, give cuda, not {processor}"
            )
        if not dist.is_initialized():
            cuda = processor.startswith("cuda")
            if cuda:
                torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            dist.init_process_group("nccl" if cuda else "gloo")
        return cls.here()

    def leave(self) -> None:
        """The end: no process goes while another may still be talking to it. The later ones end here and now.

        gloo now and then aborts a process that takes its group down while another's message is on its way.
        """
        dist.barrier()
        if self.rank > 0:
            os._exit(0)

    def agree(self, value: Any) -> Any:
        """The first process's value, plain data or tensors, in all of them."""
        box = [value]
        dist.broadcast_object_list(box, 0)
        return box[0]

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


def _grouped() -> bool:
    return dist.is_available() and dist.is_initialized()
