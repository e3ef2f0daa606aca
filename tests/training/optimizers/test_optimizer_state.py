"""Optimisers are copied, pickled, scheduled and resumed as torch's are, or say in one line why not."""

import copy
import pickle
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, Cholesky, IdealSPU, Woodbury
from torch import Tensor, nn
from torch.optim import lr_scheduler

X = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))
Y = torch.randint(3, (8,), generator=torch.Generator().manual_seed(2))
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (TNGD, {}),
    "momentum and a delay": (TNGD, {"momentum": 0.5, "delay": 0.2}),
    "layers and a delay": (TNGD, {"curvature": "layers", "delay": 0.2}),
    "Adam": (TNGD, {"betas": (0.9, 0.99)}),
    "layers": (TNGD, {"curvature": "layers"}),
    "K-FAC": (KFAC, {"momentum": 0.5}),
}
COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda given: pickle.loads(pickle.dumps(given))}


def made(name: str, solver: Any = None, width: int = 5) -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 3))
    kind, settings = CASES[name]
    solver = IdealSPU(t=3.0, kappa0=1e-4) if solver is None else solver
    return module, kind(module, nn.CrossEntropyLoss(), lr=0.1, damping=0.1, solver=solver, **settings)


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


def steps(optimizer: Any, count: int = 3) -> list[float]:
    return [float(optimizer.step(X, Y)) for _ in range(count)]


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("name", CASES)
def test_a_copy_goes_on_where_the_optimizer_stood(name, way):
    # Catches torch's own pickling, which keeps parameter groups and loses module, solver, noise and device.
    module, optimizer = made(name)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=20)
    steps(optimizer, 2)
    scheduler.step()
    twin_module, twin = COPIES[way]((module, optimizer))
    expected = steps(twin)
    assert not torch.equal(flat(twin_module), flat(module))  # the copy is another one, and moves alone
    assert steps(optimizer) == expected
    assert torch.equal(flat(twin_module), flat(module))


@pytest.mark.parametrize("name", CASES)
def test_schedulers_move_learning_rate_and_momentum(name):
    _, optimizer = made(name)
    momentum = "betas" if name == "Adam" else "momentum"
    for scheduler in (
        lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=10),
        lr_scheduler.CyclicLR(optimizer, base_lr=0.01, max_lr=0.1, base_momentum=0.8, max_momentum=0.9),
    ):
        seen = []
        for _ in range(3):
            optimizer.step(X, Y)
            scheduler.step()
            group = optimizer.param_groups[0]
            seen.append((group["lr"], group["betas"][0] if momentum == "betas" else group["momentum"]))
        assert len(set(seen)) == 3
        assert all(0.8 <= value <= 0.95 for _, value in seen)


def test_a_scheduled_momentum_is_that_of_sgd():
    # On a curvature that a damping of 1e8 drowns the step is the gradient over the damping: SGD under one scheduler.
    ends = []
    for natural in (True, False):
        torch.manual_seed(0)
        module, loss_fn = nn.Linear(4, 3).double(), nn.CrossEntropyLoss()
        if natural:
            optimizer: Any = TNGD(module, loss_fn, lr=1e8, damping=1e8, solver=Cholesky())
        else:
            optimizer = torch.optim.SGD(module.parameters(), lr=1.0, momentum=0.1)
        scale = 1e8 if natural else 1.0
        scheduler = lr_scheduler.CyclicLR(optimizer, 0.1 * scale, 0.5 * scale, step_size_up=3)
        for _ in range(6):
            if natural:
                optimizer.step(X.double(), Y)
            else:
                optimizer.zero_grad()
                loss_fn(module(X.double()), Y).backward()
                optimizer.step()
            scheduler.step()
        ends.append(flat(module))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_another_state_is_refused_and_changes_nothing(name):
    module, optimizer = made(name)
    steps(optimizer, 2)
    _, untouched = copy.deepcopy((module, optimizer))
    own = optimizer.state_dict()
    foreign: list[Any] = [
        torch.optim.SGD(module.parameters(), lr=0.1).state_dict(),
        torch.optim.Adam(module.parameters()).state_dict(),
        made("plain" if name == "K-FAC" else "K-FAC")[1].state_dict(),
        {},
        {**own, "param_groups": []},
        {**own, "param_groups": [{"params": own["param_groups"][0]["params"]}]},
    ]
    wider = made(name, width=6)[1]
    steps(wider, 1)
    for state in (*foreign, wider.state_dict()):
        with pytest.raises(ValueError, match=f"^{type(optimizer).__name__}: ") as caught:
            optimizer.load_state_dict(state)
        assert "\n" not in str(caught.value)
    assert steps(optimizer) == steps(untouched)
    quiet = made(name, solver=Woodbury())[1] if "delay" not in name else None
    if quiet is not None:
        with pytest.raises(ValueError, match="another solver than Woodbury"):
            quiet.load_state_dict(own)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_that_is_replaced_is_named(name):
    # Catches a new layer that never moves.
    module, optimizer = made(name)
    steps(optimizer, 1)
    module[2] = nn.Linear(5, 3)
    with pytest.raises(ValueError, match=r"'2.weight' is trained and in no parameter group"):
        optimizer.step(X, Y)


def test_a_parameter_that_is_unfrozen_is_named():
    module = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 3).requires_grad_(False))
    optimizer = TNGD(module, nn.CrossEntropyLoss())
    steps(optimizer, 1)
    module[1].requires_grad_(True)
    with pytest.raises(ValueError, match=r"'1.weight' is trained and in no parameter group"):
        optimizer.accumulate(X, Y)
