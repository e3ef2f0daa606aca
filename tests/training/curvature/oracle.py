"""Natural gradients by the book: dense matrices, one plain backward pass for each number of them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def trained(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


def called(module: nn.Module, inputs: Any) -> Tensor:
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)


def pulled(outputs: Tensor, module: nn.Module) -> Tensor:
    """The gradient of a scalar in all trained parameters, (N,)."""
    found = torch.autograd.grad(outputs, trained(module), retain_graph=True, allow_unused=True)
    dense = [torch.zeros_like(p) if g is None else g.to_dense() for g, p in zip(found, trained(module), strict=True)]
    return torch.cat([g.reshape(-1) for g in dense]).detach()


def gauss_newton(module: nn.Module, loss_fn: Callable[..., Tensor], inputs: Any, targets: Any) -> Tensor:
    """J^T H J with H the Hessian of the loss in all outputs, coupled or not, (N, N)."""
    outputs = called(module, inputs)
    J = torch.stack([pulled(z, module) for z in outputs.reshape(-1)])
    z = outputs.detach().clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(loss_fn(z, targets), z, create_graph=True)
    columns = [_derivative(one, z) for one in slope.reshape(-1)]
    return J.T @ torch.stack(columns) @ J


def fisher(module: nn.Module, loss_fn: Callable[..., Tensor], inputs: Any, targets: Any, shares: Tensor) -> Tensor:
    """sum_x a_x g_x g_x^T, with g_x the gradient of the loss of sample x alone and a_x its share, given."""
    outputs = called(module, inputs)
    total = torch.zeros(sum(p.numel() for p in trained(module)), dtype=outputs.dtype).diag()
    for x, share in enumerate(shares):
        if share > 0:  # the loss of an ignored sample alone is no number
            g = pulled(loss_fn(outputs[x : x + 1], targets[x : x + 1]), module)
            total += share * torch.outer(g, g)
    return total


def gradient(module: nn.Module, loss_fn: Callable[..., Tensor], inputs: Any, targets: Any) -> Tensor:
    return pulled(loss_fn(called(module, inputs), targets), module)


def _derivative(one: Tensor, z: Tensor) -> Tensor:
    if not one.requires_grad:
        return torch.zeros(z.numel(), dtype=z.dtype)
    (row,) = torch.autograd.grad(one, z, retain_graph=True, allow_unused=True)
    return torch.zeros(z.numel(), dtype=z.dtype) if row is None else row.reshape(-1).detach()
