"""Derivatives by layers are held against plain ones: when, at what cost, and what that catches."""

from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, Woodbury
from thermospice.training.curvature import FlatModule, Referee
from torch import Tensor, nn
from torch.nn import functional

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.randint(3, (6,), generator=torch.Generator().manual_seed(2))


class Turning(nn.Module):
    """Mixes samples from some call on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(4, 5).double(), nn.Linear(5, 3).double()
        self.mixes = False

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).tanh()
        return self.last(h - h.mean(0) if self.mixes else h)


def made(kind: Any, module: nn.Module, check: Any) -> Any:
    if kind is KFAC:
        return KFAC(module, functional.cross_entropy, solver=Woodbury(), check=check)
    return TNGD(module, functional.cross_entropy, solver=Woodbury(), curvature="layers", check=check)


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


@pytest.mark.parametrize("kind", [TNGD, KFAC])
@pytest.mark.parametrize("check", ["gradient", "every"])
def test_a_module_that_mixes_samples_later_is_seen_by_the_next_step(kind: Any, check: Any) -> None:
    # Catches a referee that looks at the first step alone.
    module = Turning()
    optimizer = made(kind, module, check)
    for _ in range(3):
        optimizer.step(X, Y)
    module.mixes = True
    before = flat(module)
    with pytest.raises(ValueError, match=r"mixed|another way"):
        optimizer.step(X, Y)
    assert torch.equal(flat(module), before)


@pytest.mark.parametrize("kind", [TNGD, KFAC])
def test_the_step_is_the_same_however_it_is_checked(kind: Any) -> None:
    ends = []
    for check in ("gradient", "every", "off"):
        module = Turning()
        optimizer = made(kind, module, check)
        for _ in range(3):
            optimizer.step(X, Y)
        ends.append(flat(module))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=0)
    torch.testing.assert_close(ends[0], ends[2], rtol=1e-12, atol=1e-15)


def test_a_full_check_is_the_first_of_sixteen_and_follows_a_change_of_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Turning()
    optimizer = made(TNGD, module, "gradient")
    passes: list[int] = []
    plain = FlatModule.pulled_back_many
    monkeypatch.setattr(FlatModule, "pulled_back_many", lambda *given: passes.append(1) or plain(*given))
    counts = []
    for step in range(20):
        module.train(step < 18)
        passes.clear()
        optimizer.step(X, Y)
        counts.append(len(passes))
    assert [step for step, count in enumerate(counts) if count == 2] == [0, 16, 18]
    assert set(counts) == {1, 2}


def test_no_check_costs_no_pass_and_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = Turning()
    module.mixes = True
    optimizer = made(TNGD, module, "off")
    monkeypatch.setattr(FlatModule, "pulled_back_many", lambda *given: pytest.fail("a plain pass"))
    optimizer.step(X, Y)


def test_a_call_that_was_refused_is_checked_in_full_again() -> None:
    referee = Referee("gradient")
    module = Turning()
    assert referee.level(module) == "chance"
    assert referee.level(module) == "chance"
    referee.passed()
    assert referee.level(module) == "gradient"


def test_check_is_of_layers() -> None:
    with pytest.raises(ValueError, match=r'check is of curvature "layers"'):
        TNGD(Turning(), functional.cross_entropy, curvature="ggn", check="off")
