"""Other people's losses: every curvature gives the step of the naive dense matrices, or says in one line why not."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, Cholesky, ConjugateGradient, Diverged, IdealSPU, Woodbury
from thermospice.training.curvature import curvature, loss_and_slope, output_hessian, warn_of_no_curvature
from thermospice.training.optimizers import LevenbergMarquardt
from torch import Tensor, nn
from torch.nn import functional

from . import oracle

B, K, DAMPING = 8, 3, 0.1
IGNORED = -100
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


def classes() -> Tensor:
    return torch.tensor([0, 2, 1, 1, 0, 2, 2, 1])


def some_ignored() -> Tensor:
    """The first micro-batch of the test below, of two samples, is ignored altogether."""
    return torch.tensor([IGNORED, IGNORED, 1, IGNORED, 0, 2, IGNORED, 1])


def numbers() -> Tensor:
    return torch.randn(B, K)


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
SOLVERS = {"ggn": [Cholesky(), Woodbury(), IdealSPU(), ConjugateGradient(tol=1e-14)], "fisher": [Woodbury()],
           "layers": [Woodbury()], "products": [ConjugateGradient(tol=1e-14)]}  # fmt: skip


def network(end: Callable[[], nn.Module] = nn.Identity) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, K), end())


def inputs() -> Tensor:
    return torch.randn(B, 4, generator=torch.Generator().manual_seed(2))


def parameters(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


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


class Learned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return ((z - y).square() * (-self.log_sigma).exp() + self.log_sigma).mean()


def penalised(module: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda z, y: functional.mse_loss(z, y) + 0.1 * sum(p.square().sum() for p in module.parameters())


def activity(module: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """A penalty on what goes on inside the module."""
    kept: list[Tensor] = []
    module[1].register_forward_hook(lambda *given: kept.append(given[2]))
    return lambda z, y: functional.mse_loss(z, y) + kept[-1].square().mean()


def pairs(z: Tensor, y: Tensor) -> Tensor:
    """A ranking loss of straight lines."""
    return (1.0 - 10.0 * (z[:, None] - z[None, :])).relu().mean()


def last_two(z: Tensor, y: Tensor) -> Tensor:
    """Couples two neighbours alone."""
    return (z - y).square().mean() + (z[1] * z[2]).sum()


def hidden() -> Callable[[Tensor, Tensor], Tensor]:
    """A lambda's parameter, which no walk through modules finds."""
    log_sigma = nn.Parameter(torch.zeros(()))
    return lambda z, y: functional.mse_loss(z, y) * (-log_sigma).exp() + log_sigma


class Holder:
    """A loss that is no module, with a parameter in a list."""

    def __init__(self) -> None:
        self.parts = [nn.Parameter(torch.ones(K))]

    def __call__(self, z: Tensor, y: Tensor) -> Tensor:
        return ((z - y).square() * self.parts[0]).mean()


def taught() -> Callable[[Tensor, Tensor], Tensor]:
    """A teacher that would learn too in plain torch, had it been given to the optimizer."""
    teacher = nn.Linear(4, K)
    return lambda z, y: functional.mse_loss(z, teacher(inputs()))


REFUSED: dict[str, tuple[Callable[[nn.Module], Any], str]] = {
    "centred": (lambda m: lambda z, y: (z - z.mean(0)).square().mean(), "couples samples"),
    "two neighbours": (lambda m: last_two, "couples samples"),
    "root of the mean square": (lambda m: lambda z, y: functional.mse_loss(z, y).sqrt(), "couples samples"),
    "contrast": (lambda m: lambda z, y: functional.cross_entropy(z @ z.T, torch.arange(B)), "couples samples"),
    "penalty on parameters": (penalised, "weight_decay"),
    "penalty on activity": (activity, "in another way"),
    "own parameter": (lambda m: Learned(), "'log_sigma' of its own"),
    "parameter of a lambda": (lambda m: hidden(), "would not be trained"),
    "parameter of a class": (lambda m: Holder(), "would not be trained"),
    "teacher with gradients": (lambda m: taught(), "would not be trained"),
    "no reduction": (lambda m: nn.MSELoss(reduction="none"), "scalar"),
    "no number": (lambda m: lambda z, y: 1.0, "scalar"),
    "accuracy": (lambda m: lambda z, y: (z.argmax(1) == y.argmax(1)).double().mean(), "does not depend"),
    "another function at each call": (lambda m: lambda z, y: functional.dropout(z - y).square().mean(), "random"),
}


@pytest.mark.parametrize("kind", ["ggn", "fisher", "layers", "products", "kfac"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_loss_of_samples_is_refused_in_one_line(name, kind):
    make, words = REFUSED[name]
    module = network()
    loss_fn = make(module)
    optimizer = KFAC(module, loss_fn) if kind == "kfac" else TNGD(module, loss_fn, curvature=kind)
    before = parameters(module)
    with pytest.raises(ValueError, match=words) as caught:
        optimizer.step(inputs(), numbers())
    assert "\n" not in str(caught.value)
    assert torch.equal(parameters(module), before)


def test_a_coupling_of_straight_lines_is_seen():
    # It has no Hessian that could show it, and the samples' own losses are constants.
    for kind in ("ggn", "fisher"):
        with pytest.raises(ValueError, match="couples samples"):
            curvature(network(), pairs, inputs(), None, kind=kind)


STRAIGHT = {
    "L1": (nn.L1Loss(), nn.Identity, numbers),
    "likelihood of log-probabilities": (nn.NLLLoss(), lambda: nn.LogSoftmax(1), classes),
    "hinge": (lambda z, y: (1.0 - z * y).relu().mean(), nn.Identity, numbers),
}


@pytest.mark.parametrize("kind", ["ggn", "layers", "products", "kfac"])
@pytest.mark.parametrize("name", STRAIGHT)
def test_a_loss_without_curvature_is_told_of(name, kind):
    loss_fn, end, targets = STRAIGHT[name]
    module, y = network(end), targets()
    g = oracle.gradient(module, loss_fn, inputs(), y)
    before = parameters(module)
    if kind == "kfac":
        optimizer: Any = KFAC(module, loss_fn)
    else:
        optimizer = TNGD(module, loss_fn, lr=DAMPING, damping=DAMPING, solver=ConjugateGradient(), curvature=kind)
    with pytest.warns(UserWarning, match=r"second derivative in the outputs is zero.*fisher"):
        optimizer.step(inputs(), y)
    if kind != "kfac":
        torch.testing.assert_close(before - parameters(module), g, rtol=1e-10, atol=1e-12)


def test_a_loss_at_its_minimum_is_not_told_of():
    z = torch.zeros(B, K)
    warn_of_no_curvature(torch.zeros(B, K, K), z)
    with pytest.warns(UserWarning, match="is zero"):
        warn_of_no_curvature(torch.zeros(B, K, K), z + 1.0)


def test_a_saturated_softmax_is_told_of_as_such():
    # Catches advice to give CrossEntropyLoss to who has given it, and whose training has diverged.
    loss_fn, z, y = nn.CrossEntropyLoss(), 1e6 * torch.eye(K), torch.arange(K).roll(1)
    _, slope = loss_and_slope(loss_fn, z, y)
    with pytest.warns(UserWarning, match="outputs are so large"):
        warn_of_no_curvature(output_hessian(loss_fn, z, y), slope)


def test_a_loss_without_a_second_derivative_is_named():
    def connectionist(z: Tensor, y: Tensor) -> Tensor:
        steps = z.unflatten(1, (3, 1)).expand(-1, -1, 2).movedim(1, 0).log_softmax(-1)
        return functional.ctc_loss(steps, y, torch.full((B,), 3), torch.full((B,), 1))

    with pytest.raises(ValueError, match="no second derivative"):
        curvature(network(), connectionist, inputs(), torch.ones(B, 1, dtype=torch.long))


def test_equal_outputs_hide_no_coupling():
    # A last layer of zeros, as many start with: all outputs are equal, and exchanging samples changes nothing.
    module = network()
    nn.init.zeros_(module[2].weight)
    for kind in ("ggn", "fisher"):
        with pytest.raises(ValueError, match="couples samples"):
            curvature(module, lambda z, y: (z - z.mean(0) - y).square().mean(), inputs(), numbers(), kind=kind)


@pytest.mark.parametrize("scale", [1.0, 1e-6])
def test_an_indefinite_loss_is_named_by_every_solver(scale):
    # -cos has curvature cos(z): negative beyond pi/2. Damping does not make up for it here.
    def saddle(z: Tensor, y: Tensor) -> Tensor:
        return -scale * (z - y).cos().sum()

    far = network()(inputs()).detach() + 3.0
    for solver, kind in (
        (Cholesky(), "ggn"),
        (Woodbury(), "ggn"),
        (IdealSPU(), "ggn"),
        (ConjugateGradient(), "ggn"),
        (ConjugateGradient(preconditioner="none"), "ggn"),
        (Cholesky(), "layers"),
        (ConjugateGradient(), "products"),
    ):
        module = network()
        optimizer = TNGD(module, saddle, damping=1e-3 * scale, solver=solver, curvature=kind)
        with pytest.raises(ValueError, match="positive"):
            optimizer.step(inputs(), far)


def test_damping_may_make_an_indefinite_curvature_definite():
    def saddle(z: Tensor, y: Tensor) -> Tensor:
        return -(z - y).cos().mean()

    x, y = inputs(), network()(inputs()).detach() + 3.0
    g, F = oracle.gradient(network(), saddle, x, y), oracle.gauss_newton(network(), saddle, x, y)
    assert float(torch.linalg.eigvalsh(F)[0]) < -0.1
    expected = torch.linalg.solve(F + 10.0 * torch.eye(len(g)), g)
    for solver in (Cholesky(), ConjugateGradient(tol=1e-14)):
        module = network()
        TNGD(module, saddle, lr=1.0, damping=10.0, solver=solver).step(x, y)
        torch.testing.assert_close(parameters(network()) - parameters(module), expected, rtol=1e-10, atol=1e-12)


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


def test_micro_batches_of_unlike_shapes_are_refused():
    module = nn.Sequential(nn.Linear(1, 2), nn.Tanh())
    optimizer = TNGD(module, functional.mse_loss, solver=Woodbury())
    optimizer.accumulate(torch.ones(2, 3, 1), torch.zeros(2, 3, 2))
    with pytest.raises(ValueError, match="one shape"):
        optimizer.step(torch.ones(2, 4, 1), torch.zeros(2, 4, 2))


def test_targets_that_are_broadcast_have_the_hessian_of_what_is_computed():
    # (B, 1) outputs against (B,) targets: torch warns, and takes the mean over all pairs.
    z, y = torch.randn(4, 1), torch.randn(4)
    with pytest.warns(UserWarning, match="broadcasting"):
        H = output_hessian(functional.mse_loss, z, y)
    torch.testing.assert_close(H, torch.full((4, 1, 1), 0.5))
