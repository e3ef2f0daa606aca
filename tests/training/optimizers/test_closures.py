"""The habits of torch: a closure, clipped gradients, every scheduler, a scaler; used, or refused in one line."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, ConjugateGradient, Woodbury
from thermospice.training.optimizers import LevenbergMarquardt
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from ..curvature import oracle

DAMPING = 0.1
pytestmark = pytest.mark.usefixtures("double_precision")
MAKERS = {
    "ggn": lambda m: TNGD(m, nn.CrossEntropyLoss(), lr=1.0, damping=DAMPING, solver=Woodbury()),
    "layers": lambda m: TNGD(m, nn.CrossEntropyLoss(), lr=1.0, damping=DAMPING, solver=Woodbury(), curvature="layers"),
    "products": lambda m: TNGD(
        m, nn.CrossEntropyLoss(), lr=1.0, damping=DAMPING, solver=ConjugateGradient(tol=1e-14), curvature="products"
    ),
}


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(8, 4, generator=generator), torch.randint(3, (8,), generator=generator)


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


def closure_of(module: nn.Module, optimizer: Any, after: Callable[[], Any] = lambda: None) -> Callable[[], Tensor]:
    x, y = batch()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(module(x), y)
        loss.backward()
        after()
        return loss

    return closure


@pytest.mark.parametrize("limit", [None, 0.01])
@pytest.mark.parametrize("kind", MAKERS)
def test_a_closure_takes_the_step_of_dense_matrices_by_its_gradients(kind, limit):
    # Catches a clipped gradient that is computed anew, and clipping of gradients that are not there at the second call.
    module, (x, y) = network(), batch()
    optimizer = MAKERS[kind](module)

    def clip() -> None:
        if limit is not None:
            for p in module.parameters():
                p.grad.clamp_(-limit, limit)

    g = oracle.gradient(module, functional.cross_entropy, x, y)
    F = oracle.gauss_newton(module, functional.cross_entropy, x, y) + DAMPING * torch.eye(len(g))
    b = g if limit is None else g.clamp(-limit, limit)
    assert limit is None or float((b - g).norm()) > 0.1 * float(g.norm())
    theta, loss = flat(module), functional.cross_entropy(module(x), y).detach()
    torch.testing.assert_close(optimizer.step(closure_of(module, optimizer, clip)), loss, rtol=1e-14, atol=0)
    torch.testing.assert_close(theta - flat(module), torch.linalg.solve(F, b), rtol=1e-10, atol=1e-12)
    left = torch.cat([p.grad.flatten() for p in module.parameters()])
    torch.testing.assert_close(left, b, rtol=1e-12, atol=1e-15)


def test_a_closure_goes_with_hooks_momentum_and_adapted_damping():
    x, y = batch()
    ends = []
    for by_closure in (True, False):
        module = network()
        module.register_forward_hook(lambda *given: 2.0 * given[2])
        optimizer = TNGD(
            module, functional.cross_entropy, lr=0.5, momentum=0.5, damping=DAMPING, solver=Woodbury(),
            levenberg_marquardt=LevenbergMarquardt(),
        )  # fmt: skip
        for _ in range(3):
            if by_closure:
                optimizer.step(closure_of(module, optimizer))
            else:
                optimizer.zero_grad()
                optimizer.step(x, y)
        assert "forward" not in vars(module)
        ends.append(torch.cat([flat(module), torch.tensor([optimizer.param_groups[0]["damping"]])]))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-10, atol=1e-12)


def penalised(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(module(x), y) + 0.1 * sum(p.square().sum() for p in module.parameters())


def twice(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(module(x), y) + functional.mse_loss(module(x), module(x).detach() + 1.0)


def noisy(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return functional.cross_entropy(functional.dropout(module(x), 0.5), y)


def coupled(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return (module(x) - module(x).mean(0).detach()).square().mean().sqrt()


def centred(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    z = module(x)
    return (z - z.mean(0)).square().mean()


@pytest.mark.parametrize(
    ("loss_fn", "words"),
    [(penalised, "weight_decay"), (twice, "3 and|3 times"), (noisy, "random"), (coupled, "once"), (centred, "couples")],
)
def test_a_closure_that_is_no_loss_of_outputs_is_refused(loss_fn, words):
    module, (x, y) = network(), batch()
    optimizer = MAKERS["ggn"](module)
    theta = flat(module)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = loss_fn(module, x, y)
        loss.backward()
        return loss

    with pytest.raises(ValueError, match=words) as caught:
        optimizer.step(closure)
    assert "\n" not in str(caught.value)
    assert torch.equal(flat(module), theta)


def test_a_closure_without_backward_or_with_a_scaled_loss_is_refused():
    module, (x, y) = network(), batch()
    optimizer = MAKERS["ggn"](module)

    def scaled() -> Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(module(x), y)
        (1024.0 * loss).backward()
        return loss

    with pytest.raises(ValueError, match="GradScaler"):
        optimizer.step(scaled)
    with pytest.raises(ValueError, match=r"backward\(\) 0 times"):
        optimizer.step(lambda: functional.cross_entropy(module(x), y))
    with pytest.raises(TypeError, match="step\\(closure\\)"):
        optimizer.step()
    with pytest.raises(TypeError, match="for TNGD"):
        KFAC(module, functional.cross_entropy).step(scaled)
    with pytest.raises(ValueError, match='"fisher"'):
        TNGD(module, functional.cross_entropy, curvature="fisher").step(scaled)


@pytest.mark.parametrize("make", [*MAKERS.values(), lambda m: KFAC(m, nn.CrossEntropyLoss())], ids=[*MAKERS, "kfac"])
def test_gradients_before_a_step_are_those_of_the_batch_or_refused(make):
    # Catches clip_grad_norm_ before step(inputs, targets), which did nothing.
    (x, y), ends = batch(), []
    for scale in (None, 1.0, 0.5):
        module = network()
        optimizer = make(module)
        if scale is not None:
            functional.cross_entropy(module(x), y).backward()
            for p in module.parameters():
                p.grad.mul_(scale)
        theta = flat(module)
        if scale == 0.5:
            with pytest.raises(ValueError, match="zero_grad") as caught:
                optimizer.step(x, y)
            assert "\n" not in str(caught.value)
            assert torch.equal(flat(module), theta)
            optimizer.zero_grad(set_to_none=False)
        optimizer.step(x, y)
        ends.append(flat(module))
    for end in ends[1:]:
        torch.testing.assert_close(end, ends[0], rtol=1e-12, atol=1e-14)


def test_a_scaler_hands_the_batch_on():
    module, (x, y) = network(), batch()
    optimizer = MAKERS["ggn"](module)
    scaler = torch.amp.GradScaler("cpu")
    before = float(functional.cross_entropy(module(x), y).detach())
    scaler.scale(functional.cross_entropy(module(x), y)).backward()
    scaler.step(optimizer, x, y)
    scaler.update()
    assert float(functional.cross_entropy(module(x), y).detach()) < before
    with pytest.raises(ValueError, match="zero_grad"):
        optimizer.step(x, y)  # gradients of the step before


@pytest.mark.parametrize("make", [MAKERS["ggn"], lambda m: KFAC(m, nn.CrossEntropyLoss())], ids=["tngd", "kfac"])
def test_a_group_of_no_parameter_of_the_module_is_refused(make):
    # Catches a group that is listed and never trained.
    optimizer = make(network())
    with pytest.raises(ValueError, match="no parameter of the module"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    assert len(optimizer.param_groups) == 1


ARGUMENTS: dict[str, Any] = {
    "LambdaLR": {"lr_lambda": lambda step: 0.9**step},
    "MultiplicativeLR": {"lr_lambda": lambda step: 0.9},
    "StepLR": {"step_size": 1, "gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 2]},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 5},
    "CosineAnnealingWarmRestarts": {"T_0": 5},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.5},
    "OneCycleLR": {"max_lr": 0.5, "total_steps": 10},
    "ReduceLROnPlateau": {"patience": 0, "threshold": 1e9, "threshold_mode": "abs"},
}
MADE_OF_OTHERS = {"ChainedScheduler", "SequentialLR"}
ABSTRACT = {"LRScheduler", "_LRScheduler"}


def schedulers() -> list[str]:
    """Every one that this torch has."""
    return sorted(
        name
        for name, kind in vars(lr_scheduler).items()
        if inspect.isclass(kind)
        and (issubclass(kind, lr_scheduler.LRScheduler) or name == "ReduceLROnPlateau")
        and name not in ABSTRACT
    )


def scheduled(name: str, optimizer: Any) -> Any:
    kind = getattr(lr_scheduler, name)
    if name in MADE_OF_OTHERS:
        parts = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.StepLR(optimizer, 1, 0.5)]
        return kind(parts) if name == "ChainedScheduler" else kind(optimizer, parts, milestones=[2])
    return kind(optimizer, **ARGUMENTS.get(name, {}))


@pytest.mark.parametrize("kind", ["tngd", "kfac"])
@pytest.mark.parametrize("name", schedulers())
def test_every_scheduler_of_torch_gives_the_learning_rates_that_it_gives_sgd(name, kind):
    x, y = batch()
    rates = []
    for own in (True, False):
        module = network()
        make = MAKERS["ggn"] if kind == "tngd" else lambda m: KFAC(m, nn.CrossEntropyLoss(), lr=1.0)
        optimizer = make(module) if own else torch.optim.SGD(module.parameters(), lr=1.0, momentum=0.9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, of schedulers in schedulers
            scheduler = scheduled(name, optimizer)
        seen = []
        for _ in range(3):
            theta = flat(module)
            if own:
                optimizer.step(x, y)
                seen.append(optimizer.param_groups[0]["lr"])
                assert not torch.equal(theta, flat(module))
            else:
                optimizer.step()
                seen.append(optimizer.param_groups[0]["lr"])
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        rates.append(seen)
    assert rates[0] == rates[1]
