"""L-BFGS with a state of one shape: the steps are torch's, and go on where they stopped."""

from typing import Any

import pytest
import torch
from thermospice.training.rivals import LBFGS
from torch import Tensor


def steps(optimizer: torch.optim.Optimizer, x: Tensor, count: int) -> list[float]:
    """Losses of a Rosenbrock function before each step."""

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()
        loss.backward()
        return loss

    return [float(optimizer.step(closure).detach()) for _ in range(count)]


def start() -> Tensor:
    return torch.linspace(-1.2, 1.0, 6, dtype=torch.float64).requires_grad_()


def test_its_steps_are_those_of_torch() -> None:
    x, y = start(), start()
    settings: dict[str, Any] = {"history_size": 50, "line_search_fn": "strong_wolfe"}
    # torch counts the iterations of all its steps as one run
    plain = torch.optim.LBFGS([y], max_iter=30, max_eval=1000, tolerance_grad=0, tolerance_change=0, **settings)
    steps(LBFGS([x]), x, 30)
    steps(plain, y, 1)
    torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("stopped", [1, 2, 5, 60], ids=["first", "second", "in between", "history full"])
def test_it_goes_on_where_it_stopped(stopped: int) -> None:
    # Catches a number of the state that is not kept, or comes back rounded.
    x = start()
    whole = LBFGS([x])
    steps(whole, x, stopped)
    y = x.detach().clone().requires_grad_()
    again = LBFGS([y])
    again.load_state_dict(whole.state_dict())
    assert steps(again, y, 5) == steps(whole, x, 5)
    assert torch.equal(x, y)


def test_its_state_has_one_shape() -> None:
    x = start()
    optimizer = LBFGS([x])
    steps(optimizer, x, 1)
    first = optimizer.state_dict()["state"][0]
    steps(optimizer, x, 7)
    later = optimizer.state_dict()["state"][0]
    assert {name: torch.as_tensor(value).shape for name, value in first.items()} == {
        name: torch.as_tensor(value).shape for name, value in later.items()
    }
