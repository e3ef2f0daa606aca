"""Curvature averaged over steps and sampled from the model: against dense matrices, made by autograd alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from thermospice.training import TNGD, DeviceSPU, Woodbury
from thermospice.training.curvature import output_hessian, sampled_slopes
from torch import Tensor, nn

from ..doubles import Population

LOSSES: dict[str, Any] = {
    "cross-entropy": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64), ignore_index=1),
    "squared": nn.MSELoss(),
    "log cosh": lambda outputs, targets: (outputs - targets).cosh().log().sum(),
}


def _module() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def _batch(number: int, loss: str, samples: int = 6) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(number)
    inputs = torch.randn(samples, 4, generator=draws, dtype=torch.float64)
    if loss == "cross-entropy":
        return inputs, torch.arange(samples) % 3
    return inputs, torch.randn(samples, 3, generator=draws, dtype=torch.float64)


def _dense(module: nn.Module, loss_fn: Callable[..., Tensor], inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Jacobian of all outputs and the loss's whole Hessian in them: nothing is known of samples."""
    names = [name for name, _ in module.named_parameters()]
    values = tuple(p.detach() for p in module.parameters())

    def outputs(*theta: Tensor) -> Tensor:
        return torch.func.functional_call(module, dict(zip(names, theta, strict=True)), (inputs,)).flatten()

    columns = torch.autograd.functional.jacobian(outputs, values)
    J = torch.cat([c.flatten(1) for c in columns], 1)
    z = outputs(*values)
    H = torch.autograd.functional.hessian(lambda u: loss_fn(u.reshape(len(inputs), -1), targets), z)
    return J, H


def _gradient(module: nn.Module, loss_fn: Callable[..., Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
    loss = loss_fn(module(inputs), targets)
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(module.parameters()))])


def _theta(module: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("curvature", ["ggn", "layers"])
def test_steps_are_those_of_the_dense_average(loss: str, curvature: Any) -> None:
    # Catches weights that do not add up, the rows of one step twice, and a J of an old step at the new parameters.
    module, loss_fn, damping = _module(), LOSSES[loss], 0.1
    optimizer = TNGD(
        module, loss_fn, 0.3, damping, Woodbury(), curvature=curvature, curvature_average=3, curvature_decay=0.6
    )
    seen: list[Tensor] = []
    for number in range(5):
        inputs, targets = _batch(number, loss, samples=6 + number % 2)  # batches of different sizes
        J, H = _dense(module, loss_fn, inputs, targets)
        seen.append(J.T @ H @ J)
        weights = torch.tensor([0.6**age for age in reversed(range(min(number + 1, 3)))], dtype=torch.float64)
        F = sum((w / weights.sum() * one for w, one in zip(weights, seen[-3:], strict=True)), torch.zeros_like(seen[0]))
        expected = torch.linalg.solve(
            F + damping * torch.eye(len(F)).double(), _gradient(module, loss_fn, inputs, targets)
        )
        before = _theta(module)
        optimizer.step(inputs, targets)
        torch.testing.assert_close((before - _theta(module)) / 0.3, expected, rtol=1e-10, atol=1e-10)


def test_average_of_fisher_rows_is_that_of_samples() -> None:
    module, loss_fn = _module(), nn.MSELoss(reduction="sum")
    optimizer = TNGD(module, loss_fn, 0.3, 0.1, Woodbury(), curvature="fisher", curvature_average=2)
    F = []
    for number in range(3):
        inputs, targets = _batch(number, "squared")
        own = [_gradient(module, loss_fn, x[None], y[None]) for x, y in zip(inputs, targets, strict=True)]
        F.append(torch.stack(own).T @ torch.stack(own))
        whole = torch.stack(F[-2:]).mean(0) + 0.1 * torch.eye(len(F[0])).double()
        expected = torch.linalg.solve(whole, _gradient(module, loss_fn, inputs, targets))
        before = _theta(module)
        optimizer.step(inputs, targets)
        torch.testing.assert_close((before - _theta(module)) / 0.3, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("curvature", ["ggn", "layers"])
def test_a_sampled_step_has_one_row_for_each_sample(loss: str, curvature: Any) -> None:
    module, loss_fn = _module(), LOSSES[loss]
    inputs, targets = _batch(0, loss)
    J, _ = _dense(module, loss_fn, inputs, targets)
    outputs = module(inputs).detach()
    torch.manual_seed(7)
    u = sampled_slopes(loss_fn, outputs, targets, output_hessian(loss_fn, outputs, targets))
    rows = torch.einsum("bk,bkn->bn", u, J.reshape(len(inputs), 3, -1))
    F = rows.T @ rows + 0.1 * torch.eye(J.shape[1]).double()
    expected = torch.linalg.solve(F, _gradient(module, loss_fn, inputs, targets))
    before = _theta(module)
    torch.manual_seed(7)
    TNGD(module, loss_fn, 0.3, 0.1, Woodbury(), curvature=curvature, curvature_rows="sampled").step(inputs, targets)
    torch.testing.assert_close((before - _theta(module)) / 0.3, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("loss", LOSSES)
def test_sampled_slopes_have_the_hessian_as_their_second_moment(loss: str) -> None:
    # Catches labels in the place of the model's draws (the empirical Fisher), and weights that are not under the root.
    loss_fn, many = LOSSES[loss], 20_000
    torch.manual_seed(11)
    one = torch.randn(2, 3, dtype=torch.float64)
    targets = torch.tensor([0, 2]) if loss == "cross-entropy" else torch.randn(2, 3, dtype=torch.float64)
    outputs, wanted = one.repeat(many, 1), targets.repeat(many, *[1] * (targets.dim() - 1))
    H = output_hessian(loss_fn, outputs, wanted)
    u = sampled_slopes(loss_fn, outputs, wanted, H)
    second = (u.unsqueeze(2) * u.unsqueeze(1)).reshape(many, -1)
    # Eighteen entries, no larger than four standard errors but once in 900 such tests; the seed is fixed.
    error = second.std(0) / many**0.5
    z = (second.mean(0) - H[:2].flatten()) / error.where(error > 0, 1.0)
    assert float(z.abs().max()) < 4.0


def test_ignored_samples_have_no_row() -> None:
    outputs, targets = torch.randn(3, 3, dtype=torch.float64), torch.tensor([0, 1, 2])
    loss_fn = LOSSES["cross-entropy"]
    u = sampled_slopes(loss_fn, outputs, targets, output_hessian(loss_fn, outputs, targets))
    assert not u[1].any()
    assert u[0].any()


def test_resumes_bit_for_bit() -> None:
    def make(module: nn.Module) -> TNGD:
        return TNGD(module, nn.MSELoss(), 0.3, 0.1, Woodbury(), curvature_average=3, curvature_rows="sampled")

    module = _module()
    optimizer = make(module)
    for number in range(4):
        optimizer.step(*_batch(number, "squared"))
    weights, state = {k: v.clone() for k, v in module.state_dict().items()}, optimizer.state_dict()
    chance = torch.get_rng_state()
    optimizer.step(*_batch(9, "squared"))

    again = _module()
    other = make(again)
    again.load_state_dict(weights)
    other.load_state_dict(state)
    torch.set_rng_state(chance)
    other.step(*_batch(9, "squared"))
    assert torch.equal(_theta(module), _theta(again))


def test_a_frozen_parameter_begins_a_new_average() -> None:
    module = _module()
    optimizer = TNGD(module, nn.MSELoss(), 0.3, 0.1, Woodbury(), curvature_average=3)
    optimizer.step(*_batch(0, "squared"))
    module[0].bias.requires_grad_(False)
    inputs, targets = _batch(1, "squared")
    other = TNGD(module, nn.MSELoss(), 0.3, 0.1, Woodbury())
    before = {k: v.clone() for k, v in module.state_dict().items()}
    optimizer.step(inputs, targets)
    averaged = _theta(module)
    module.load_state_dict(before)
    other.step(inputs, targets)
    torch.testing.assert_close(averaged, _theta(module), rtol=1e-10, atol=1e-12)


def test_a_device_takes_the_rows_of_all_steps() -> None:
    module = _module().float()
    device = DeviceSPU(Population(), t=5.0)
    optimizer = TNGD(module, nn.MSELoss(), 0.1, 0.1, device, curvature_average=2, curvature_rows="sampled")
    losses = [float(optimizer.step(*(x.float() for x in _batch(0, "squared")))) for _ in range(6)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"curvature_average": 0}, "expected curvature_average >= 1"),
        ({"curvature_average": 2, "curvature_decay": 0.0}, "expected 0 < curvature_decay <= 1"),
        ({"curvature_decay": 0.5}, "give curvature_average too"),
        ({"curvature": "fisher", "curvature_rows": "sampled"}, "one row for each sample as it is"),
        ({"curvature": "products", "curvature_average": 2}, 'curvature "products" goes with neither'),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        TNGD(_module(), nn.MSELoss(), solver=Woodbury(), **settings)
    assert "\n" not in str(caught.value)
