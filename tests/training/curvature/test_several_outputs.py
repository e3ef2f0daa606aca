"""Modules whose outputs are a mapping, a tuple or a dataclass of tensors."""

import copy
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from thermospice.training import KFAC, TNGD, IdealSPU, Woodbury
from torch import Tensor, nn
from torch.nn import functional

from . import oracle

B = 5
X = torch.randn(B, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = (torch.randint(3, (B,), generator=torch.Generator().manual_seed(2)), X[:, :2].cos())
DAMPING = 0.2
WAYS = ["dict", "OrderedDict", "tuple", "list", "named tuple", "dataclass", "dataclass with None"]


@dataclass
class Heads:
    logits: Tensor
    numbers: Tensor
    hidden: Tensor | None = None


class Named(NamedTuple):
    logits: Tensor
    numbers: Tensor


class TwoHeads(nn.Module):
    """A body with two heads, whose outputs come as one asks for them; `numbers` has two axes beside the batch."""

    def __init__(self, way: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.way = way
        self.body, self.logits, self.numbers = nn.Linear(4, 6), nn.Linear(6, 3), nn.Linear(6, 2)
        self.double()

    def forward(self, x: Tensor) -> Any:
        h = self.body(x).tanh()
        a, b = self.logits(h), self.numbers(h).reshape(-1, 2, 1)
        made: dict[str, Any] = {
            "dict": lambda: {"logits": a, "numbers": b},
            "OrderedDict": lambda: OrderedDict(logits=a, numbers=b),
            "tuple": lambda: (a, b),
            "list": lambda: [a, b],
            "named tuple": lambda: Named(a, b),
            "dataclass": lambda: Heads(a, b, h),
            "dataclass with None": lambda: Heads(a, b),
            "joined": lambda: torch.cat([a, b.flatten(1)], 1),
        }
        return made[self.way]()


def loss(outputs: Any, targets: tuple[Tensor, Tensor]) -> Tensor:
    if isinstance(outputs, Heads | Named):
        a, b = outputs.logits, outputs.numbers
    else:
        a, b = (outputs["logits"], outputs["numbers"]) if isinstance(outputs, dict) else outputs
    return functional.cross_entropy(a, targets[0]) + functional.mse_loss(b.squeeze(-1), targets[1])


def joined_loss(z: Tensor, targets: tuple[Tensor, Tensor]) -> Tensor:
    return functional.cross_entropy(z[:, :3], targets[0]) + functional.mse_loss(z[:, 3:], targets[1])


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


@pytest.mark.parametrize("kind", ["ggn", "fisher", "layers", "products"])
@pytest.mark.parametrize("way", WAYS)
def test_the_step_is_that_of_dense_matrices(way: str, kind: Any, double_precision: None) -> None:
    # Catches outputs that are put together in another order, or of which a part is left out.
    twin = TwoHeads("joined")
    g = oracle.gradient(twin, joined_loss, X, Y)
    F = oracle.gauss_newton(twin, joined_loss, X, Y)
    if kind == "fisher":
        F = sum(torch.outer(row, row) for row in (one_sample(twin, i) for i in range(B))) / B
    expected = torch.linalg.solve(F + DAMPING * torch.eye(len(g)), g)
    module = TwoHeads(way)
    begin = flat(module)
    from thermospice.training import ConjugateGradient

    solver = ConjugateGradient(tol=1e-13) if kind == "products" else Woodbury()
    optimizer = TNGD(module, loss, lr=1.0, damping=DAMPING, solver=solver, curvature=kind)
    torch.testing.assert_close(optimizer.step(X, Y), joined_loss(twin(X), Y).detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(begin - flat(module), expected, rtol=1e-9, atol=1e-11)
    assert type(module(X)) is type(TwoHeads(way)(X))  # outside a step it is as it was


def one_sample(module: nn.Module, i: int) -> Tensor:
    return oracle.gradient(module, joined_loss, X[i : i + 1], (Y[0][i : i + 1], Y[1][i : i + 1]))


@pytest.mark.parametrize("way", ["dict", "tuple", "dataclass with None"])
def test_k_fac_closures_micro_batches_and_levenberg_marquardt_know_them(way: str, double_precision: None) -> None:
    from thermospice.training.optimizers import LevenbergMarquardt

    module, twin = TwoHeads(way), TwoHeads("joined")
    KFAC(module, loss, lr=0.1).step(X, Y)
    KFAC(twin, joined_loss, lr=0.1).step(X, Y)
    torch.testing.assert_close(flat(module), flat(twin), rtol=1e-12, atol=1e-14)

    optimizers = [
        TNGD(m, of, solver=Woodbury(), levenberg_marquardt=LevenbergMarquardt())
        for m, of in ((module, loss), (twin, joined_loss))
    ]
    for optimizer in optimizers:
        optimizer.accumulate(X[:2], (Y[0][:2], Y[1][:2]))
        optimizer.step(X[2:], (Y[0][2:], Y[1][2:]))
    torch.testing.assert_close(flat(module), flat(twin), rtol=1e-11, atol=1e-14)
    assert optimizers[0].param_groups[0]["damping"] == optimizers[1].param_groups[0]["damping"]

    def closure() -> Tensor:
        module.zero_grad()
        found = loss(module(X), Y)
        found.backward()
        return found

    optimizers[0].step(closure)
    optimizers[1].step(X, Y)
    torch.testing.assert_close(flat(module), flat(twin), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("way", [copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))])
def test_a_copy_goes_on(way: Any) -> None:
    module = TwoHeads("dict")
    optimizer = TNGD(module, loss, solver=IdealSPU(t=2.0))
    optimizer.step(X, Y)
    other, twin = way((module, optimizer))
    assert float(twin.step(X, Y)) == float(optimizer.step(X, Y))
    assert torch.equal(flat(other), flat(module))


REFUSED: dict[str, Any] = {
    "a scalar among them": lambda x: {"x": x, "loss": x.mean()},
    "whole numbers among them": lambda x: (x, x.long()),
    "another number of samples": lambda x: (x, x[:2]),
    "two precisions": lambda x: (x, x.float()),
    "words": lambda x: {"x": x, "name": "x"},
    "nothing": lambda x: (),
}


class Ending(nn.Module):
    def __init__(self, end: Any) -> None:
        super().__init__()
        self.layer, self.end = nn.Linear(4, 3).double(), end

    def forward(self, x: Tensor) -> Any:
        return self.end(self.layer(x))


@pytest.mark.parametrize("kind", ["ggn", "layers", "products", "kfac"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_batch_of_numbers_is_refused_in_one_line(name: str, kind: Any) -> None:
    module = Ending(REFUSED[name])
    optimizer = KFAC(module, loss) if kind == "kfac" else TNGD(module, loss, curvature=kind)
    with pytest.raises(ValueError, match=r"expected one tensor of outputs \(batch first\), or a tuple") as caught:
        optimizer.step(X, Y)
    assert "\n" not in str(caught.value)
