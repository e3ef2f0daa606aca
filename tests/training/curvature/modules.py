"""Modules as other people write them."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Apply(nn.Module):
    """A function between layers."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


class Recurrent(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.layer, self.head = kind(4, 3, batch_first=True), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x, x, x, need_weights=False)[0].mean(1))


class ScaledProducts(nn.Module):
    """Attention as torch's own function, which has no forward derivative of its quick kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(self.query(x), self.key(x), x).mean(1)[:, :3]


class Branching(nn.Module):
    """The way that is taken depends on a number, which torch.func cannot look at."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return y if float(x.abs().sum()) > 0.0 else -y


class Twice(torch.autograd.Function):
    """A function of somebody who never heard of torch.func."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2.0 * x

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return 2.0 * slope


class Gate(nn.Module):
    """Mixes samples by a weight that is zero at first: outputs show nothing, derivatives do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.weight = nn.Linear(4, 3), nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return y + self.weight * y.mean(0)


def dense() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def after(function: Callable[[Tensor], Any]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Linear(4, 3), Apply(function), nn.Tanh())


def calm_batch_norm() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
    module(torch.randn(20, 4))
    return module.eval()


def tied() -> nn.Module:
    module = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    module[4].weight = module[0].weight
    return module


def partly_frozen() -> nn.Module:
    module = dense()
    module[0].requires_grad_(False)
    return module


def one_unused() -> nn.Module:
    module = dense()
    module.register_module("spare", nn.Linear(2, 2))
    module.forward = lambda x: module[2](module[1](module[0](x)))  # type: ignore[method-assign]
    return module


def old_weight_norm() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 3)), nn.Tanh(), nn.Linear(3, 3))


def sparse_embedding() -> nn.Module:
    return nn.Sequential(Apply(lambda x: (x * 10).long().clamp(0, 5)), nn.Embedding(6, 3, sparse=True))


def bag() -> nn.Module:
    return nn.Sequential(Apply(lambda x: (x * 6).long().clamp(0, 5)), nn.EmbeddingBag(6, 3))
