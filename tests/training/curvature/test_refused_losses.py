"""Losses that are refused in one line, or told of: what couples samples, learns, or has no curvature."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, Cholesky, ConjugateGradient, IdealSPU, Woodbury
from thermospice.training.curvature import curvature, loss_and_slope, output_hessian, warn_of_no_curvature
from torch import Tensor, nn
from torch.nn import functional

from . import oracle
from .foreign import DAMPING, B, K, classes, inputs, network, numbers, parameters

pytestmark = [
    pytest.mark.usefixtures("double_precision"),
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning"),
    pytest.mark.filterwarnings("ignore:loss_fn. its second derivative in the outputs is zero:UserWarning"),
]


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


def test_micro_batches_of_unlike_shapes_are_refused():
    module = nn.Sequential(nn.Linear(1, 2), nn.Tanh())
    optimizer = TNGD(module, functional.mse_loss, solver=Woodbury())
    optimizer.accumulate(torch.ones(2, 3, 1), torch.zeros(2, 3, 2))
    with pytest.raises(ValueError, match="one shape"):
        optimizer.step(torch.ones(2, 4, 1), torch.zeros(2, 4, 2))
