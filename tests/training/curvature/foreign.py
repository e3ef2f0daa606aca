"""A small network with targets, and the solvers that its steps are taken by."""

from collections.abc import Callable

import torch
from thermospice.training import Cholesky, ConjugateGradient, IdealSPU, Woodbury
from torch import Tensor, nn

B, K, DAMPING = 8, 3, 0.1
IGNORED = -100


def classes() -> Tensor:
    return torch.tensor([0, 2, 1, 1, 0, 2, 2, 1])


def numbers() -> Tensor:
    return torch.randn(B, K)


SOLVERS = {"ggn": [Cholesky(), Woodbury(), IdealSPU(), ConjugateGradient(tol=1e-14)], "fisher": [Woodbury()],
           "layers": [Woodbury()], "products": [ConjugateGradient(tol=1e-14)]}  # fmt: skip


def network(end: Callable[[], nn.Module] = nn.Identity) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, K), end())


def inputs() -> Tensor:
    return torch.randn(B, 4, generator=torch.Generator().manual_seed(2))


def parameters(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()
