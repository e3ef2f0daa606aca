"""`F = W^T W + damping I` with W = S^T J, W never stored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .._types import Jacobian, Matrix, Rows, Vector
from ._factors import Factors, block_product

# A relative error of the answer that a Gram matrix in single precision may leave: its rounding, relative to its largest
# eigenvalue, times what a part of the drive is multiplied by. Eigenvectors in single precision double it.
LOST_IN_ROUNDING = 3e-4

# Columns of J that are in double precision at a time.
COLUMNS_AT_ONCE = 4096


def needs_double(gram: Matrix, gain: float) -> bool:
    """Whether rounding of a Gram matrix in single precision shows in an answer.

    gain: the most that a part of the drive is multiplied by, 1/damping at rest.
    """
    if gram.dtype == torch.float64 or not bool(gram.isfinite().all()):
        return False
    largest = float(gram.norm())  # bounds its eigenvalues, and closely, as few of them are large
    return torch.finfo(gram.dtype).eps * largest * gain > LOST_IN_ROUNDING


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """Factors with the Hessian split in two; its small matrices live in the r rows of W.

    wide: compute in double precision, with a few columns of a J in single precision at a time.
    """

    J: Jacobian
    root: Float[Tensor, "B k m"] | None
    damping: float
    wide: bool = False

    @classmethod
    def of(cls, factors: Factors) -> "LowRank":
        return cls(factors.J, factors.root(), factors.damping)

    @property
    def like(self) -> Tensor:
        return self.J.new_empty(0, dtype=torch.float64) if self.wide else self.J

    def widened(self) -> "LowRank":
        return replace(self, root=None if self.root is None else self.root.double(), wide=True)

    @property
    def rows(self) -> int:
        """Rows of W."""
        return len(self.J) if self.root is None else self.root.shape[0] * self.root.shape[2]

    def rooted(self, columns: Float[Tensor, "r c"]) -> Float[Tensor, "m c"]:
        """The columns of W that belong to columns of J."""
        columns = columns.to(self.like)
        return columns if self.root is None else block_product(self.root.mT, columns.contiguous())

    def project(self, v: Vector) -> Rows:
        # W v = S^T (J v)
        u = sum_of_parts(piece @ v[place] for place, piece in self._pieces())
        return u if self.root is None else block_product(self.root.mT, u)

    def lift(self, u: Rows) -> Vector:
        # W^T u = J^T (S u)
        w = u if self.root is None else block_product(self.root, u)
        return torch.cat([piece.T @ w for _, piece in self._pieces()])

    def gram(self) -> Float[Tensor, "Bm Bm"]:
        """W W^T = S^T (J J^T) S: one product of r^2 N, then blocks of k."""
        K = sum_of_parts(piece @ piece.T for _, piece in self._pieces())
        if self.root is None:
            return K
        half = block_product(self.root.mT, K)
        whole: Tensor = block_product(self.root.mT, half.mT.contiguous())
        return (whole + whole.mT) / 2

    def _pieces(self) -> Iterator[tuple[slice, Tensor]]:
        if not self.wide:
            yield slice(None), self.J
            return
        for start in range(0, self.J.shape[1], COLUMNS_AT_ONCE):
            place = slice(start, start + COLUMNS_AT_ONCE)
            yield place, self.J[:, place].double()


def sum_of_parts(parts: Iterator[Tensor]) -> Tensor:
    total = next(parts)
    for part in parts:
        total += part
    return total
