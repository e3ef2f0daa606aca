"""A second processor without one: tensors that compute on the CPU, and refuse what a GPU's tensors refuse.

They say that they are on torch's device `meta`. A tensor of the CPU beside one of theirs, a generator of the CPU for
their random numbers, and `numpy()` are errors, as on a GPU. Indices, and tensors without axes, may be of the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

DEVICE = torch.device("meta")
_MOVING = ("_to_copy", "copy_", "aten.index.", "aten.index_put", "lift_fresh", "_local_scalar_dense")


class Elsewhere(torch.Tensor):
    """A tensor of that processor; `inner` holds its values."""

    @staticmethod
    def __new__(cls, inner):
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, inner.size(), **layout, device=DEVICE)
        made.inner = inner
        return made

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __bool__(self):
        return bool(self.item())

    def __matmul__(self, other):
        # torch drops an axis in place, which is not seen from outside
        return torch.mm(self[None], other)[0] if self.dim() == 1 and other.dim() == 2 else super().__matmul__(other)

    def numpy(self, *_, **__):
        raise TypeError("can't convert a tensor of this processor to numpy; use Tensor.cpu() first")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _perform(func, args, kwargs or {})


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _perform(func, args, kwargs or {})


@contextmanager
def accelerator() -> Iterator[torch.device]:
    """Inside, `DEVICE` is that processor."""
    tensor, autocast = torch.tensor, torch.autocast

    def made(data, *, device=None, **options):
        return Elsewhere(tensor(data, **options)) if _is_there(device) else tensor(data, device=device, **options)

    # neither reaches the dispatcher
    torch.tensor = made
    torch.autocast = lambda device, *args, **options: autocast("cpu" if _is_there(device) else device, *args, **options)
    try:
        with _Mode():
            yield DEVICE
    finally:
        torch.tensor, torch.autocast = tensor, autocast


def _is_there(device) -> bool:
    return device is not None and torch.device(device) == DEVICE


def _perform(func, args, kwargs):
    name, asked = str(func), kwargs.get("device")
    leaves = [x for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
    theirs = [x for x in leaves if isinstance(x, Elsewhere)]
    there = _is_there(asked) if asked is not None else bool(theirs) and "_local_scalar_dense" not in name
    if name.startswith("aten.copy_"):
        there = isinstance(args[0], Elsewhere)
    _refuse(name, leaves, theirs, there and kwargs.get("generator"))
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    plain = pytree.tree_map(lambda x: x.inner if isinstance(x, Elsewhere) else x, (args, kwargs))
    same = {id(x.inner): x for x in theirs}

    def wrapped(x):
        if not there or not isinstance(x, torch.Tensor):
            return x
        return same[id(x)] if id(x) in same else Elsewhere(x)

    return pytree.tree_map(wrapped, func(*plain[0], **plain[1]))


def _refuse(name, leaves, theirs, generator) -> None:
    if generator:
        raise RuntimeError(f"{name}: expected a generator of this processor, got one of the CPU")
    mixed = [x for x in leaves if not isinstance(x, Elsewhere) and x.dim() > 0]
    if theirs and mixed and not any(word in name for word in _MOVING):
        raise RuntimeError(f"{name}: expected all tensors on one processor, got one of the CPU {tuple(mixed[0].shape)}")
    if "aten.index." in name and theirs and not isinstance(leaves[0], Elsewhere):
        raise RuntimeError(f"{name}: a tensor of the CPU cannot be indexed from another processor")
