"""A Gauss-Newton program whose rows are spread over processes."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils import _pytree as pytree

from .._types import Rows, Vector
from ..parallel import Ranks
from ._factors import Factors
from ._low_rank import LowRank

COLUMN_CHUNKS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Sharded:
    """`F = sum_p J_p^T H_p J_p + damping I`, p the processes of a data-parallel run, each with its part of the batch.

    Every method is collective: all processes call it, with the same arguments, and get the same answer. Vectors of
    N and of r numbers and the blocks of the r x r Gram matrix are exchanged; for the blocks each process shows its
    rows to the others in chunks of columns, so that none ever holds more than its own J and an eighth of another.
    """

    local: Factors
    ranks: Ranks

    @classmethod
    def of(cls, local: Factors, ranks: Ranks) -> "Sharded":
        """Raises ValueError unless every process has the same number of samples."""
        _refuse_unlike(ranks, local.r, local.batch, local.J)
        return cls(local, ranks)

    @property
    def damping(self) -> float:
        return self.local.damping

    @property
    def N(self) -> int:
        return self.local.N

    @property
    def r(self) -> int:
        return self.local.r * self.ranks.count

    @property
    def like(self) -> Tensor:
        return self.local.J

    def matvec(self, v: Vector) -> Vector:
        """F v."""
        local = self.local
        return self.ranks.sum(local.J.T @ local.apply_hessian(local.J @ v)) + self.damping * v

    def diagonal(self) -> Vector:
        """diag(F)."""
        return self.ranks.sum(self.local.with_damping(0.0).diagonal()) + self.damping

    def with_damping(self, damping: float) -> "Sharded":
        return replace(self, local=self.local.with_damping(damping))

    def gathered(self) -> Factors:
        """The whole program in every process, for a device that has to be loaded with all of it."""
        H = None if self.local.H is None else self.ranks.gather(self.local.H)
        return replace(self.local, J=self.ranks.gather(self.local.J), H=H, scratch=True)


@dataclass(frozen=True, slots=True, eq=False)
class ShardedLowRank:
    """`LowRank` with the rows of W spread over processes; vectors of r numbers are whole in each of them."""

    local: LowRank
    ranks: Ranks

    @classmethod
    def of(cls, program: Sharded) -> "ShardedLowRank":
        local = program.local
        # every process keeps all columns of its roots: they have to fit together
        return cls(LowRank(local.J, local.root(keep=True), local.damping), program.ranks)

    @property
    def like(self) -> Tensor:
        return self.local.like

    @property
    def damping(self) -> float:
        return self.local.damping

    def widened(self) -> "ShardedLowRank":
        """The same, computing in double precision."""
        return replace(self, local=self.local.widened())

    def project(self, v: Vector) -> Rows:
        return self.ranks.gather(self.local.project(v))

    def lift(self, u: Rows) -> Vector:
        return self.ranks.sum(self.local.lift(u.chunk(self.ranks.count)[self.ranks.rank]))

    def gram(self) -> Float[Tensor, "r r"]:
        own = self.local.like.new_zeros(self.ranks.count, self.local.rows, self.local.rows)
        for columns in self.local.J.chunk(COLUMN_CHUNKS, 1):
            mine = self.local.rooted(columns)
            for owner in range(self.ranks.count):
                own[owner].addmm_(mine, self.ranks.shown(mine, owner).T)
        blocks = own.movedim(0, 1).reshape(self.local.rows, -1)
        whole = self.ranks.gather(blocks)
        return (whole + whole.T) / 2


def gathered_batch(ranks: Ranks, outputs: Tensor, targets: Any, rows: int) -> tuple[Tensor, Any, slice]:
    """Outputs and targets of all processes in their order, and where in them this process's own are.

    Target tensors with a row for each sample are gathered, all else is taken to be the same everywhere. `rows`: of the
    Jacobian. Raises ValueError unless every process has the same number of samples, of one shape.
    """
    B = len(outputs)
    _refuse_unlike(ranks, rows, B, outputs)

    def whole(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor) or leaf.dim() == 0 or len(leaf) != B:
            return leaf
        _refuse_unlike(ranks, leaf.numel(), B, outputs)
        return ranks.gather(leaf)

    _refuse_unlike(ranks, len(pytree.tree_leaves(targets)), B, outputs)
    own = slice(ranks.rank * B, (ranks.rank + 1) * B)
    return ranks.gather(outputs), pytree.tree_map(whole, targets), own


def _refuse_unlike(ranks: Ranks, size: int, samples: int, like: Tensor) -> None:
    counts = ranks.gather(torch.tensor([size, samples], device=like.device)).reshape(-1, 2)
    sizes, batches = counts.unbind(1)
    if not bool((batches == batches[0]).all()):
        raise ValueError(f"data_parallel: expected the same number of samples in every process, got {batches.tolist()}")
    if not bool((sizes == sizes[0]).all()):
        raise ValueError(f"data_parallel: expected samples of one shape in every process, got {sizes.tolist()} numbers")
