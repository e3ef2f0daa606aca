"""A tuple, a mapping or a dataclass of outputs as one tensor, and as what it was for the loss."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ..._exceptions import first_line
from ..._types import LossFunction

Made = TypeVar("Made")


class NotOneTensor(ValueError):
    """A module's outputs are not one tensor; `parts`: they are tensors with the batch first, which can be joined."""

    def __init__(self, message: str, parts: bool) -> None:
        super().__init__(message)
        self.parts = parts

    @classmethod
    def of(cls, outputs: Any) -> "NotOneTensor":
        kind = type(outputs).__name__
        parts = _is_batch(_flat(outputs)[0])
        return cls(
            "module: expected one tensor of outputs (batch first), or a tuple, mapping or dataclass of tensors of one "
            f"kind, each batch first, got {kind}",
            parts,
        )


@dataclass(eq=False)
class OutputParts:
    """What is known of the outputs of one module.

    several: they are not one tensor. Their structure is that of the last call.
    """

    several: bool = False
    _structure: Any = field(default=None, repr=False)
    _shapes: tuple[tuple[int, ...], ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        # the structure is found anew by the next call, and torch warns of copies of its own
        return {"several": self.several}

    def loss(self, loss_fn: LossFunction) -> LossFunction:
        """The loss as a function of what `joined` makes the module give."""
        return _OfParts(loss_fn, self) if self.several else loss_fn

    def tried(self, module: nn.Module, make: Callable[[], Made]) -> Made:
        """What `make` makes of the module, which gives one tensor meanwhile; seen where a first try fails by it."""
        random = torch.get_rng_state()
        try:
            with self.joined(module):
                return make()
        except NotOneTensor as error:
            if self.several or not error.parts:
                raise
        self.several = True
        torch.set_rng_state(random)
        with self.joined(module):
            return make()

    @contextmanager
    def joined(self, module: nn.Module) -> Iterator[None]:
        """The module's outputs are one tensor, a row for each sample."""
        if not self.several:
            yield
            return
        handle = module.register_forward_hook(lambda *call: self._join(call[-1]))
        try:
            yield
        finally:
            handle.remove()

    def within(self, module: nn.Module, product: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """The same, with the module's outputs joined while it is made."""

        def made(x: Tensor) -> Tensor:
            with self.joined(module):
                return product(x)

        return made

    def split(self, outputs: Tensor) -> Any:
        """What the module gave, of its joined outputs."""
        sizes = [torch.Size(shape).numel() for shape in self._shapes]
        pieces = outputs.reshape(len(outputs), -1).split(sizes, 1)
        leaves = [p.reshape(len(outputs), *shape) for p, shape in zip(pieces, self._shapes, strict=True)]
        return _whole(leaves, self._structure)

    def _join(self, outputs: Any) -> Tensor:
        leaves, structure = _flat(outputs)
        if not _is_batch(leaves):
            raise NotOneTensor.of(outputs)
        self._structure = structure
        self._shapes = tuple(tuple(leaf.shape[1:]) for leaf in leaves)
        return torch.cat([leaf.reshape(len(leaf), -1) for leaf in leaves], 1)


@dataclass(frozen=True, slots=True, eq=False)
class _OfParts:
    """A loss of several tensors as one of a single tensor."""

    loss_fn: LossFunction
    parts: OutputParts

    def __call__(self, outputs: Tensor, targets: Any) -> Tensor:
        given = self.parts.split(outputs)
        try:
            return self.loss_fn(given, targets)
        except (TypeError, AttributeError, LookupError) as error:
            raise ValueError(
                "loss_fn: expected one of what the module gives, or one tensor of outputs (batch first) from the "
                f"module; it cannot take its {type(given).__name__} ({first_line(error)})"
            ) from error


def _is_batch(leaves: Sequence[Any]) -> bool:
    """Real numbers of one kind, with a row for each of the same samples."""
    if not leaves or not all(isinstance(leaf, Tensor) and leaf.dim() > 0 for leaf in leaves):
        return False
    return len({(len(leaf), leaf.dtype) for leaf in leaves}) == 1 and leaves[0].is_floating_point()


def _flat(outputs: Any) -> tuple[list[Any], Any]:
    """Leaves, and what puts them together again; a dataclass by its fields, None where there is nothing."""
    if is_dataclass(outputs) and not isinstance(outputs, type) and not isinstance(outputs, dict):
        named = {f.name: getattr(outputs, f.name) for f in fields(outputs)}
        leaves, structure = pytree.tree_flatten(_without_none(named))
        return leaves, (type(outputs), tuple(named), structure)
    if isinstance(outputs, dict) and type(outputs) is not dict:
        leaves, structure = pytree.tree_flatten(_without_none(dict(outputs)))
        return leaves, (type(outputs), (), structure)
    leaves, structure = pytree.tree_flatten(outputs)
    return leaves, structure


def _without_none(named: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if value is not None}


def _whole(leaves: list[Tensor], structure: Any) -> Any:
    if not isinstance(structure, tuple):
        return pytree.tree_unflatten(leaves, structure)
    kind, names, inner = structure
    found = pytree.tree_unflatten(leaves, inner)
    return kind(**({name: found.get(name) for name in names} if names else found))
