"""Derivatives sample by sample, each as if it were a batch of one, by torch.func."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import jacrev, vjp, vmap
from torch.utils import _pytree as pytree

from .._types import Jacobian
from ..programs import room_for
from ._flat_module import FlatModule


@dataclass(frozen=True, slots=True, eq=False)
class SampleWise:
    """A batch in the hope that its samples have nothing to do with each other; `PlainPass` is the judge of that.

    chunk: samples differentiated at a time. All methods raise ValueError for inputs that cannot be cut into samples,
    and whatever torch raises where it cannot transform the module.
    """

    flat: FlatModule
    inputs: Any
    chunk: int | None = None
    autocast: torch.dtype | None = None

    def jacobian(self) -> tuple[Tensor, Jacobian]:
        """Outputs, a sample for each row, and J, sample by sample."""
        per_sample = vmap(jacrev(self._flat_and_shaped, has_aux=True), in_dims=(None, 0), randomness="different")
        outputs: list[Tensor] = []
        J = torch.empty(0, self.flat.N)
        row = 0
        for piece in self._chunks(self.inputs):
            blocks, out = per_sample(self._values(), piece)
            outputs.append(out.detach())
            rows = out.numel()
            if row == 0:
                J = room_for(self.batch * out[0].numel(), self.flat.N, out)
            _store(J[row : row + rows], [blocks[name] for name in self.flat.names])
            row += rows
        return torch.cat(outputs), J

    def outputs(self) -> Tensor:
        """Outputs alone, leaving torch's generators where `pulled_back` will draw the same masks."""

        def outputs(values: dict[str, Tensor], x: Any) -> Tensor:
            # differentiated as there, so that the same kernels draw
            out: Tensor = vjp(lambda v: self._shaped(v, x), values)[0]
            return out

        per_sample = vmap(outputs, in_dims=(None, 0), randomness="different")
        device = self.flat.parameters[0].device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            return torch.cat([per_sample(self._values(), piece).detach() for piece in self._chunks(self.inputs)])

    def pulled_back(self, slope: Tensor) -> Jacobian:
        """J_x^T slope_x of each sample, (B, N)."""

        def pulled(values: dict[str, Tensor], x: Any, u: Tensor) -> dict[str, Tensor]:
            back: dict[str, Tensor] = vjp(lambda v: self._shaped(v, x), values)[1](u)[0]
            return back

        per_sample = vmap(pulled, in_dims=(None, 0, 0), randomness="different")
        J = room_for(len(slope), self.flat.N, slope)
        row = 0
        for piece in self._chunks((self.inputs, slope)):
            blocks = per_sample(self._values(), *piece)
            rows = len(piece[1])
            _store(J[row : row + rows], [blocks[name].unsqueeze(1) for name in self.flat.names])
            row += rows
        return J

    @property
    def batch(self) -> int:
        leaves = pytree.tree_leaves(self.inputs)
        sizes = {len(leaf) if isinstance(leaf, Tensor) and leaf.dim() > 0 else None for leaf in leaves}
        if len(sizes) != 1 or None in sizes:
            raise ValueError("inputs: expected tensors with one row for each sample")
        return len(leaves[0])

    def _shaped(self, values: dict[str, Tensor], x: Any) -> Tensor:
        one = pytree.tree_map(lambda a: a.unsqueeze(0), x)
        first = self.flat.parameters[0]
        with torch.autocast(first.device.type, self.autocast, enabled=self.autocast is not None):
            out = self.flat.outputs(values, one).squeeze(0)
        return out.to(first.dtype)

    def _flat_and_shaped(self, values: dict[str, Tensor], x: Any) -> tuple[Tensor, Tensor]:
        out = self._shaped(values, x)
        return out.reshape(-1), out

    def _values(self) -> dict[str, Tensor]:
        return dict(zip(self.flat.names, (p.detach() for p in self.flat.parameters), strict=True))

    def _chunks(self, inputs: Any) -> Iterator[Any]:
        size = self.chunk or max(1, self.batch // 8)
        for start in range(0, self.batch, size):
            piece = slice(start, start + size)
            yield pytree.tree_map(lambda a, s=piece: a[s], inputs)


def _store(J: Tensor, blocks: list[Tensor]) -> None:
    # (samples, k, *shape) per parameter -> columns of J
    column = 0
    for block in blocks:
        width = block[0, 0].numel()
        J[:, column : column + width] = block.detach().reshape(len(J), width)
        column += width
