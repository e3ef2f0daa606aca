"""Other people's losses: every curvature gives the step of the naive dense matrices."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from thermospice.training import TNGD, Cholesky, ConjugateGradient, Diverged, Woodbury
from thermospice.training.curvature import curvature, output_hessian
from thermospice.training.optimizers import LevenbergMarquardt
from torch import Tensor, nn
from torch.nn import functional

from . import oracle
from .foreign import DAMPING, IGNORED, SOLVERS, B, K, classes, inputs, network, numbers, parameters

pytestmark = [
    pytest.mark.usefixtures("double_precision"),
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning"),
    pytest.mark.filterwarnings("ignore:loss_fn. its second derivative in the outputs is zero:UserWarning"),
]


class HalfSquares(nn.MSELoss):
    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return 0.5 * super().forward(outputs, targets)


class TwiceCrossEntropy(nn.CrossEntropyLoss):
    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return 2.0 * super().forward(outputs, targets)


def hooked() -> nn.Module:
    loss = nn.MSELoss()
    loss.register_forward_hook(lambda *given: 3.0 * given[2])
    return loss


def patched() -> nn.Module:
    loss = nn.MSELoss()
    loss.forward = lambda z, y: (z - y).pow(4).mean()  # type: ignore[method-assign]
    return loss


def some_ignored() -> Tensor:
    """The first micro-batch of the test below, of two samples, is ignored altogether."""
    return torch.tensor([IGNORED, IGNORED, 1, IGNORED, 0, 2, IGNORED, 1])


def masked_numbers() -> Tensor:
    y = torch.randn(B, K)
    y[[0, 1, 5]] = torch.nan
    return y


def masked_squares(z: Tensor, y: Tensor) -> Tensor:
    known = ~y.isnan()
    return ((z - y.nan_to_num()).square() * known).sum() / known.sum()


def pixels() -> Tensor:
    """One class for each of three positions, not as many in each sample; none in the first two samples."""
    y = torch.tensor([[0, 1, 1]]).repeat(B, 1)
    y[:2] = IGNORED
    y[3, 1:] = IGNORED
    y[6, 0] = IGNORED
    return y


def ones() -> Tensor:
    return torch.ones(B)


def means() -> Tensor:
    return ones() / B


def kept(y: Tensor) -> Tensor:
    return (y != IGNORED).double() / (y != IGNORED).sum()


WEIGHT = torch.tensor([1.0, 4.0, 0.5], dtype=torch.float64)


@dataclass(frozen=True)
class Foreign:
    """A loss, its targets, and the share of each sample in it; `end` makes its arguments of the module's outputs."""

    make: Callable[[], Any]
    targets: Callable[[], Any] = numbers
    shares: Callable[[], Tensor] = means
    end: Callable[[], nn.Module] = nn.Identity


LOSSES = {
    "squares": Foreign(lambda: functional.mse_loss),
    "half the squares, derived": Foreign(HalfSquares),
    "squares with a hook": Foreign(hooked),
    "squares with another forward": Foreign(patched),
    "sum of squares": Foreign(lambda: nn.MSELoss(reduction="sum"), shares=ones),
    "masked squares": Foreign(
        lambda: masked_squares, masked_numbers, lambda: torch.tensor([0, 0, 1, 1, 1, 0, 1, 1]).double() / 5
    ),
    "cross-entropy": Foreign(nn.CrossEntropyLoss, classes),
    "twice the cross-entropy, derived": Foreign(TwiceCrossEntropy, classes),
    "cross-entropy, sum": Foreign(lambda: nn.CrossEntropyLoss(reduction="sum"), classes, ones),
    "cross-entropy, weighted": Foreign(
        lambda: nn.CrossEntropyLoss(WEIGHT), classes, lambda: WEIGHT[classes()] / WEIGHT[classes()].sum()
    ),
    "cross-entropy, ignored": Foreign(nn.CrossEntropyLoss, some_ignored, lambda: kept(some_ignored())),
    "cross-entropy, ignored, by a lambda": Foreign(
        lambda: lambda z, y: functional.cross_entropy(z, y), some_ignored, lambda: kept(some_ignored())
    ),
    "cross-entropy, smoothed": Foreign(lambda: partial(functional.cross_entropy, label_smoothing=0.2), classes),
    "cross-entropy of probabilities": Foreign(nn.CrossEntropyLoss, lambda: numbers().softmax(1)),
    "cross-entropy by positions": Foreign(
        nn.CrossEntropyLoss,
        pixels,
        lambda: kept(pixels()).sum(1),
        lambda: nn.Sequential(nn.Linear(K, 2 * K), nn.Unflatten(1, (2, K))),
    ),
    "likelihood, weighted": Foreign(
        lambda: nn.NLLLoss(WEIGHT),
        classes,
        lambda: WEIGHT[classes()] / WEIGHT[classes()].sum(),
        lambda: nn.LogSoftmax(1),
    ),
    "logistic": Foreign(nn.BCEWithLogitsLoss, lambda: torch.rand(B, K)),
    "logistic, weighted": Foreign(lambda: nn.BCEWithLogitsLoss(pos_weight=WEIGHT), lambda: torch.rand(B, K)),
    "logistic of probabilities": Foreign(nn.BCELoss, lambda: torch.rand(B, K), end=nn.Sigmoid),
    "Huber": Foreign(lambda: nn.HuberLoss(delta=0.5)),
    "smooth L1": Foreign(nn.SmoothL1Loss),
    "L1": Foreign(nn.L1Loss),
    "divergence, by the batch": Foreign(
        lambda: nn.KLDivLoss(reduction="batchmean"), lambda: numbers().softmax(1), end=lambda: nn.LogSoftmax(1)
    ),
    "divergence, mean": Foreign(nn.KLDivLoss, lambda: numbers().softmax(1), end=lambda: nn.LogSoftmax(1)),
    "Poisson": Foreign(nn.PoissonNLLLoss, lambda: torch.rand(B, K)),
    "without targets": Foreign(lambda: lambda z, y: z.square().mean(), lambda: None),
}


@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("name", LOSSES)
def test_the_step_is_that_of_dense_matrices(name, kind):
    # Catches a Hessian of another loss, and samples that count as they do in another.
    case = LOSSES[name]
    loss_fn, x, y = case.make(), inputs(), case.targets()
    reference = network(case.end)
    g = oracle.gradient(reference, loss_fn, x, y)
    if kind == "fisher":
        y_or_none = y if y is not None else torch.zeros(B)
        F = oracle.fisher(reference, loss_fn, x, y_or_none, case.shares())
    else:
        F = oracle.gauss_newton(reference, loss_fn, x, y)
    expected = torch.linalg.solve(F + DAMPING * torch.eye(len(g)), g)
    for solver in SOLVERS[kind]:
        module = network(case.end)
        optimizer = TNGD(module, loss_fn, lr=1.0, damping=DAMPING, solver=solver, curvature=kind)
        optimizer.step(x, y)
        torch.testing.assert_close(parameters(reference) - parameters(module), expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kind", ["ggn", "fisher"])
@pytest.mark.parametrize("name", LOSSES)
def test_micro_batches_make_the_step_of_the_whole(name, kind):
    # Catches micro-batches that count by their size where the loss counts otherwise, or nothing in one of them.
    case = LOSSES[name]
    loss_fn, x, y = case.make(), inputs(), case.targets()
    ends = []
    for cuts in ([B], [2, 5, 1]):
        module = network(case.end)
        optimizer = TNGD(
            module,
            loss_fn,
            lr=0.1,
            damping=DAMPING,
            solver=Woodbury(),
            curvature=kind,
            levenberg_marquardt=LevenbergMarquardt(),
        )
        for _ in range(2):
            targets = [None] * len(cuts) if y is None else y.split(cuts)
            *before, last = zip(x.split(cuts), targets, strict=True)
            for piece in before:
                optimizer.accumulate(*piece)
            loss = optimizer.step(*last)
        ends.append((parameters(module), loss, torch.tensor(optimizer.stats["reduction_ratio"])))
    torch.testing.assert_close(ends[1], ends[0], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", ["ggn", "fisher", "layers", "products"])
def test_ignored_samples_are_as_good_as_absent(kind):
    # An oracle of its own: the same network without them. Catches a Fisher matrix that is B/N of the right one.
    y, ends = some_ignored(), []
    for keep in (slice(None), y != IGNORED):
        module = network()
        optimizer = TNGD(
            module,
            nn.CrossEntropyLoss(),
            lr=1.0,
            damping=DAMPING,
            solver=ConjugateGradient(tol=1e-14),
            curvature=kind,
        )
        optimizer.step(inputs()[keep], y[keep])
        ends.append(parameters(module))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-10, atol=1e-11)


def test_a_weight_of_two_is_the_sample_twice():
    # The Fisher matrix of a weighted mean: whole weights are repetitions.
    x, y = inputs()[:3], torch.tensor([0, 1, 2])
    weighted = curvature(network(), nn.CrossEntropyLoss(torch.tensor([1.0, 3.0, 2.0])), x, y, kind="fisher")
    again = torch.tensor([0, 1, 1, 1, 2, 2])
    repeated = curvature(network(), nn.CrossEntropyLoss(), x[again], y[again], kind="fisher")
    torch.testing.assert_close(weighted.factors.dense(), repeated.factors.dense(), rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(weighted.gradient, repeated.gradient, rtol=1e-11, atol=1e-14)


def test_the_derived_loss_by_hand():
    # One weight w = 1 on x = 2, target 5: loss (2 w - 5)^2/2 = 4.5, slope -6, curvature 4: one exact step ends at 2.5.
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(1.0)
    optimizer = TNGD(module, HalfSquares(), lr=1.0, damping=1e-12, solver=Cholesky())
    assert float(optimizer.step(torch.tensor([[2.0]]), torch.tensor([[5.0]]))) == 4.5
    assert float(module.weight.detach()) == pytest.approx(2.5, rel=1e-10)


@pytest.mark.parametrize("kind", ["ggn", "fisher"])
def test_nothing_but_ignored_targets_is_said(kind):
    module = network()
    optimizer = TNGD(module, nn.CrossEntropyLoss(), curvature=kind)
    before = parameters(module)
    with pytest.raises(Diverged, match="all of them ignored"):
        optimizer.step(inputs(), torch.full((B,), IGNORED))
    assert torch.equal(parameters(module), before)


def test_shared_targets_are_shared_by_micro_batches():
    def weighed(z: Tensor, y: Any) -> Tensor:
        values, weight = y["values"], y["weight"]
        return ((z - values).square() * weight).mean()

    y, weight, ends = numbers(), torch.tensor([1.0, 2.0, 0.5]), []
    for cuts in ([B], [2, 5, 1]):
        module = network()
        optimizer = TNGD(module, weighed, lr=0.1, damping=DAMPING, solver=Woodbury())
        *before, last = zip(inputs().split(cuts), y.split(cuts), strict=True)
        for x, values in before:
            optimizer.accumulate(x, {"values": values, "weight": weight})
        optimizer.step(last[0], {"values": last[1], "weight": weight})
        ends.append(parameters(module))
    torch.testing.assert_close(ends[1], ends[0], rtol=1e-10, atol=1e-12)


def test_targets_that_are_broadcast_have_the_hessian_of_what_is_computed():
    # (B, 1) outputs against (B,) targets: torch warns, and takes the mean over all pairs.
    z, y = torch.randn(4, 1), torch.randn(4)
    with pytest.warns(UserWarning, match="broadcasting"):
        H = output_hessian(functional.mse_loss, z, y)
    torch.testing.assert_close(H, torch.full((4, 1, 1), 0.5))
