"""Other people's modules: every curvature gives the step of the naive dense matrices, or says in one line why not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, Cholesky, ConjugateGradient, IdealSPU, Woodbury
from thermospice.training.curvature import PlainPass, curvature
from torch import Tensor, nn
from torch.nn import functional

from . import oracle
from .modules import (
    Apply,
    Attention,
    Branching,
    Gate,
    Recurrent,
    ScaledProducts,
    Twice,
    after,
    bag,
    calm_batch_norm,
    dense,
    old_weight_norm,
    one_unused,
    partly_frozen,
    sparse_embedding,
    tied,
)

B, DAMPING = 5, 0.1
pytestmark = pytest.mark.usefixtures("double_precision")


RIGHT = ""
"""No words of a refusal are expected."""


@dataclass(frozen=True)
class Foreign:
    """A module, the shape of a sample, and for three ways of going about it the words by which they are refused."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (4,)
    layers: str = RIGHT
    products: str = RIGHT
    kfac: str = RIGHT


KINDS, MIXED, AGAIN, ONE = "has no Kronecker factors", "samples are mixed", "another function", "in another way"
LAYERS = {"layers": "has no Jacobian by sites", "kfac": KINDS}
MODULES = {
    "dense": Foreign(dense),
    "mean over the batch": Foreign(after(lambda x: x - x.mean(0)), layers=MIXED, kfac=MIXED),
    "detached mean over the batch": Foreign(after(lambda x: x - x.mean(0).detach())),
    "detached mean at the end": Foreign(
        lambda: nn.Sequential(nn.Linear(4, 3), Apply(lambda x: x - x.mean(0).detach()))
    ),
    "sorted over the batch": Foreign(after(lambda x: x.sort(0)[0]), layers=MIXED, kfac=MIXED),
    "gate that is shut": Foreign(Gate, **LAYERS),
    "batch normalisation in eval": Foreign(calm_batch_norm, kfac=KINDS),
    "one number for each sample": Foreign(lambda: nn.Sequential(nn.Linear(4, 1), Apply(lambda x: x[:, 0].tanh()))),
    "all ones squeezed": Foreign(lambda: nn.Sequential(nn.Linear(4, 1), Apply(lambda x: x.squeeze()))),
    "transposed, in memory": Foreign(lambda: nn.Sequential(nn.Linear(4, 3), Apply(lambda x: x.T.contiguous().T))),
    "changed in place": Foreign(lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(inplace=True), nn.Linear(5, 3))),
    "tied weights": Foreign(tied, layers="shares a parameter", kfac="shares a parameter"),
    "partly frozen": Foreign(partly_frozen),
    "one layer unused": Foreign(one_unused, layers="used once", kfac="used once"),
    "old weight_norm": Foreign(old_weight_norm, layers="parametrization", kfac="parametrization"),
    "parametrized weight_norm": Foreign(
        lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), nn.Tanh()), **LAYERS
    ),
    "branching": Foreign(Branching),
    "a function of its own": Foreign(after(Twice.apply), products="cannot differentiate it"),
    "LSTM": Foreign(lambda: Recurrent(nn.LSTM), (3, 4), **LAYERS),
    "GRU": Foreign(lambda: Recurrent(nn.GRU), (3, 4), **LAYERS),
    "RNN": Foreign(lambda: Recurrent(nn.RNN), (3, 4), **LAYERS),
    "attention": Foreign(Attention, (3, 4), **LAYERS),
    "attention in eval": Foreign(lambda: Attention().eval(), (3, 4), **LAYERS),
    "scaled products": Foreign(ScaledProducts, (3, 4)),
    "tokens in one row": Foreign(
        lambda: nn.Sequential(nn.Linear(4, 3), Apply(lambda x: x.flatten(0, 1))), (2, 4), layers="a row", kfac="a row"
    ),
    "bag of embeddings": Foreign(bag, (4,), products="cannot differentiate it", **LAYERS),
    "layer normalisation": Foreign(
        lambda: nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 3)), kfac=KINDS
    ),
    "group normalisation": Foreign(
        lambda: nn.Sequential(nn.Linear(4, 6), nn.GroupNorm(2, 6), nn.Linear(6, 3)), kfac=KINDS
    ),
    "grouped convolution": Foreign(
        lambda: nn.Sequential(nn.Conv2d(2, 4, 2, groups=2), nn.Flatten(), nn.Linear(4, 3)), (2, 2, 2), kfac=KINDS
    ),
    "sparse embedding": Foreign(sparse_embedding, (), products="cannot differentiate it", kfac=KINDS),
}
SOLVERS = [Cholesky(), Woodbury(), IdealSPU(), ConjugateGradient(tol=1e-14)]


def batch(case: Foreign) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    module, x = case.make(), torch.rand(B, *case.shape)
    return module, x, torch.randn_like(module(x).detach())


def step_of(optimizer: TNGD, module: nn.Module, x: Any, y: Any) -> tuple[Tensor, Tensor]:
    start = nn.utils.parameters_to_vector(oracle.trained(module)).detach().clone()
    loss = optimizer.step(x, y)
    return loss, start - nn.utils.parameters_to_vector(oracle.trained(module)).detach()


@pytest.mark.parametrize("kind", ["ggn", "fisher", "layers", "products"])
@pytest.mark.parametrize("name", MODULES)
def test_the_step_is_that_of_dense_matrices(name, kind):
    # Catches a curvature that takes the module for another one: samples mixed, shapes changed, weights elsewhere.
    case = MODULES[name]
    module, x, y = batch(case)
    refused = getattr(case, kind, RIGHT)
    g = oracle.gradient(module, functional.mse_loss, x, y)
    if kind == "fisher":
        F = oracle.fisher(module, functional.mse_loss, x, y, torch.full((len(y),), 1 / len(y)))
    else:
        F = oracle.gauss_newton(module, functional.mse_loss, x, y)
    expected = torch.linalg.solve(F + DAMPING * torch.eye(len(g)), g)
    for solver in SOLVERS[-1:] if kind == "products" else SOLVERS:
        twin = batch(case)[0]
        optimizer = TNGD(twin, functional.mse_loss, lr=1.0, damping=DAMPING, solver=solver, curvature=kind)
        if refused:
            with pytest.raises(ValueError, match=refused):
                optimizer.step(x, y)
            continue
        loss, step = step_of(optimizer, twin, x, y)
        torch.testing.assert_close(loss, functional.mse_loss(module(x), y).detach(), rtol=1e-12, atol=0)
        torch.testing.assert_close(step, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", MODULES)
def test_kfac_has_the_gradient_or_says_why_not(name):
    # At a damping that drowns the factors the step is the gradient over the damping, whatever the approximation.
    case = MODULES[name]
    module, x, y = batch(case)
    g, damping = oracle.gradient(module, functional.mse_loss, x, y), 1e14
    if case.kfac:
        with pytest.raises(ValueError, match=case.kfac):
            KFAC(module, functional.mse_loss).step(x, y)
        return
    optimizer = KFAC(module, functional.mse_loss, lr=damping, damping=damping)
    _, step = step_of(optimizer, module, x, y)
    # sqrt(damping) = 1e7 is that much larger than factors of order one
    torch.testing.assert_close(step, g, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["ggn", "fisher", "products"])
def test_batch_normalisation_is_trained_with_frozen_statistics(kind):
    """The recipe: a pass in training mode, without gradients, for the statistics; the step in evaluation mode."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5, momentum=1.0), nn.Tanh(), nn.Linear(5, 3))
    x, y = torch.randn(B, 4), torch.randn(B, 3)
    optimizer = optimizer_of(kind, module.eval(), ConjugateGradient(tol=1e-14))
    with torch.no_grad():
        module.train()(x)
    module.eval()
    h = module[0](x)
    # by hand: affine, with the statistics of the batch as numbers
    torch.testing.assert_close(module[1](h), (h - h.mean(0)) / (h.var(0) + 1e-5).sqrt(), rtol=1e-12, atol=1e-12)
    g = oracle.gradient(module, functional.mse_loss, x, y)
    if kind == "fisher":
        F = oracle.fisher(module, functional.mse_loss, x, y, torch.full((B,), 1 / B))
    else:
        F = oracle.gauss_newton(module, functional.mse_loss, x, y)
    _, step = step_of(optimizer, module, x, y)
    torch.testing.assert_close(step, torch.linalg.solve(F + DAMPING * torch.eye(len(g)), g), rtol=1e-10, atol=1e-11)
    module.train()
    with pytest.raises(ValueError, match="eval"):
        optimizer.step(x, y)


def test_the_centred_batch_by_hand():
    # Linear(2, 1) without a bias, weights (1, 2), then x - mean: centred inputs X, loss |X w - y|^2/2, by hand.
    module = nn.Sequential(nn.Linear(2, 1, bias=False), Apply(lambda x: x - x.mean(0)))
    module[0].weight.data = torch.tensor([[1.0, 2.0]])
    x, y = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.tensor([[1.0], [-1.0]])
    # X = (-1, -2), (1, 2): outputs -5, 5; residuals -6, 6; loss 36, gradient X^T r = (12, 24), F = X^T X
    made = curvature(module, functional.mse_loss, x, y)
    assert float(made.loss) == 36.0
    assert made.gradient.tolist() == [12.0, 24.0]
    assert made.factors.dense().tolist() == [[2.0, 4.0], [4.0, 8.0]]


@pytest.mark.parametrize("kind", ["ggn", "fisher"])
def test_samples_that_keep_apart_are_not_gone_through_one_backward_pass_at_a_time(kind, monkeypatch):
    # Catches a referee that never agrees: right numbers, at B times the work.
    def never(*_: Any) -> None:
        raise AssertionError("the slow way was taken")

    monkeypatch.setattr(PlainPass, "rows", never)
    for dtype in (torch.float32, torch.float64):
        for module, shape in (
            (dense(), (4,)),
            (nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)), (1, 4, 4)),
            (nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Linear(5, 3)), (4,)),
        ):
            x = torch.randn(B, *shape, dtype=dtype)
            curvature(module.to(dtype), functional.cross_entropy, x, torch.tensor([0, 2, 1, 1, 0]), kind=kind)


@pytest.mark.parametrize("kind", ["ggn", "fisher"])
def test_dropout_before_a_mean_over_the_batch_has_one_mask(kind):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Dropout(0.5), nn.Linear(40, 1, bias=False), Apply(lambda x: x - x.mean(0)))
    x, w = torch.rand(B, 40) + 0.5, module[1].weight.detach()[0]
    made = curvature(module, functional.mse_loss, x, torch.zeros(B, 1), kind=kind)
    if kind == "ggn":
        # the rows of J are the masked inputs less their mean: from them the outputs, the loss and the gradient follow
        z = made.factors.J @ w
        torch.testing.assert_close(made.gradient, 2.0 * made.factors.J.T @ z / B, rtol=1e-12, atol=1e-15)
    else:
        z = made.factors.J @ w / 2 * B**0.5  # 2 z X/sqrt(B) w, which is 2 z^2/sqrt(B)
        z = z.abs().sqrt()
    torch.testing.assert_close(made.loss, z.square().mean(), rtol=1e-12, atol=0)
    again = curvature(module, functional.mse_loss, x, torch.zeros(B, 1), kind=kind)
    assert not torch.equal(again.factors.J, made.factors.J)  # a new mask at each step


def ending(function: Callable[[Tensor], Any]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(nn.Linear(4, 3), Apply(function))


def masked_gradient() -> nn.Module:
    """Trains a part of a weight by a hook on its gradient, as is usual with first order."""
    module = dense()
    module[0].weight.register_hook(lambda g: g * (torch.arange(4) > 1))
    return module


REFUSED = {
    "a hook on a gradient": (masked_gradient, r"parameter '0.weight' has a hook on its gradient"),
    "batch normalisation in training": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)),
        f"batch statistics|{KINDS}",
    ),
    "a tuple": (ending(lambda x: (x, x)), "one tensor of outputs .* tuple"),
    "a dictionary": (ending(lambda x: {"x": x}), "one tensor of outputs .* dict"),
    "a scalar": (ending(lambda x: x.sum()), "one tensor of outputs .* scalar"),
    "whole numbers": (ending(lambda x: x.long()), "real numbers, got torch.int64"),
    "truth values": (ending(lambda x: x > 0), "real numbers, got torch.bool"),
    "complex outputs": (ending(lambda x: x + 1j), "real numbers, got torch.complex128"),
    "detached outputs": (ending(lambda x: x.detach()), "do not depend"),
    "complex parameters": (lambda: nn.Linear(4, 3, dtype=torch.complex128), "float32 or float64 parameters"),
    "no parameters": (nn.Tanh, "at least one"),
    "nobody trained": (lambda: nn.Linear(4, 3).requires_grad_(False), "at least one"),
}


def optimizer_of(kind: str, module: nn.Module, solver: Any = None) -> Any:
    if kind == "kfac":
        return KFAC(module, functional.mse_loss, lr=1.0, damping=DAMPING)
    return TNGD(module, functional.mse_loss, lr=1.0, damping=DAMPING, solver=solver, curvature=kind)


@pytest.mark.parametrize("kind", ["ggn", "fisher", "layers", "products", "kfac"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_jacobian_is_refused_in_one_line(name, kind):
    make, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as caught:
        optimizer_of(kind, make()).step(torch.randn(B, 4), torch.zeros(B, 3))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["ggn", "fisher", "layers", "products", "kfac"])
def test_no_sample_is_refused_and_one_is_enough(kind):
    solver = ConjugateGradient(tol=1e-14)
    with pytest.raises(ValueError, match="at least one sample"):
        optimizer_of(kind, dense(), solver).step(torch.zeros(0, 4), torch.zeros(0, 3))
    module = dense()
    expected = functional.mse_loss(module(torch.ones(1, 4)), torch.zeros(1, 3)).detach()
    loss = optimizer_of(kind, module, solver).step(torch.ones(1, 4), torch.zeros(1, 3))
    torch.testing.assert_close(loss, expected, rtol=1e-14, atol=0)


def test_products_of_a_module_that_changes_are_refused():
    class Restless(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.calls = nn.Linear(4, 3), 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return self.layer(x) * self.calls

    noisy = nn.Sequential(nn.Linear(4, 3), Apply(lambda x: x + torch.randn_like(x)))
    for module, words in ((Restless(), AGAIN), (noisy, "draws random numbers")):
        optimizer = optimizer_of("products", module, ConjugateGradient())
        with pytest.raises(ValueError, match=words):
            optimizer.step(torch.ones(B, 4), torch.zeros(B, 3))


def test_a_bias_that_is_used_apart_from_its_layer_is_refused():
    # Catches K-FAC's gradient of a bias that is not all of it.
    class Borrowed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) + self.layer.bias.square()

    with pytest.raises(ValueError, match=ONE):
        KFAC(Borrowed(), functional.mse_loss).step(torch.randn(B, 4), torch.zeros(B, 3))


@pytest.mark.parametrize("kind", ["ggn", "layers", "products", "kfac"])
def test_hooks_that_would_never_be_called_are_refused_and_late_ones_seen(kind):
    # Catches a gradient that is clipped, or masked, by a hook, and a step that takes no notice of it.
    module = dense()
    optimizer = optimizer_of(kind, module, ConjugateGradient())
    waits = module[0].weight.register_post_accumulate_grad_hook(lambda p: p.grad.clamp_(-0.1, 0.1))
    with pytest.raises(ValueError, match="register_post_accumulate_grad_hook"):
        optimizer.step(torch.ones(B, 4), torch.zeros(B, 3))
    waits.remove()
    late = module[2].weight.register_hook(torch.zeros_like)
    with pytest.raises(ValueError, match=r"'2.weight' has a hook"):
        optimizer.step(torch.ones(B, 4), torch.zeros(B, 3))
    late.remove()
    optimizer.step(torch.ones(B, 4), torch.zeros(B, 3))
