"""A chip that drifts while it trains: one path for all askings, and a dense twin of the drifted circuit."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch
from thermospice.circuits import Crossbar, Design, Programming
from thermospice.training import TNGD, DeviceEffects, DeviceSPU
from thermospice.training.devices.chips import Ageing
from thermospice.training.devices.chips import _deviation_draws as draws
from thermospice.training.programs import Factors
from torch import nn
from torch.nn import functional

from ..doubles import Population, make_factors

FULL = Ageing(
    step_time=2.0, temperature_sigma=5.0, temperature_time=20.0, ageing_exponent=0.05, ageing_time=3.0,
    resistor_tc1=1e-3, resistor_tc2=1e-6, capacitor_tc1=5e-4, offset_tc=1e-4, temperature=10.0,
)  # fmt: skip


@pytest.fixture
def factors() -> Factors:
    return make_factors(4, 3, 30)


def test_at_a_calibration_nothing_has_changed():
    for load in (0, 5, 10):
        aged = replace(FULL, recalibrate_every=5).at(load, seed=1)
        assert (aged.programmed, aged.rate, aged.offset) == (1.0, 1.0, 0.0)
    still = Ageing(step_time=1.0).at(100, seed=1)
    assert (still.programmed, still.rate, still.offset) == (1.0, 1.0, 0.0)


def test_what_a_recalibration_leaves_is_what_came_after_it():
    since_start = [FULL.at(load, 7) for load in range(12)]
    for load in range(12):
        last = load - load % 4
        aged = replace(FULL, recalibrate_every=4).at(load, 7)
        assert aged.programmed == pytest.approx(since_start[load].programmed / since_start[last].programmed, rel=1e-12)
        assert aged.rate == pytest.approx(since_start[load].rate / since_start[last].rate, rel=1e-12)
        assert aged.offset == pytest.approx(since_start[load].offset - since_start[last].offset, abs=1e-16)
    # the ageing law itself: (t/t0)^-nu beyond t0 = 3 s, a load each 2 s
    assert since_start[1].programmed == 1.0
    assert since_start[9].programmed == pytest.approx(6.0**-0.05, rel=1e-12)


def test_the_temperature_is_a_stationary_path_of_the_right_spread_and_memory():
    ageing = Ageing(step_time=5.0, temperature_sigma=2.0, temperature_time=20.0, offset_tc=1.0)
    chips = 4000
    paths = np.array([[ageing._path(8, seed)[k] for k in (0, 4, 8)] for seed in range(chips)])
    # relative error sqrt(2/4000) of a variance, 1/sqrt(4000) of a correlation
    assert np.abs(paths.var(axis=0) / 4.0 - 1).max() < 4.5 * math.sqrt(2 / chips)
    assert abs(np.mean(paths[:, 0] * paths[:, 1]) / 4.0 - math.exp(-1.0)) < 4.5 * math.sqrt(2 / chips)
    assert abs(np.mean(paths[:, 0] * paths[:, 2]) / 4.0 - math.exp(-2.0)) < 4.5 * math.sqrt(2 / chips)
    assert np.array_equal(ageing._path(3, 5), ageing._path(8, 5)[:4])


@pytest.mark.parametrize("t", [0.5, 5.0, math.inf])
def test_a_drifted_chip_is_the_dense_twin_of_the_drifted_circuit(factors, t):
    effects = DeviceEffects.only("conductance", "capacitance", "offset", "inverter")
    new = DeviceSPU(Population(), effects=effects, seed=3).init(factors).chip
    device = DeviceSPU(Population(), effects=effects, seed=3, ageing=FULL)
    device.clock.loads = 9
    b = torch.randn(30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    state = device.init(factors)
    aged = FULL.at(9, 3)
    assert aged.programmed < 0.95
    assert abs(aged.rate - 1) > 1e-4

    # the new chip's arrays, all programmed conductances smaller by one factor, feedback and drive resistors as before
    a, loop, s = aged.programmed, new.loop, new.stage
    H = torch.block_diag(*loop.H)
    F = (torch.diag(a * loop.Lam) + a**3 * loop.J_out.T @ H @ loop.J_in) / loop.D.unsqueeze(1)
    assert float((F - F.T).norm() / F.norm()) > 1e-3
    d = new.drive * b + _offsets(factors, loop, H, s, a, aged.offset)
    settled = np.linalg.solve(F.numpy(), (d / loop.D).numpy())
    decay = 0.0 if math.isinf(t) else scipy.linalg.expm(-t * aged.rate * F.numpy())
    jump = (1e-4 + aged.offset + 1e-3 * draws.vector(3, "offset cells", 30, factors.J)).numpy()
    expected = settled + decay @ (jump - settled) if not math.isinf(t) else settled
    value = state.mean(b, None, t * state.rate).numpy()
    assert np.linalg.norm(value - expected) / np.linalg.norm(expected) < 1e-8


def _offsets(factors: Factors, loop, H: torch.Tensor, s: float, a: float, change: float) -> torch.Tensor:
    """Drive that the offsets make, amplifier by amplifier and rail by rail, from the draws that the seed gives."""

    def drawn(name: str, count: int) -> torch.Tensor:
        return 1e-4 + change + 1e-3 * draws.vector(3, f"offset {name}", count, factors.J)

    def rails(name: str, count: int) -> torch.Tensor:
        inverter = 0.005 * draws.vector(3, f"inverter {name}", count, factors.J)
        own = 1e-4 + 1e-3 * draws.vector(3, f"inverter offset {name}", count, factors.J)
        return (2 + inverter) * (own + change)

    # the noise gain is that of the conductances: what feeds them, a rail or an inverted one, does not matter
    chip = DeviceSPU(Population(), effects=DeviceEffects.only("conductance"), seed=3).init(factors).chip
    J_in, J_out, bare = chip.loop.J_in, chip.loop.J_out, torch.block_diag(*chip.loop.H)
    first = drawn("forward", 12) * (1 + a * s * J_in.abs().sum(1)) + a * s * J_in.clamp_max(0.0) @ rails("cells", 30)
    second = drawn("hessian", 12) * (1 + a * bare.abs().sum(1) / s**2)
    second = second + a / s**2 * bare.clamp_max(0.0) @ rails("forward", 12)
    through = a * s * loop.J_out.T @ second - a * loop.J_out.T @ (a * H @ first) / s
    cells = drawn("cells", 30) * (chip.drive + a * chip.loop.Lam + a * s * J_out.abs().sum(0))
    return cells + a * s * J_out.clamp_max(0.0).T @ rails("hessian", 12) - through


def test_the_chip_at_a_load_is_the_same_at_every_asking(factors):
    device = DeviceSPU(Population(), ageing=FULL, seed=2)
    chips = [device.init(factors).chip for _ in range(6)]
    device.clock.loads = 4
    again = device.init(factors).chip
    assert torch.equal(again.loop.J_in, chips[4].loop.J_in)
    assert torch.equal(again.offset, chips[4].offset)
    assert not torch.equal(again.loop.J_in, chips[3].loop.J_in)


def test_the_law_is_that_of_a_drawn_instance():
    design = Design.preset("board-1k-1n")
    design = design.model_copy(
        update={"drift": design.drift.model_copy(update={"ageing_exponent": 0.1, "ageing_time": 2.0})}
    )
    ageing = Ageing.of(design, step_time=5.0)
    chip = design.nominal(Crossbar(2)).at(50.0)
    assert ageing.at(10, 0).programmed == pytest.approx(1 + float(chip.errors["conductance"][0, 0]), rel=1e-12)


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_a_resumed_run_goes_on_with_the_chip_of_its_age(delay):
    def make() -> tuple[nn.Module, TNGD]:
        torch.manual_seed(1)
        module = nn.Linear(4, 3).double()
        chips = Population(kappa0=1e-6, programming=Programming(bits=7))
        device = DeviceSPU(chips, t=2.0, ageing=FULL, rounding="stochastic")
        return module, TNGD(module, functional.cross_entropy, lr=0.1, damping=0.2, solver=device, delay=delay)

    generator = torch.Generator().manual_seed(2)
    data = [(torch.randn(6, 4, generator=generator, dtype=torch.float64), torch.arange(6) % 3) for _ in range(6)]
    module, optimizer = make()
    for batch in data[:3]:
        optimizer.step(*batch)
    file = io.BytesIO()
    torch.save({"module": module.state_dict(), "optimizer": optimizer.state_dict()}, file)
    for batch in data[3:]:
        optimizer.step(*batch)
    resumed, second = make()
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed.load_state_dict(saved["module"])
    second.load_state_dict(saved["optimizer"])
    for batch in data[3:]:
        second.step(*batch)
    assert torch.equal(resumed.weight, module.weight)
    assert second.solver.clock.loads == 6


@pytest.mark.parametrize("bad", [{"step_time": -1.0}, {"temperature_time": 0.0}, {"recalibrate_every": -1}])
def test_settings_out_of_range_are_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Ageing(**{"step_time": 1.0, **bad})


def test_coefficients_that_do_not_reach_the_temperature_are_refused():
    # Catches a negative rate: 1 - 0.02 * 100 = -1 times the resistors of the reference.
    hot = Ageing(step_time=1.0, resistor_tc1=-0.02, temperature=100.0)
    with pytest.raises(ValueError, match=r"above zero, got -1 and 1 times .* at 100 K"):
        hot.at(1, seed=0)
