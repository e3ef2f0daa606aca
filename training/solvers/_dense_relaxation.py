"""A relaxing linear system with a small dense matrix."""

import math
from dataclasses import dataclass

import scipy
import torch
from torch import Tensor

from .._types import Matrix, Vector


@dataclass(frozen=True, slots=True, eq=False)
class DenseFlow:
    """`dx = -(F x - b) ds + N(0, diffusion ds)`, F (n, n) any matrix whose eigenvalues have positive real part."""

    F: Matrix
    diffusion: Matrix

    @property
    def like(self) -> Tensor:
        return self.F

    def mean(self, b: Vector, x0: Vector | None, t: float) -> Vector:
        settled = torch.linalg.solve(self.F, b)
        if math.isinf(t):
            return settled
        start = torch.zeros_like(b) if x0 is None else x0
        return settled + torch.linalg.matrix_exp(-t * self.F) @ (start - settled)

    def covariance(self, t: float) -> Matrix:
        """Covariance from a known state, after t: P - exp(-F t) P exp(-F t)^T, where F P + P F^T = diffusion."""
        P = scipy.linalg.solve_continuous_lyapunov(self.F.cpu().numpy(), self.diffusion.cpu().numpy())
        stationary = torch.from_numpy(P).to(self.F)
        if math.isinf(t):
            return stationary
        E = torch.linalg.matrix_exp(-t * self.F)
        return stationary - E @ stationary @ E.T

    def noise(self, t: float, white: Vector) -> Vector:
        P = self.covariance(t)
        w, V = torch.linalg.eigh((P + P.T) / 2)
        return V @ (w.clamp_min(0.0).sqrt() * (V.T @ white))
