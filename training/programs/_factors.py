"""A Gauss-Newton program as its factors."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from .._types import Jacobian, OutputHessian, Rows, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """`F = J^T H J + damping I`, never formed: the program of a cascade.

    J: (r, N) Jacobian of the outputs, r = B k rows, sample by sample.
    H: (B, k, k) symmetric positive semidefinite, the loss's Hessian in each sample's outputs with the reduction
        (1/B for a mean) inside; None is the identity.
    damping: lambda >= 0, in the units of `J^T H J`.
    scratch: J is not needed after this program has been loaded; a solver may load it in place (as `overwrite_a` of
        scipy does), which saves an array as large.
    """

    J: Jacobian
    H: OutputHessian | None = None
    damping: float = 0.0
    scratch: bool = False

    def __post_init__(self) -> None:
        for name, value, axes in (("J", self.J, 2), ("H", self.H, 3)):
            if name == "H" and value is None:
                continue
            if not isinstance(value, Tensor) or value.ndim != axes:
                given = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(f"Factors: expected {name} as a tensor of {axes} axes, got {given}")
        if self.H is not None and self.H.shape[0] * self.H.shape[1] != self.J.shape[0]:
            raise ValueError(f"Factors: H {tuple(self.H.shape)} does not fit J {tuple(self.J.shape)}: need B k = r")
        if not self.damping >= 0.0:
            raise ValueError(f"Factors: expected damping >= 0, got {self.damping}")

    @property
    def r(self) -> int:
        return self.J.shape[0]

    @property
    def N(self) -> int:
        return self.J.shape[1]

    @property
    def like(self) -> Tensor:
        """A tensor of the dtype and on the device of all others."""
        return self.J

    @property
    def batch(self) -> int:
        """B; every row is a sample of its own when H is None."""
        return self.J.shape[0] if self.H is None else self.H.shape[0]

    def double(self) -> "Factors":
        """The same numbers in double precision."""
        return replace(self, J=self.J.double(), H=None if self.H is None else self.H.double(), scratch=False)

    def with_damping(self, damping: float) -> "Factors":
        return replace(self, damping=damping)

    def apply_hessian(self, u: Rows) -> Rows:
        # u (r,) -> H u (r,)
        return u if self.H is None else block_product(self.H, u)

    def matvec(self, v: Vector) -> Vector:
        """F v."""
        return self.J.T @ self.apply_hessian(self.J @ v) + self.damping * v

    def diagonal(self) -> Vector:
        """diag(F), for a Jacobi preconditioner."""
        if self.H is None:
            return torch.linalg.vector_norm(self.J, dim=0).square() + self.damping  # no copy of J
        diagonal = torch.full_like(self.J[0], self.damping)
        for J, H in zip(self.J.split(self.H.shape[1]), self.H, strict=True):
            diagonal += (J * (H @ J)).sum(0)
        return diagonal

    def dense(self) -> Float[Tensor, "N N"]:
        """F as a matrix: N^2 numbers."""
        HJ = self.J if self.H is None else block_product(self.H, self.J)
        return self.J.T @ HJ + self.damping * torch.eye(self.N, dtype=self.J.dtype, device=self.J.device)

    def root(self, keep: bool = False) -> Float[Tensor, "B k m"] | None:
        """`hessian_root` of H."""
        return None if self.H is None else hessian_root(self.H, keep)


def hessian_root(H: OutputHessian, keep: bool = False) -> Float[Tensor, "B k m"]:
    """S with H = S S^T, (B, k, m), m <= k the largest rank; `keep`: m = k. Raises ValueError when H is indefinite.

    Softmax has m = k - 1: its Hessian maps the constant vector to zero.
    """
    # in double: the smallest numbers of single precision, of confident samples, keep LAPACK from converging
    w, V = torch.linalg.eigh(H.double())
    rounding = torch.finfo(H.dtype).eps
    largest = float(w.abs().max())
    # Confident samples leave nothing of p - p^2 but its rounding, which is relative to one over the batch.
    if w.min() < -1e3 * rounding * max(largest, 1 / len(H)):
        raise ValueError(
            "Factors: expected H positive semidefinite (a loss convex in the outputs), "
            f"got eigenvalue {w.min().item():.3g}"
        )
    # k roundings add up in an eigenvalue that should be zero
    empty = 0 if keep else min(int((w.amax(0) <= w.shape[1] * rounding * largest).sum()), w.shape[1] - 1)
    return (V * w.clamp_min(0.0).sqrt().unsqueeze(-2))[..., empty:].to(H).contiguous()


def block_product(blocks: Float[Tensor, "B p q"], x: Float[Tensor, "Bq *columns"]) -> Float[Tensor, "Bp *columns"]:
    """Block-diagonal matrix times vector or matrix."""
    B, p, q = blocks.shape
    return torch.bmm(blocks, x.reshape(B, q, -1)).reshape(B * p, *x.shape[1:])
