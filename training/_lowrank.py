"""`F = W^T W + damping I` with W = S^T J, W never stored."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ._factors import Factors, block_product
from ._types import Jacobian, Rows, Vector


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """Factors with the Hessian split in two; its small matrices live in the r rows of W."""

    J: Jacobian
    root: Float[Tensor, "B k m"] | None
    damping: float

    @classmethod
    def of(cls, factors: Factors) -> "LowRank":
        return cls(factors.J, factors.root(), factors.damping)

    @property
    def like(self) -> Tensor:
        return self.J

    @property
    def rows(self) -> int:
        """Of W."""
        return len(self.J) if self.root is None else self.root.shape[0] * self.root.shape[2]

    def rooted(self, columns: Float[Tensor, "r c"]) -> Float[Tensor, "m c"]:
        """The columns of W that belong to columns of J."""
        return columns if self.root is None else block_product(self.root.mT, columns.contiguous())

    def project(self, v: Vector) -> Rows:
        # W v = S^T (J v)
        u = self.J @ v
        return u if self.root is None else block_product(self.root.mT, u)

    def lift(self, u: Rows) -> Vector:
        # W^T u = J^T (S u)
        return self.J.T @ (u if self.root is None else block_product(self.root, u))

    def gram(self) -> Float[Tensor, "Bm Bm"]:
        """W W^T = S^T (J J^T) S: one product of r^2 N, then blocks of k."""
        K = self.J @ self.J.T
        if self.root is None:
            return K
        half = block_product(self.root.mT, K)
        whole: Tensor = block_product(self.root.mT, half.mT.contiguous())
        return (whole + whole.mT) / 2
