"""The optimiser between its limits: SGD, exact natural gradient, and a dense simulation of the device."""

import io
import math

import pytest
import scipy.linalg
import torch
from thermospice.training import TNGD, Cholesky, ConjugateGradient, Diverged, IdealSPU, Woodbury
from thermospice.training.curvature import curvature
from thermospice.training.optimizers import LevenbergMarquardt
from torch import nn
from torch.nn import functional

B, K = 8, 3
pytestmark = pytest.mark.usefixtures("double_precision")


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, K))


def batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(2)
    return [(torch.randn(B, 4, generator=generator), torch.randint(K, (B,), generator=generator)) for _ in range(count)]


def flat(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in module.parameters()])


def train(optimizer_of, steps: int = 20) -> tuple[torch.Tensor, list[float]]:
    module = network()
    optimizer = optimizer_of(module)
    losses = [float(optimizer.step(x, y)) for x, y in batches(steps)]
    return flat(module), losses


def train_torch(optimizer_of, steps: int = 20) -> torch.Tensor:
    module = network()
    optimizer = optimizer_of(module.parameters())
    for x, y in batches(steps):
        optimizer.zero_grad()
        functional.cross_entropy(module(x), y).backward()
        optimizer.step()
    return flat(module)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}, {"weight_decay": 0.1}])
def test_at_time_zero_it_is_sgd(settings):
    made, _ = train(
        lambda m: TNGD(m, functional.cross_entropy, lr=0.1, solver=IdealSPU(t=0.0), start="gradient", **settings)
    )
    torch.testing.assert_close(made, train_torch(lambda p: torch.optim.SGD(p, lr=0.1, **settings)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("betas", [(0.0, 0.0), (0.9, 0.99)])
def test_at_time_zero_with_betas_it_is_adam(betas):
    made, _ = train(
        lambda m: TNGD(m, functional.cross_entropy, lr=0.01, solver=IdealSPU(t=0.0), start="gradient", betas=betas)
    )
    expected = train_torch(lambda p: torch.optim.Adam(p, lr=0.01, betas=betas))
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-9)


def natural_gradient(steps: int, lr: float, damping: float) -> torch.Tensor:
    module = network()
    for x, y in batches(steps):
        batch = curvature(module, functional.cross_entropy, x, y, damping)
        theta = flat(module) - lr * torch.linalg.solve(batch.factors.dense(), batch.gradient)
        nn.utils.vector_to_parameters(theta, module.parameters())
    return flat(module)


@pytest.mark.parametrize(
    "solver", [IdealSPU(), Cholesky(), Woodbury(), ConjugateGradient(tol=1e-13)], ids=lambda s: type(s).__name__
)
def test_at_infinite_time_it_is_exact_natural_gradient(solver):
    made, _ = train(lambda m: TNGD(m, functional.cross_entropy, lr=0.1, damping=0.05, solver=solver))
    torch.testing.assert_close(made, natural_gradient(20, 0.1, 0.05), rtol=0, atol=1e-9)


def test_products_train_as_factors_do():
    def of(kind):
        solver = ConjugateGradient(tol=1e-13, preconditioner="none")
        return train(
            lambda m: TNGD(m, functional.cross_entropy, lr=0.1, damping=0.05, solver=solver, curvature=kind), 5
        )[0]

    torch.testing.assert_close(of("products"), of("ggn"), rtol=0, atol=1e-9)


@pytest.mark.parametrize("start", ["warm", "gradient", "zero"])
@pytest.mark.parametrize("delay", [0.0, 0.4])
def test_the_carried_state_is_that_of_a_dense_device(start, delay):
    if delay and start != "warm":
        with pytest.raises(ValueError, match="delay"):
            TNGD(network(), functional.cross_entropy, delay=delay, start=start)
        return
    t, lr, lam = 1.5, 0.2, 0.05
    made, _ = train(
        lambda m: TNGD(m, functional.cross_entropy, lr=lr, damping=lam, solver=IdealSPU(t=t), delay=delay, start=start)
    )

    def relax(F, b, g, time):
        settled = torch.linalg.solve(F, b)
        return settled + torch.from_numpy(scipy.linalg.expm(-time * F.numpy())) @ (g - settled)

    module, g, stale = network(), None, None
    for x, y in batches(20):
        batch = curvature(module, functional.cross_entropy, x, y, lam)
        F, b = batch.factors.dense(), batch.gradient
        if start == "zero":
            g = torch.zeros_like(b)
        elif start == "gradient" or g is None:
            g = b
        elif delay:
            g = relax(*stale, g, delay)
        g, stale = relax(F, b, g, t), (F, b)
        nn.utils.vector_to_parameters(flat(module) - lr * g, module.parameters())
    torch.testing.assert_close(made, flat(module), rtol=0, atol=1e-9)


def test_outside_the_range_of_the_factors_the_state_only_decays():
    module = network()
    optimizer = TNGD(module, functional.cross_entropy, lr=0.0, damping=0.3, solver=IdealSPU(t=2.0))
    (x, y), (x2, y2) = batches(2)
    optimizer.step(x, y)
    before = optimizer.readout
    optimizer.step(x2, y2)
    factors = curvature(module, functional.cross_entropy, x2, y2).factors
    null = torch.linalg.svd(factors.J)[2][torch.linalg.matrix_rank(factors.J) :]
    assert len(null) > 5
    torch.testing.assert_close(null @ optimizer.readout, math.exp(-0.6) * (null @ before), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "settings", [{"delay": 0.3}, {"momentum": 0.9}, {"betas": (0.9, 0.99)}, {"start": "zero", "weight_decay": 0.1}]
)
def test_a_resumed_run_is_the_same_bit_for_bit(settings):
    def make(module):
        solver = IdealSPU(t=1.0, kappa0=1e-4, seed=3)
        lm = LevenbergMarquardt()
        return TNGD(module, functional.cross_entropy, lr=0.1, solver=solver, levenberg_marquardt=lm, **settings)

    data = batches(10)
    module = network()
    optimizer = make(module)
    for x, y in data[:5]:
        optimizer.step(x, y)
    file = io.BytesIO()
    torch.save({"module": module.state_dict(), "optimizer": optimizer.state_dict()}, file)
    for x, y in data[5:]:
        optimizer.step(x, y)

    resumed = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, K))
    second = make(resumed)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed.load_state_dict(saved["module"])
    second.load_state_dict(saved["optimizer"])
    for x, y in data[5:]:
        second.step(x, y)
    assert torch.equal(flat(resumed), flat(module))
    assert second.stats == optimizer.stats


def test_a_scheduler_changes_the_step():
    module = network()
    optimizer = TNGD(module, functional.cross_entropy, lr=0.1, solver=Woodbury())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.0)
    (x, y), _ = batches(2)
    optimizer.step(x, y)
    scheduler.step()
    before = flat(module)
    optimizer.step(x, y)
    assert torch.equal(flat(module), before)


def test_damping_follows_the_reduction_ratio():
    rule = LevenbergMarquardt(a=0.75, alpha=0.5, minimum=0.01)
    assert rule.next(1.0, 0.9) == 0.5
    assert rule.next(1.0, 0.5) == 1.0
    assert rule.next(1.0, 0.1) == 2.0
    assert rule.next(1.0, math.nan) == 2.0
    assert rule.next(0.01, 1.0) == 0.01
    # a quadratic loss is its own model: the ratio is one whatever the step
    module = nn.Linear(4, 2)
    optimizer = TNGD(
        module, functional.mse_loss, lr=0.3, damping=1.0, solver=Woodbury(), levenberg_marquardt=LevenbergMarquardt()
    )
    optimizer.step(torch.randn(B, 4), torch.randn(B, 2))
    assert optimizer.stats["reduction_ratio"] == pytest.approx(1.0, abs=1e-9)
    assert optimizer.param_groups[0]["damping"] == pytest.approx(0.95)


def test_analog_time_adds_up_with_its_delays():
    module = network()
    optimizer = TNGD(module, functional.cross_entropy, solver=IdealSPU(t=2.0), delay=0.5)
    for x, y in batches(3):
        optimizer.step(x, y)
    assert optimizer.stats["total_analog_time"] == pytest.approx(3 * 2.0 + 2 * 0.5)
    assert optimizer.stats["steps"] == 3


def test_training_reduces_the_loss():
    (x, y) = batches(1)[0]
    module = network()
    optimizer = TNGD(module, functional.cross_entropy, lr=0.5, damping=0.1, solver=IdealSPU(t=20.0))
    losses = [float(optimizer.step(x, y)) for _ in range(30)]
    assert losses[-1] < 0.3 * losses[0]


def test_a_diverged_step_says_why_and_changes_nothing():
    module = network()
    optimizer = TNGD(module, functional.cross_entropy, solver=Woodbury())
    before = flat(module)
    with pytest.raises(Diverged, match="loss is not finite"):
        optimizer.step(torch.full((B, 4), math.nan), torch.zeros(B, dtype=torch.int64))
    assert torch.equal(flat(module), before)


@pytest.mark.parametrize("bad", [{"lr": -1.0}, {"damping": math.nan}, {"start": "hot"}, {"betas": (1.0, 0.9)}])
def test_settings_out_of_range_are_named(bad):
    # a wrong literal is refused by the shape checks already, where they are installed
    with pytest.raises((ValueError, TypeError), match=next(iter(bad))):
        TNGD(network(), functional.cross_entropy, **bad)


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"solver": "woodbury"}, TypeError),
        ({"chunk": 0}, ValueError),
        ({"weight_decay": -1.0}, ValueError),
        ({"module": [nn.Parameter(torch.zeros(2))]}, TypeError),
        ({"module": nn.Linear(2, 2).half()}, ValueError),
    ],
)
def test_what_is_no_setting_is_said(settings, error):
    with pytest.raises(error, match=r"(?i)expected"):  # the hook of these tests has words of its own for types
        TNGD(**{"module": network(), "loss_fn": functional.cross_entropy, **settings})
