"""Groups of parameters with settings of their own, and parameters that are frozen or added on the way."""

import copy
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, Woodbury
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from ..curvature import oracle

X = torch.randn(9, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.randint(3, (9,), generator=torch.Generator().manual_seed(2))
DAMPING = 0.1
FIRST: dict[str, float] = {"lr": 0.2, "weight_decay": 0.3, "momentum": 0.5}
SECOND: dict[str, float] = {"lr": 0.05, "weight_decay": 0.0, "momentum": 0.9}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def groups(module: nn.Sequential) -> list[dict[str, Any]]:
    # out of the module's order, and a weight apart from its bias
    return [
        {"params": [module[2].bias, *module[0].parameters()], **FIRST},
        {"params": [module[2].weight], **SECOND},
    ]


class Plain:
    """The same by dense matrices and loops over parameters."""

    def __init__(self, module: nn.Sequential, given: list[dict[str, Any]]) -> None:
        self.module = module
        self.given = {id(p): group for group in given for p in group["params"]}
        self.velocity: dict[int, Tensor] = {}

    def step(self) -> None:
        own = oracle.trained(self.module)
        g = oracle.gradient(self.module, functional.cross_entropy, X, Y)
        F = oracle.gauss_newton(self.module, functional.cross_entropy, X, Y)
        decay = torch.cat([self.given[id(p)]["weight_decay"] * p.detach().flatten() for p in own])
        direction = torch.linalg.solve(F + DAMPING * torch.eye(len(g)), g + decay)
        for p, d in zip(own, direction.split([p.numel() for p in own]), strict=True):
            group = self.given[id(p)]
            last = self.velocity.get(id(p), torch.zeros_like(d))
            self.velocity[id(p)] = group["momentum"] * last + d
            p.data -= group["lr"] * self.velocity[id(p)].view_as(p)
        for gone in self.velocity.keys() - {id(p) for p in own}:
            del self.velocity[gone]  # what comes back begins anew


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


@pytest.mark.parametrize("kind", ["ggn", "layers"])
def test_groups_that_change_step_as_plain_loops_do(kind: Any, double_precision: None) -> None:
    # Catches settings that are another parameter's, momentum that is lost or mixed up, and a frozen layer that moves.
    module, twin = network(), network()
    optimizer = TNGD(
        module, functional.cross_entropy, damping=DAMPING, solver=Woodbury(), curvature=kind, params=groups(module)
    )
    plain = Plain(twin, groups(twin))
    for change in (lambda m: None, lambda m: freeze(m, True), lambda m: freeze(m, False)):
        change(module), change(twin)
        for _ in range(2):
            optimizer.step(X, Y)
            plain.step()
        torch.testing.assert_close(flat(module), flat(twin), rtol=1e-10, atol=1e-12)


def freeze(module: nn.Sequential, frozen: bool) -> None:
    module[0].requires_grad_(not frozen)


@pytest.mark.parametrize("make", [TNGD, KFAC])
def test_a_layer_that_is_added_is_trained_as_one_of_its_own_group(make: Any, double_precision: None) -> None:
    module = network()
    module[2].requires_grad_(False)
    optimizer = make(module, functional.cross_entropy, lr=0.2, damping=DAMPING, solver=Woodbury(), momentum=0.5)
    optimizer.step(X, Y)
    module[2].requires_grad_(True)
    with pytest.raises(ValueError, match=r"'2.weight' is trained and in no parameter group"):
        optimizer.step(X, Y)
    optimizer.add_param_group({"params": module[2].parameters(), "lr": 0.0})
    before = flat(module)
    saved = copy.deepcopy(optimizer.state_dict())
    optimizer.step(X, Y)
    moved = flat(module) - before
    assert bool((moved[:25] != 0).all())  # the first layer has 25 numbers, and 5 samples' worth of curvature
    assert not bool(moved[25:].any())
    optimizer.param_groups[1]["lr"] = 0.2
    optimizer.step(X, Y)
    assert bool((flat(module) - before)[25:].all())
    assert len(saved["param_groups"]) == 2


def test_adam_of_an_entry_begins_when_it_does(double_precision: None) -> None:
    # Catches a bias correction by all steps, which makes the first steps of a new layer 1/sqrt(1 - beta2) too long.
    module = network()
    module[2].requires_grad_(False)
    optimizer = TNGD(module, functional.cross_entropy, lr=1e-3, damping=DAMPING, solver=Woodbury(), betas=(0.9, 0.999))
    for _ in range(4):
        optimizer.step(X, Y)
    module[2].requires_grad_(True)
    optimizer.add_param_group({"params": list(module[2].parameters())})
    before = flat(module)
    optimizer.step(X, Y)
    # the first step of Adam is a sign step
    torch.testing.assert_close((flat(module) - before)[25:].abs(), torch.full((18,), 1e-3), rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("make", [TNGD, KFAC])
def test_layers_are_independent_for_kfac_and_schedulers_move_each_group(make: Any, double_precision: None) -> None:
    settings: dict[str, Any] = {"damping": DAMPING, "solver": Woodbury()}
    steps = []
    for lr in (0.2, 0.05):
        alone = network()
        make(alone, functional.cross_entropy, lr=lr, **settings).step(X, Y)
        steps.append(flat(alone))
    module = network()
    both = [{"params": module[0].parameters(), "lr": 0.4}, {"params": module[2].parameters(), "lr": 0.1}]
    optimizer = make(module, functional.cross_entropy, params=both, **settings)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
    optimizer.step(X, Y)
    scheduler.step()
    torch.testing.assert_close(flat(module), torch.cat([steps[0][:25], steps[1][25:]]), rtol=1e-12, atol=0.0)


def test_kfac_takes_a_bias_apart_from_its_weight(double_precision: None) -> None:
    steps = {}
    for name, (lr, decay) in {"weight": (0.2, 0.3), "bias": (0.05, 0.0)}.items():
        alone = network()
        KFAC(alone, functional.cross_entropy, lr=lr, weight_decay=decay, damping=DAMPING).step(X, Y)
        steps[name] = alone[2]
    module = network()
    own = [
        {"params": [*module[0].parameters(), module[2].weight], "lr": 0.2, "weight_decay": 0.3},
        {"params": [module[2].bias], "lr": 0.05, "weight_decay": 0.3},
    ]
    KFAC(module, functional.cross_entropy, damping=DAMPING, params=own).step(X, Y)
    torch.testing.assert_close(module[2].weight, steps["weight"].weight, rtol=1e-12, atol=0.0)
    one_rate = network()
    KFAC(one_rate, functional.cross_entropy, lr=0.2, weight_decay=0.3, damping=DAMPING).step(X, Y)
    begin = network()[2].bias
    moved = (module[2].bias - begin, one_rate[2].bias - begin)
    torch.testing.assert_close(4.0 * moved[0], moved[1], rtol=1e-10, atol=1e-14)


REFUSED: dict[str, tuple[Any, str]] = {
    "a parameter in no group": (lambda m: [{"params": m[0].parameters()}], r"'2.weight' is trained and in no"),
    "another module's": (
        lambda m: [{"params": [*m.parameters(), nn.Parameter(torch.zeros(2))]}],
        "no parameter of the",
    ),
    "none": (lambda m: [], "got none"),
    "two dampings": (
        lambda m: [{"params": m[0].parameters()}, {"params": m[2].parameters(), "damping": 0.5}],
        "one damping for all parameter groups",
    ),
    "a negative rate": (lambda m: [{"params": m.parameters(), "lr": -1.0}], "lr finite and >= 0"),
}


@pytest.mark.parametrize("make", [TNGD, KFAC])
@pytest.mark.parametrize("name", REFUSED)
def test_groups_that_do_not_go_together_are_refused_in_one_line(name: str, make: Any) -> None:
    module = network()
    params, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as caught:
        make(module, functional.cross_entropy, params=params(module))
    assert "\n" not in str(caught.value)


def test_one_list_of_parameters_is_one_group(double_precision: None) -> None:
    module, twin = network(), network()
    TNGD(module, functional.cross_entropy, solver=Woodbury(), params=module.parameters()).step(X, Y)
    TNGD(twin, functional.cross_entropy, solver=Woodbury()).step(X, Y)
    assert torch.equal(flat(module), flat(twin))


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"params": 5}, "params as parameters"),
        ({"params": [{"params": 5}]}, "params of a group"),
        ({"levenberg_marquardt": True}, r"LevenbergMarquardt\(\)"),
    ],
)
def test_settings_of_another_type_are_refused_by_name(given, word):
    # Catches `levenberg_marquardt=True`, as the command line has it, which failed in the first step.
    with pytest.raises(TypeError, match=f"{word}|signature says"):
        TNGD(network(), functional.cross_entropy, **given)
