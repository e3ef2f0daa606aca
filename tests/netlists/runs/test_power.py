"""Static power: ngspice's operating points against closed forms and against the device that training uses."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from thermospice.behavioral import DeviceModel, Population
from thermospice.circuits import Cascade, Crossbar, Design, Program, RCMesh
from thermospice.netlists import operating_power
from thermospice.netlists.amplifiers import TwoStage
from thermospice.training import DeviceEffects, DeviceSPU
from thermospice.training.programs import Factors

BOARD = Design.preset("board-1k-1n")


def amplifiers(gain: float) -> SimpleNamespace:
    spreads = dict.fromkeys(("conductance_sigma", "capacitor_sigma", "inverter_sigma", "offset_mean"), 0.0)
    return SimpleNamespace(
        **spreads, offset_sigma=0.0, kappa0=0.0, gain=gain, gain_bandwidth=65e6, tau=1e-6, full_scale=5.0,
        dac_bits=None, adc_bits=None, R0=1e3,
    )  # fmt: skip


def small_cascade() -> tuple[Factors, np.ndarray]:
    rng = np.random.default_rng(0)
    J = torch.tensor(rng.standard_normal((6, 5)))
    p = torch.tensor(rng.standard_normal((2, 3))).softmax(1)
    H = (torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) / 2
    return Factors(J, H, damping=0.4), 0.1 * rng.standard_normal(5)


def exact_program(factors: Factors, b: np.ndarray) -> Program:
    """As the device loads its arrays: `s J` and `H/s^2`."""
    s = 1 / math.sqrt(factors.batch)
    return Program.from_factors(s * factors.J.numpy(), torch.block_diag(*factors.H).numpy() / s**2, 0.4, b)


def test_a_mesh_burns_what_its_sources_deliver():
    program = Program([[1.0, -0.3], [-0.3, 0.6]], [0.5, -0.2])
    design = Design.preset("ideal")
    found = operating_power(design.nominal(RCMesh(2)), program, "ideal")
    # currents b/R0 into nodes at A^-1 b, and no other source
    assert found.resistors == pytest.approx(program.b @ program.solution / design.R0, rel=1e-6)
    assert found.supplies is None


@pytest.mark.parametrize(("level", "gain"), [("ideal", math.inf), ("macro", BOARD.amplifier.gain)])
def test_a_cascade_burns_what_the_device_says(level, gain):
    factors, b = small_cascade()
    found = operating_power(BOARD.nominal(Cascade(n=5, r=6)), exact_program(factors, b), level)
    device = DeviceSPU(amplifiers(gain), effects=DeviceEffects.only("gain"))
    solution = device.compute(device.init(factors), b)
    scale = solution.stats["scale"]
    # finite gain moves voltages by noise gain over 4.5e5; virtual grounds are ground to the same part
    assert found.resistors == pytest.approx(solution.stats["array_power"] / scale**2, rel=1e-3)
    assert found.resistors > 0


@pytest.mark.parametrize(("level", "gain"), [("ideal", math.inf), ("macro", BOARD.amplifier.gain)])
def test_a_crossbar_burns_what_the_device_says(level, gain):
    rng = np.random.default_rng(1)
    A, b = 2.0 * np.eye(4) + 0.4 * rng.standard_normal((4, 4)), 0.2 * rng.standard_normal(4)
    A[0] = -np.abs(A[0])  # every cell's inverted rail is in use
    A[:, 0] = [2.0, -0.1, 0.2, -0.3]
    program = Program(A, b)
    found = operating_power(BOARD.nominal(Crossbar(4)), program, level)
    device = DeviceSPU(amplifiers(gain), effects=DeviceEffects.only("gain"))
    solution = device.compute(device.init(program), b)
    assert found.resistors == pytest.approx(solution.stats["array_power"] / solution.stats["scale"] ** 2, rel=1e-3)


def test_transistors_draw_what_the_data_sheet_says():
    design = Design.preset("cmos-100k-10p")
    program = Program([[1.0, -0.3], [-0.3, 0.6]], [0.02, -0.01])
    found = operating_power(design.nominal(Crossbar(2)), program, "transistor")
    amplifier, circuit = design.amplifier, TwoStage().circuit()
    # two integrators and two inverters; the loads take microamperes of the 0.2 mA of each
    assert found.supplies == pytest.approx(4 * amplifier.supply_current * (circuit.vdd - circuit.vss), rel=2e-3)
    # a population takes the swing for the supplies, which is 1 % less
    instance = design.nominal(Crossbar(2))
    assert found.supplies == pytest.approx(
        2 * Population.estimate([DeviceModel.nominal(instance)]).supply_power, rel=0.02
    )
    assert 0 < found.resistors < 1e-3 * found.supplies
