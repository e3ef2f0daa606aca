"""Factors and products against dense Hessians by automatic differentiation."""

from functools import partial

import pytest
import torch
from thermospice.training.curvature import curvature, output_hessian, products
from thermospice.training.programs import Factors
from torch import nn
from torch.nn import functional

B, K = 7, 4
pytestmark = pytest.mark.usefixtures("double_precision")


def hessian(function):
    # reverse over reverse: forward mode makes torch warn about itself
    return torch.func.jacrev(torch.func.jacrev(function))


def classes() -> torch.Tensor:
    return torch.tensor([0, 1, 2, 3, 1, 1, 0])


def half_squares(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return 0.5 * (outputs - targets).square().sum() / len(outputs)


def logistic(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(outputs, targets)


WEIGHT = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
CASES = {
    "cross-entropy": (functional.cross_entropy, classes),
    "cross-entropy module": (nn.CrossEntropyLoss(), classes),
    "cross-entropy sum": (nn.CrossEntropyLoss(reduction="sum"), classes),
    "cross-entropy weighted, smoothed": (nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.2), classes),
    "cross-entropy partial, ignored": (partial(functional.cross_entropy, ignore_index=1), classes),
    "cross-entropy of probabilities": (
        nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1),
        lambda: torch.randn(B, K).softmax(1),
    ),
    "squared error": (functional.mse_loss, lambda: torch.randn(B, K)),
    "squared error sum": (nn.MSELoss(reduction="sum"), lambda: torch.randn(B, K)),
    "half squares": (half_squares, lambda: torch.randn(B, K)),
    "logistic": (logistic, lambda: torch.rand(B, K)),
}


def dense_output_hessian(loss_fn, outputs, targets):
    whole = hessian(lambda z: loss_fn(z, targets))(outputs)
    n = outputs[0].numel()
    whole = whole.reshape(len(outputs), n, len(outputs), n)
    return torch.stack([whole[i, :, i] for i in range(len(outputs))])


@pytest.mark.parametrize("name", CASES)
def test_output_hessian_is_the_automatic_one(name):
    loss_fn, targets = CASES[name]
    outputs, y = torch.randn(B, K), targets()
    expected = dense_output_hessian(loss_fn, outputs, y)
    torch.testing.assert_close(output_hessian(loss_fn, outputs, y), expected, rtol=1e-12, atol=1e-14)


def test_one_softmax_per_position():
    # start and end of a span: (B, positions, 2) logits
    outputs, targets = torch.randn(3, 5, 2), torch.randint(5, (3, 2))
    for loss_fn in (nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="sum")):
        expected = dense_output_hessian(loss_fn, outputs, targets)
        torch.testing.assert_close(output_hessian(loss_fn, outputs, targets), expected, rtol=1e-12, atol=1e-14)


def test_a_loss_that_couples_samples_is_refused():
    with pytest.raises(ValueError, match="couples samples"):
        output_hessian(lambda z, y: (z - z.mean(0)).square().sum(), torch.randn(B, K), None)


def test_no_reduction_is_refused():
    with pytest.raises(ValueError, match="reduction"):
        output_hessian(nn.CrossEntropyLoss(reduction="none"), torch.randn(B, K), classes())


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, K))


def dense_ggn(module, loss_fn, inputs, targets) -> torch.Tensor:
    names = [n for n, p in module.named_parameters() if p.requires_grad]
    outputs = module(inputs)
    J = torch.stack(
        [
            torch.cat([g.reshape(-1) for g in torch.autograd.grad(z, parameters(module), retain_graph=True)])
            for z in outputs.reshape(-1)
        ]
    )
    assert len(names) == len(parameters(module))
    H = hessian(lambda z: loss_fn(z.reshape(outputs.shape), targets))(outputs.detach().reshape(-1))
    return J.T @ H @ J


def parameters(module):
    return [p for p in module.parameters() if p.requires_grad]


@pytest.mark.parametrize("chunk", [None, 1, 3, 100])
@pytest.mark.parametrize("name", CASES)
def test_factors_multiply_to_the_dense_matrix(name, chunk):
    loss_fn, targets = CASES[name]
    module, x, y = network(), torch.randn(B, 5), targets()
    batch = curvature(module, loss_fn, x, y, damping=0.1, chunk=chunk)
    N = batch.factors.N
    expected = dense_ggn(module, loss_fn, x, y) + 0.1 * torch.eye(N)
    torch.testing.assert_close(batch.factors.dense(), expected, rtol=1e-11, atol=1e-13)
    v = torch.randn(N)
    torch.testing.assert_close(batch.factors.matvec(v), expected @ v, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(batch.factors.diagonal(), expected.diagonal(), rtol=1e-11, atol=1e-13)
    loss = loss_fn(module(x), y)
    gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters(module))])
    torch.testing.assert_close(batch.loss, loss.detach(), rtol=1e-14, atol=0)
    torch.testing.assert_close(batch.gradient, gradient, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["cross-entropy", "squared error"])
def test_linear_in_the_parameters_it_is_the_hessian_itself(name):
    loss_fn, targets = CASES[name]
    module, x, y = nn.Linear(5, K), torch.randn(B, 5), targets()
    batch = curvature(module, loss_fn, x, y)

    def of(theta):
        return loss_fn(x @ theta[: 5 * K].reshape(K, 5).T + theta[5 * K :], y)

    theta = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    torch.testing.assert_close(batch.factors.dense(), hessian(of)(theta), rtol=1e-11, atol=1e-13)


def test_products_are_those_of_the_factors_and_adjoint():
    module, x, y = network(), torch.randn(B, 5), classes()
    batch = curvature(module, functional.cross_entropy, x, y, damping=0.1)
    made = products(module, functional.cross_entropy, x, y, damping=0.1)
    J, v, u = batch.factors.J, torch.randn(batch.factors.N), torch.randn(B * K)
    torch.testing.assert_close(made.jvp(v), J @ v, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(made.vjp(u), J.T @ u, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(made.matvec(v), batch.factors.matvec(v), rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(made.jvp(v) @ u, v @ made.vjp(u), rtol=1e-12, atol=0)
    torch.testing.assert_close(made.gradient, batch.gradient, rtol=1e-12, atol=1e-14)


def test_root_of_the_hessian():
    batch = curvature(network(), functional.cross_entropy, torch.randn(B, 5), classes())
    S = batch.factors.root()
    torch.testing.assert_close(S @ S.mT, batch.factors.H, rtol=0, atol=1e-15)


def test_only_parameters_that_require_gradients_count():
    module = network()
    module[0].weight.requires_grad_(False)
    whole = dense_ggn(module, functional.cross_entropy, x := torch.randn(B, 5), classes())
    batch = curvature(module, functional.cross_entropy, x, classes())
    assert batch.factors.N == 6 + 6 * K + K
    torch.testing.assert_close(batch.factors.dense(), whole, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("shared", ["layer", "weight"])
def test_shared_parameters_appear_once(shared):
    first, last = nn.Linear(5, 5), nn.Linear(5, 5, bias=False)
    last.weight = first.weight
    module = nn.Sequential(first, nn.Tanh(), first if shared == "layer" else last)
    x, y = torch.randn(B, 5), torch.randn(B, 5)
    batch = curvature(module, functional.mse_loss, x, y)
    assert batch.factors.N == 30
    torch.testing.assert_close(
        batch.factors.dense(), dense_ggn(module, functional.mse_loss, x, y), rtol=1e-11, atol=1e-13
    )


def test_batch_norm_counts_in_eval_and_is_refused_in_training():
    module = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Linear(6, K))
    module(torch.randn(20, 5))
    x = torch.randn(B, 5)
    with pytest.raises(ValueError, match="'1' normalises with batch statistics"):
        curvature(module, functional.cross_entropy, x, classes())
    module.eval()
    batch = curvature(module, functional.cross_entropy, x, classes())
    torch.testing.assert_close(
        batch.factors.dense(), dense_ggn(module, functional.cross_entropy, x, classes()), rtol=1e-11, atol=1e-13
    )


def test_dropout_draws_one_mask_for_loss_and_jacobian():
    module = nn.Sequential(nn.Dropout(0.5), nn.Linear(50, 1, bias=False))
    x = torch.rand(B, 50) + 0.5
    batch = curvature(module, functional.mse_loss, x, torch.zeros(B, 1))
    # the rows of J are the masked inputs: from them the outputs and the loss follow
    outputs = batch.factors.J @ module[1].weight.detach().reshape(-1)
    torch.testing.assert_close(batch.loss, outputs.square().mean(), rtol=1e-12, atol=0)
    dropped = (batch.factors.J == 0).double().mean(1)
    assert float(dropped.min()) > 0
    assert len(set(dropped.tolist())) > 1
    with pytest.raises(ValueError, match="dropout"):
        products(module, functional.mse_loss, x, torch.zeros(B, 1))


def test_inputs_may_be_a_tuple_or_a_mapping():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(5, K)

        def forward(self, x, scale=1.0):
            return self.layer(x) * scale

    module, x, scale = Two(), torch.randn(B, 5), torch.rand(B, 1)
    expected = curvature(module, functional.cross_entropy, (x, scale), classes())
    made = curvature(module, functional.cross_entropy, {"scale": scale, "x": x}, classes())
    assert torch.equal(made.factors.J, expected.factors.J)
    torch.testing.assert_close(made.loss, functional.cross_entropy(module(x, scale), classes()).detach())


def test_nothing_trainable_is_refused():
    module = nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(ValueError, match="at least one parameter"):
        curvature(module, functional.mse_loss, torch.randn(3, 2), torch.randn(3, 2))


def test_confident_predictions_leave_a_semidefinite_hessian():
    # In float32 p - p^2 cancels to rounding of order 1e-9: that is not an indefinite loss.
    logits = torch.full((32, 10), -9.0, dtype=torch.float32)
    logits[:, 3] = 9.0
    logits += torch.randn(32, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float32)
    p = logits.softmax(1)
    H = (torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) / 32
    factors = Factors(torch.eye(320, dtype=torch.float32), H, 0.1)
    S = factors.root()
    torch.testing.assert_close(S @ S.mT, H, atol=1e-8, rtol=0)
