"""A step that makes things worse is not taken in silence: it is undone, refused, or told of."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, ConjugateGradient, Diverged, IdealSPU, Solution, Woodbury
from thermospice.training.curvature import curvature
from thermospice.training.optimizers import LevenbergMarquardt
from torch import Tensor, nn
from torch.nn import functional

pytestmark = pytest.mark.usefixtures("double_precision")


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(8, 4, generator=generator), torch.randn(8, 3, generator=generator)


def loss_of(module: nn.Module) -> float:
    x, y = batch()
    return float(functional.mse_loss(module(x), y).detach())


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}, {"curvature": "layers"}])
def test_a_step_that_raises_the_loss_is_undone_and_damping_rises(settings):
    # Catches a ratio of two rises, which looks like success: loss 1.6 -> 187 while the damping falls.
    module, (x, y) = network(), batch()
    rule = LevenbergMarquardt()
    optimizer = TNGD(
        module, nn.MSELoss(), lr=50.0, damping=1e-3, solver=Woodbury(), levenberg_marquardt=rule, **settings
    )
    for _ in range(20):
        theta, damping = flat(module), optimizer.param_groups[0]["damping"]
        before = loss_of(module)
        optimizer.step(x, y)
        after = loss_of(module)
        assert after <= before
        if optimizer.stats["accepted"]:
            continue
        assert torch.equal(flat(module), theta)
        assert optimizer.param_groups[0]["damping"] == damping * rule.retreat
        assert optimizer.stats["reduction_ratio"] < 0.0
    assert damping > 1e-3
    assert optimizer.stats["accepted"]


def test_steps_of_one_length_stay_and_damping_rises():
    # Catches a step of Adam, as long at any damping, that is undone for ever.
    module, (x, y) = network(), batch()
    optimizer = TNGD(
        module, nn.MSELoss(), lr=50.0, betas=(0.9, 0.99), solver=Woodbury(), levenberg_marquardt=LevenbergMarquardt()
    )
    theta = flat(module)
    optimizer.step(x, y)
    assert float((flat(module) - theta).abs().max()) == pytest.approx(50.0, rel=1e-3)
    assert optimizer.stats["reduction_ratio"] < 0.0
    assert optimizer.param_groups[0]["damping"] == 0.04


def test_a_decay_that_raises_the_loss_is_no_failure():
    # At the minimum of the loss alone the decay has to raise it; what falls is the sum of the two.
    module, (x, _) = nn.Linear(4, 3), batch()
    y = module(x).detach()
    optimizer = TNGD(
        module, nn.MSELoss(), lr=0.1, damping=1.0, solver=Woodbury(), weight_decay=0.1,
        levenberg_marquardt=LevenbergMarquardt(),
    )  # fmt: skip
    optimizer.step(x, y)
    assert float(functional.mse_loss(module(x), y).detach()) > 0.0
    assert optimizer.stats["accepted"] == 1.0
    assert optimizer.stats["reduction_ratio"] == pytest.approx(1.0, abs=1e-9)  # both are quadratic


def test_a_rejected_step_leaves_no_momentum():
    # Catches a velocity that raises the loss at each new attempt, whatever the damping.
    module, (x, y) = network(), batch()
    optimizer = TNGD(
        module, nn.MSELoss(), lr=1e3, damping=1e-3, momentum=0.9, solver=Woodbury(),
        levenberg_marquardt=LevenbergMarquardt(),
    )  # fmt: skip
    optimizer.step(x, y)
    assert optimizer.stats["accepted"] == 0.0
    assert not bool(optimizer.state_dict()["analog"]["vectors"]["momentum"].any())


def test_noise_does_not_drive_the_damping_away():
    # Catches steps undone for the device's noise, at which more damping makes the answer smaller than the noise: the
    # damping went to its maximum of 1e8, and training stood still.
    module, (x, y) = network(), batch()
    optimizer = TNGD(
        module, nn.MSELoss(), lr=1.0, damping=1e-2, solver=IdealSPU(t=1e3, kappa0=1e-3),
        levenberg_marquardt=LevenbergMarquardt(),
    )  # fmt: skip
    start, taken = loss_of(module), []
    for _ in range(150):
        optimizer.step(x, y)
        taken.append(optimizer.stats["part_taken"])
    assert optimizer.param_groups[0]["damping"] < 10.0
    assert loss_of(module) < start / 10
    assert min(taken) < 0.9


@dataclass(frozen=True)
class Astray:
    """An exact solver that answers with so many times what is right."""

    times: float

    def init(self, program: Any) -> Any:
        return Woodbury().init(program)

    def compute(self, state: Any, b: Tensor, x0: Tensor | None = None, t: float | None = None) -> Solution[Tensor]:
        return Solution(self.times * Woodbury().compute(state, b).value)


def test_an_answer_uphill_is_not_taken_and_damping_rises_slowly():
    module, (x, y) = network(), batch()
    rule = LevenbergMarquardt()
    optimizer = TNGD(module, nn.MSELoss(), lr=0.1, damping=0.5, solver=Astray(-1.0), levenberg_marquardt=rule)
    before = flat(module)
    optimizer.step(x, y)
    assert torch.equal(flat(module), before)
    assert optimizer.stats["part_taken"] == optimizer.stats["accepted"] == 0.0
    assert optimizer.param_groups[0]["damping"] == 0.5 / rule.alpha


@pytest.mark.parametrize(("times", "lr"), [(1.0, 0.7), (0.5, 1.9), (4.0, 0.7)])
def test_of_an_answer_that_overshoots_the_best_part_is_taken(times, lr):
    # The model along the answer c: slope b.c, bend c.G c; and an exact answer is taken as it is, whatever the rate.
    made = []
    for solver, damping in ((Woodbury(), 0.05), (Astray(times), 0.05)):
        module, (x, y) = network(), batch()
        before = flat(module)
        optimizer = TNGD(
            module, nn.MSELoss(), lr=lr, damping=damping, solver=solver, levenberg_marquardt=LevenbergMarquardt()
        )
        optimizer.step(x, y)
        made.append((flat(module) - before, optimizer.stats["part_taken"]))
    (exact, whole), (scaled, part) = made
    module, (x, y) = network(), batch()
    found = curvature(module, nn.MSELoss(), x, y, damping=0.05)
    G = found.factors.dense() - 0.05 * torch.eye(found.factors.N)
    c = -times * exact / lr
    best = min(1.0, float(found.gradient @ c) / float(c @ G @ c))
    assert whole == 1.0
    assert part == pytest.approx(best, rel=1e-12)
    torch.testing.assert_close(scaled, times * best * exact, rtol=1e-10, atol=1e-14)


def test_losses_of_a_module_that_draws_numbers_are_not_compared():
    module, (x, y) = network().append(nn.Dropout(0.5)), batch()
    optimizer = TNGD(module, nn.MSELoss(), solver=Woodbury(), levenberg_marquardt=LevenbergMarquardt())
    before = flat(module)
    with pytest.raises(ValueError, match="cannot be compared"):
        optimizer.step(x, y)
    assert torch.equal(flat(module), before)


@pytest.mark.parametrize("retreat", [1.0, 0.5, math.inf, math.nan])
def test_a_retreat_that_is_none_is_named(retreat):
    with pytest.raises(ValueError, match="retreat > 1"):
        LevenbergMarquardt(retreat=retreat)


@pytest.mark.parametrize("kind", ["ggn", "layers", "products", "kfac"])
def test_conjugate_gradients_stopped_on_the_way_are_told_of(kind):
    module, (x, y) = network(), batch()
    solver = ConjugateGradient(tol=1e-14, max_iterations=2)
    if kind == "kfac":
        optimizer = KFAC(module, nn.MSELoss(), solver=solver)
    else:
        optimizer = TNGD(module, nn.MSELoss(), damping=0.1, solver=solver, curvature=kind)
    with pytest.warns(UserWarning, match="did not converge in 2 iterations") as caught:
        optimizer.step(x, y)
    assert all("\n" not in str(warning.message) for warning in caught)


def test_conjugate_gradients_that_lead_away_are_refused():
    # The first iterations of a badly scaled system have residuals above the drive's; without a preconditioner.
    module = nn.Linear(4, 3, bias=False)
    x = torch.eye(4) * torch.tensor([1.0, 1e2, 1e3, 1e4])
    y = torch.randn(4, 3)
    solver = ConjugateGradient(tol=1e-14, max_iterations=1, preconditioner="none")
    optimizer = TNGD(module, nn.MSELoss(), damping=1e-9, solver=solver, start="zero")
    before = flat(module)
    optimizer._vectors["readout"] = 1e3 * torch.randn(12)
    optimizer.start = "warm"
    with pytest.raises(Diverged, match=r"did not converge in 1 .* max_iterations") as caught:
        optimizer.step(x, y)
    assert "\n" not in str(caught.value)
    assert torch.equal(flat(module), before)


def test_conjugate_gradients_that_converge_say_nothing():
    module, (x, y) = network(), batch()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TNGD(module, nn.MSELoss(), damping=0.1, solver=ConjugateGradient()).step(x, y)
