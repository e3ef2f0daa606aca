"""A loop that would ring up: damping is raised, or time cut short, and training goes on."""

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from thermospice.training import KFAC, TNGD, DeviceEffects, DeviceSPU, UnstableLoop
from thermospice.training.curvature import curvature
from thermospice.training.optimizers import LevenbergMarquardt
from torch import Tensor, nn

from ..doubles import Population

X = torch.randn(12, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.randint(3, (12,), generator=torch.Generator().manual_seed(2))
# mismatch so large that a mode grows at this damping: it is negative by about sigma lambda_max
ROUGH = Population(conductance_sigma=0.3)
DAMPING = 1e-3


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def device(t: float = math.inf) -> DeviceSPU:
    return DeviceSPU(ROUGH, t=t, effects=DeviceEffects.only("conductance"))


def made(unstable: str, t: float = math.inf, **settings: Any) -> tuple[nn.Module, TNGD]:
    module = network()
    asked: dict[str, Any] = {"lr": 0.1, "damping": DAMPING, "start": "zero", **settings}
    return module, TNGD(module, nn.CrossEntropyLoss(), solver=device(t), unstable=unstable, **asked)  # type: ignore[arg-type]


def flat(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach().clone()


def test_more_damping_is_the_step_of_a_device_loaded_with_it() -> None:
    # Catches a damping that is told and not loaded, arrays that are drawn anew, and one that is not raised enough.
    module, optimizer = made("raise-damping")
    begin = flat(module)
    optimizer.step(X, Y)
    damping = optimizer.stats["damping"]
    assert damping > DAMPING
    assert optimizer.stats["policy_acted"] == 1.0
    assert optimizer.stats["unstable_runs"] >= 1.0
    made_once = curvature(network(), nn.CrossEntropyLoss(), X, Y, damping)
    fresh = device()
    wanted = fresh.compute(fresh.init(made_once.factors), made_once.gradient).value
    torch.testing.assert_close((begin - flat(module)) / 0.1, wanted, rtol=1e-9, atol=1e-12)
    less = replace(made_once.factors, damping=DAMPING + optimizer.stats["added_damping"] / 1.5)
    with pytest.raises(UnstableLoop):
        fresh.compute(fresh.init(less), made_once.gradient)


def test_a_shorter_time_is_what_the_fastest_mode_bears() -> None:
    module, optimizer = made("shorten-t")
    begin = flat(module)
    optimizer.step(X, Y)
    one = curvature(network(), nn.CrossEntropyLoss(), X, Y, DAMPING)
    fresh = device()
    loaded = fresh.init(one.factors)
    t = 0.9 / loaded.chip.loop.growth  # type: ignore[union-attr]
    assert optimizer.stats["damping"] == DAMPING
    assert optimizer.stats["analog_time"] == pytest.approx(t, rel=1e-12)
    wanted = fresh.compute(loaded, one.gradient, None, t).value
    torch.testing.assert_close((begin - flat(module)) / 0.1, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", [TNGD, KFAC])
def test_who_asks_to_stop_is_stopped_before_anything_moves(make: Any) -> None:
    module = network()
    optimizer = make(module, nn.CrossEntropyLoss(), damping=1e-6, solver=device(), unstable="stop")
    begin = flat(module)
    with pytest.raises(UnstableLoop):
        optimizer.step(X, Y)
    assert torch.equal(flat(module), begin)


def test_added_damping_fades_and_is_resumed() -> None:
    _, optimizer = made("raise-damping")
    optimizer.step(X, Y)
    first = optimizer.stats["added_damping"]
    optimizer.param_groups[0]["damping"] = 10.0  # now it needs none
    optimizer.step(X, Y)
    assert optimizer.stats["damping"] == 10.0 + first
    assert optimizer.stats["added_damping"] == pytest.approx(0.98 * first, rel=1e-12)
    assert optimizer.stats["policy_acted"] == 1.0
    module, twin = made("raise-damping")
    module.load_state_dict(optimizer._flat.module.state_dict())
    twin.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert float(twin.step(X, Y)) == float(optimizer.step(X, Y))
    assert twin.stats == optimizer.stats


def test_a_warm_device_is_helped_before_a_mode_grows_by_e_in_one_step() -> None:
    # Catches what ruined trainings: a mode that grows by a tenth in each step is within every limit of one.
    for start, helped in (("gradient", 0.0), ("warm", 1.0)):
        _, optimizer = made("raise-damping", t=1e-3, start=start)
        for _ in range(2):  # the first step of a warm device starts at the gradient
            optimizer.step(X, Y)
        assert optimizer.stats["policy_acted"] == helped, start
    assert optimizer.stats["growth"] < 0.0
    _, told = made("stop", t=1e-3, start="warm")
    told.step(X, Y)
    with pytest.raises(UnstableLoop, match="a decay of"):
        told.step(X, Y)


def slow_stages() -> DeviceSPU:
    """Stages with poles at 0.055/tau, below half of what the cells decay at with a damping of 20."""
    slow = Population(conductance_sigma=0.02, gain_bandwidth=5e4)
    return DeviceSPU(slow, t=0.5, effects=DeviceEffects.only("conductance", "bandwidth"))


def test_what_is_added_does_not_raise_what_is_asked_of_the_modes() -> None:
    # Catches half of the raised damping as the demand: no damping met it, beyond the poles of the amplifiers.
    module = network()
    optimizer = TNGD(module, nn.CrossEntropyLoss(), lr=0.1, damping=0.2, solver=slow_stages())
    for _ in range(4):
        optimizer._stability.added = 19.8  # as after a batch with a larger curvature
        optimizer.step(X, Y)
        assert optimizer.stats["unstable_runs"] == 0.0
        assert optimizer.stats["added_damping"] == pytest.approx(0.98 * 19.8)


def test_stages_are_asked_for_no_more_than_their_poles() -> None:
    # Catches a damping beyond the stages' poles that is refused, though it leaves every mode of the program alone.
    module = network()
    optimizer = TNGD(module, nn.CrossEntropyLoss(), lr=0.1, damping=20.0, solver=slow_stages())
    for _ in range(3):
        optimizer.step(X, Y)
    assert optimizer.stats["unstable_runs"] == 0.0
    assert optimizer.stats["damping"] == 20.0
    loop = slow_stages().init(curvature(network(), nn.CrossEntropyLoss(), X, Y, 20.0).factors).chip.lagged  # type: ignore[union-attr]
    assert loop is not None
    assert loop.slowest < 0.5 * float(loop.base.rates.min())  # or it would show nothing


def test_k_fac_goes_on_with_more_damping() -> None:
    module = network()
    optimizer = KFAC(module, nn.CrossEntropyLoss(), damping=1e-6, solver=device())
    begin = flat(module)
    optimizer.step(X, Y)
    assert optimizer.stats["policy_acted"] == 1.0
    damping = optimizer.stats["damping"]
    assert damping > 1e-6
    twin = network()
    KFAC(twin, nn.CrossEntropyLoss(), damping=damping, solver=device()).step(X, Y)
    assert not torch.equal(flat(module), begin)
    torch.testing.assert_close(flat(module), flat(twin), rtol=1e-12, atol=0.0)


def test_levenberg_marquardt_takes_over_what_was_added() -> None:
    _, optimizer = made("raise-damping", levenberg_marquardt=LevenbergMarquardt())
    optimizer.step(X, Y)
    assert optimizer.stats["policy_acted"] == 1.0
    asked = optimizer.param_groups[0]["damping"]
    assert asked in [pytest.approx(optimizer.stats["damping"] * factor) for factor in (0.95, 1.0, 1 / 0.95, 4.0)]
    optimizer.step(X, Y)
    assert optimizer.stats["damping"] == pytest.approx(asked)


def test_the_edges_of_a_loop_are_those_of_its_dense_twin() -> None:
    # r = 120, above which the products of a small space are taken; a hundredth of the spectrum's width
    torch.manual_seed(0)
    wide = nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, 3)).double()
    x = torch.randn(40, 4, dtype=torch.float64)
    one = curvature(wide, nn.CrossEntropyLoss(), x, torch.randint(3, (40,)), 0.1)
    loop = DeviceSPU(Population(conductance_sigma=0.05), effects=DeviceEffects.only("conductance"))
    solver = loop.init(one.factors)
    exact = torch.linalg.eigvals(solver.chip.loop.turn).real  # type: ignore[union-attr]
    width = float(exact.max() - exact.min())
    low, high = solver.chip.loop.edges  # type: ignore[union-attr]
    assert low == pytest.approx(float(exact.min()), abs=0.01 * width)
    assert high == pytest.approx(float(exact.max()), abs=0.01 * width)
    assert high == pytest.approx(float(torch.linalg.eigvalsh(one.factors.with_damping(0.0).dense()).max()), rel=0.1)
