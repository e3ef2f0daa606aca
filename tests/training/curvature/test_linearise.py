"""The empirical Fisher matrix, micro-batches and mixed precision, against naive sums over samples."""

from functools import partial

import pytest
import torch
from thermospice.training import TNGD, ConjugateGradient, IdealSPU, Woodbury
from thermospice.training.curvature import curvature
from thermospice.training.optimizers import LevenbergMarquardt
from torch import nn
from torch.nn import functional

K = 3


def network(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, K)).to(dtype)


def batch(B: int, seed: int = 2, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(B, 4, generator=generator, dtype=dtype), torch.randint(K, (B,), generator=generator)


def flat(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


def gradient(module, loss: torch.Tensor) -> torch.Tensor:
    return torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, list(module.parameters()))])


WEIGHT = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
LOSSES = {
    "mean": functional.cross_entropy,
    "sum": nn.CrossEntropyLoss(reduction="sum"),
    "weighted": nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1),
    "ignored": partial(functional.cross_entropy, ignore_index=1),
    "unknown mean": lambda z, y: (z.logsumexp(1) - z.gather(1, y[:, None])[:, 0]).mean(),
    "unknown sum": lambda z, y: (z.logsumexp(1) - z.gather(1, y[:, None])[:, 0]).sum(),
}


@pytest.mark.parametrize("chunk", [None, 1, 3])
@pytest.mark.parametrize("name", ["mean", "sum", "unknown mean", "unknown sum"])
def test_fisher_factors_multiply_to_the_sum_over_samples(name, chunk):
    loss_fn, module, (x, y) = LOSSES[name], network(), batch(7)
    made = curvature(module, loss_fn, x, y, damping=0.1, chunk=chunk, kind="fisher")
    own = torch.stack([gradient(module, loss_fn(module(x[i : i + 1]), y[i : i + 1])) for i in range(7)])
    expected = own.T @ own / (7 if "mean" in name else 1) + 0.1 * torch.eye(made.factors.N, dtype=torch.float64)
    torch.testing.assert_close(made.factors.dense(), expected, rtol=1e-11, atol=1e-13)
    torch.testing.assert_close(made.gradient, gradient(module, loss_fn(module(x), y)), rtol=1e-12, atol=1e-14)
    assert made.factors.r == 7


def test_fisher_draws_one_dropout_mask_for_loss_and_rows():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Dropout(0.5), nn.Linear(50, 1, bias=False)).double()
    x = torch.rand(8, 50, dtype=torch.float64) + 0.5
    made = curvature(module, functional.mse_loss, x, torch.zeros(8, 1, dtype=torch.float64), kind="fisher")
    # each row is 2 z m/sqrt(8) with the masked input m and the output z = m w: so its norm fixes z up to sign
    rows = made.factors.J * 8**0.5 / 2
    z = (rows @ module[1].weight.detach().T).sqrt()[:, 0]
    torch.testing.assert_close(made.loss, z.square().mean(), rtol=1e-12, atol=0)
    assert 0.2 < float((rows == 0).double().mean()) < 0.8


@pytest.mark.parametrize("kind", ["ggn", "fisher"])
@pytest.mark.parametrize("name", LOSSES)
def test_micro_batches_make_the_step_of_the_whole(name, kind):
    x, y = batch(12)
    ends = []
    for cuts in ([12], [2, 5, 5]):
        module = network()
        optimizer = TNGD(
            module,
            LOSSES[name],
            lr=0.1,
            damping=0.1,
            solver=IdealSPU(t=3.0),
            curvature=kind,
            weight_decay=0.1,
            levenberg_marquardt=LevenbergMarquardt(),
        )
        for _ in range(3):
            pieces = list(zip(x.split(cuts), y.split(cuts), strict=True))
            for piece in pieces[:-1]:
                optimizer.accumulate(*piece)
            loss = optimizer.step(*pieces[-1])
        ends.append((flat(module), loss, torch.tensor(optimizer.stats["reduction_ratio"])))
    for whole, parts in zip(*ends, strict=True):
        torch.testing.assert_close(parts, whole.to(parts), rtol=1e-9, atol=1e-11)


def test_what_cannot_be_accumulated_or_cast_is_said():
    x, y = batch(4)
    optimizer = TNGD(network(), functional.cross_entropy, solver=ConjugateGradient(), curvature="products")
    optimizer.accumulate(x, y)
    with pytest.raises(ValueError, match='micro-batches need curvature "ggn"'):
        optimizer.step(x, y)
    optimizer.step(x, y)  # the failed one left nothing behind
    with pytest.raises(ValueError, match=r'autocast needs factors: .* got "products"'):
        TNGD(network(), functional.cross_entropy, curvature="products", autocast=torch.bfloat16)
    with pytest.raises(ValueError, match=r"expected float32 parameters, got torch.float64"):
        curvature(network(), functional.cross_entropy, x, y, autocast=torch.bfloat16)
    with pytest.raises(ValueError, match=r"expected torch.bfloat16 or torch.float16"):
        curvature(network(torch.float32), functional.cross_entropy, x.float(), y, autocast=torch.float64)
    with pytest.raises((ValueError, TypeError), match="fishers"):
        TNGD(network(), functional.cross_entropy, curvature="fishers")
    with pytest.raises(ValueError, match="initialised process group"):
        TNGD(network(), functional.cross_entropy, data_parallel=True)


@pytest.mark.parametrize("kind", ["ggn", "fisher"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_is_right_to_the_digits_of_its_forward_pass(dtype, kind):
    module, (x, y) = network(torch.float32), batch(64, dtype=torch.float32)
    low, full = (
        curvature(module, functional.cross_entropy, x, y, 0.1, kind=kind, autocast=cast) for cast in (dtype, None)
    )
    assert low.factors.J.dtype == low.gradient.dtype == torch.float32
    change = float((low.factors.J - full.factors.J).norm() / full.factors.J.norm())
    # a handful of roundings of half a unit in the last place each, and more than none
    assert 0.01 * torch.finfo(dtype).eps < change < 5 * torch.finfo(dtype).eps
    direct = float((low.gradient - full.gradient).norm() / full.gradient.norm())
    assert direct < 5 * torch.finfo(dtype).eps


def test_mixed_precision_trains_like_single_precision():
    x, y = batch(64, dtype=torch.float32)
    losses = []
    for cast in (None, torch.bfloat16):
        optimizer = TNGD(
            network(torch.float32), functional.cross_entropy, lr=0.5, damping=0.1, solver=Woodbury(), autocast=cast
        )
        losses.append([float(optimizer.step(x, y)) for _ in range(30)])
    assert losses[0][-1] < 0.7 * losses[0][0]
    assert losses[1][-1] == pytest.approx(losses[0][-1], rel=0.02)


def test_derivatives_beyond_half_precision_are_named():
    module = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 1)).float()
    module[0].weight.data.fill_(1e-4)
    module[1].weight.data.fill_(10.0)
    x = torch.full((8, 4), 3e4)  # outputs of 600, derivatives of 3e5
    with pytest.raises(ValueError, match=r"range of float16.*bfloat16"):
        curvature(module, functional.mse_loss, x, torch.zeros(8, 1), autocast=torch.float16)
    assert (
        curvature(module, functional.mse_loss, x, torch.zeros(8, 1), autocast=torch.bfloat16).gradient.isfinite().all()
    )
