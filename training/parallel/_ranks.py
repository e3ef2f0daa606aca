"""The processes of a data-parallel run."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from ...files.opening import available_cores
from .._exceptions import ExperimentError


@dataclass(frozen=True, slots=True)
class Ranks:
    """torch's default process group: gloo on the CPU, nccl on GPUs."""

    rank: int
    count: int

    @property
    def side_by_side(self) -> float:
        """As how many processes they work that have a core each, where torchrun has started more on a machine."""
        here = _whole("LOCAL_WORLD_SIZE", os.environ.get("LOCAL_WORLD_SIZE") or "1")
        return self.count * min(1.0, available_cores() / max(here, 1))

    @staticmethod
    def joined() -> bool:
        """Is this process one of a group, or started by torchrun to be?"""
        return _grouped() or _whole("WORLD_SIZE", os.environ.get("WORLD_SIZE") or "1") > 1

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

        Raises `ExperimentError` for one numbered GPU (each process has its own), for variables of torchrun that are
        not whole, and where the others do not come within a minute.
        """
        if not dist.is_initialized() and _world()[1] == 1:
            return None
        if processor.startswith("cuda:"):
            raise ExperimentError(
                f"processor: under torchrun every process takes a GPU of its own, give cuda, not {processor}"
            )
        if not dist.is_initialized():
            _join(processor.startswith("cuda"))
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
        total = _reachable(x).clone()
        dist.all_reduce(total)
        return total.to(x.device)

    def gather(self, x: Tensor) -> Tensor:
        """All processes' tensors of one shape, along the first axis."""
        own = _reachable(x).contiguous()
        pieces = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(pieces, own)
        return torch.cat(pieces).to(x.device)

    def shown(self, x: Tensor, owner: int) -> Tensor:
        """The owner's x in every process; in the others x gives the shape."""
        own = _reachable(x)
        seen = own.contiguous() if self.rank == owner else torch.empty_like(own, memory_format=torch.contiguous_format)
        dist.broadcast(seen, owner)
        return seen.to(x.device)


def _reachable(x: Tensor) -> Tensor:
    """x where the group's messages come from: gloo has not all of them for a GPU, which several processes may share."""
    return x.cpu() if dist.get_backend() == "gloo" else x


def started_among_others() -> bool:
    """Was this process started by torchrun, with others?

    Raises `ExperimentError` for variables of torchrun that are not whole.
    """
    return _grouped() or _world()[1] > 1


_VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_MEETING = timedelta(seconds=30)
"""For all processes to come, which torch tries twice: torchrun starts them together, and each loads torch first."""


def _world() -> tuple[int, int]:
    """Number of this process and of all, as torchrun tells them: 0 of 1 where it tells nothing.

    Raises `ExperimentError` for what it would not tell.
    """
    told = {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)}
    if not {"RANK", "WORLD_SIZE"} & told.keys():
        return 0, 1
    rank, count = (_whole(name, told.get(name, default)) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1")))
    if not 0 <= rank < count:
        raise ExperimentError(f"RANK={rank} and WORLD_SIZE={count}: expected 0 <= RANK < WORLD_SIZE; {_REMEDY}")
    if count > 1 and (missing := [name for name in _VARIABLES if name not in told]):
        raise ExperimentError(f"WORLD_SIZE={count} without {', '.join(missing)}: {_REMEDY}")
    if count > 1 and not 0 < _whole("MASTER_PORT", told["MASTER_PORT"]) < 2**16:
        raise ExperimentError(f"MASTER_PORT={told['MASTER_PORT'][:20]}: expected the number of a port; {_REMEDY}")
    return rank, count


_REMEDY = "start with torchrun, which sets all of them, or unset them"


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ExperimentError(f"{name}={text[:20]}: expected a number; {_REMEDY}")
    return int(text)


def _join(cuda: bool) -> None:
    rank, count = _world()
    if cuda:
        torch.cuda.set_device(_whole("LOCAL_RANK", os.environ.get("LOCAL_RANK", "missing")))
    try:
        # The time limit is that of the meeting alone: a step of the group may take any time.
        store, _, _ = next(rendezvous("env://", timeout=_MEETING))
        dist.init_process_group("nccl" if cuda else "gloo", store=store, rank=rank, world_size=count)
    except (RuntimeError, ValueError, OSError) as error:  # torch's own are RuntimeErrors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise ExperimentError(f"process {rank} of {count} has not met the others at {where}: {reason[:200]}") from None


def _grouped() -> bool:
    return dist.is_available() and dist.is_initialized()
