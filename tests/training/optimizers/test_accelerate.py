"""The recipe of docs/training.md for `accelerate`, where that is installed."""

import pytest
import torch
from thermospice.training import TNGD, Woodbury
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

accelerate = pytest.importorskip("accelerate", reason="the recipe needs accelerate")

X = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))
Y = torch.randint(3, (24,), generator=torch.Generator().manual_seed(2))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def test_a_prepared_loop_takes_the_steps_of_a_plain_one() -> None:
    accelerator = accelerate.Accelerator(cpu=True)
    model = network()
    optimizer = TNGD(model, functional.cross_entropy, lr=0.3, damping=0.1, solver=Woodbury())
    loader = DataLoader(TensorDataset(X, Y), batch_size=8)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    for x, y in loader:

        def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y)
            accelerator.backward(loss)
            return loss

        optimizer.step(closure)
    twin = network()
    plain = TNGD(twin, functional.cross_entropy, lr=0.3, damping=0.1, solver=Woodbury())
    for x, y in zip(X.split(8), Y.split(8), strict=True):
        plain.step(x, y)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-6)
