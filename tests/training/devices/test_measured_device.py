"""DeviceSPU as one measured cascade, against the circuit of that same chip."""

import math

import numpy as np
import pytest
import torch
from thermospice.behavioral import DeviceModel, Population
from thermospice.circuits import Cascade, Crossbar, Design, Program, Scaling
from thermospice.training import DeviceEffects, DeviceSPU
from thermospice.training.programs import Factors

N, B, K, LAM = 4, 2, 2, 0.5
BOARD = Design.preset("board-1k-1n")
EFFECTS = DeviceEffects(program_bits=False, drive_bits=False, readout_bits=False)
KINDS = {
    "jacobian": ["jacobian"],
    "hessian": ["hessian"],
    "transpose": ["transpose"],
    "damping": ["damping"],
    "feedback": ["feedback"],
    "drive": ["drive"],
    "capacitance": ["capacitance"],
    "inverters": ["inverter", "stage_inverter"],
    "offset": ["offset"],
    "stage offset": ["stage_offset"],
    "rail offset": ["inverter_offset"],
    "stage rail offset": ["stage_inverter_offset"],
}


def chip(*names: str):
    drawn = BOARD.sample(Cascade(N, B * K), np.random.default_rng(3))
    return drawn.replace_errors(**{k: np.zeros_like(v) for k, v in drawn.errors.items() if names and k not in names})


@pytest.fixture
def factors() -> Factors:
    rng = np.random.default_rng(0)
    M = rng.standard_normal((B, K, K))
    H = (M @ M.transpose(0, 2, 1) + np.eye(K)) / (2 * B)
    return Factors(torch.from_numpy(0.5 * rng.standard_normal((B * K, N))), torch.from_numpy(H), LAM)


@pytest.fixture
def drive() -> np.ndarray:
    return 0.2 * np.random.default_rng(1).standard_normal(N)


def circuit(instance, factors: Factors, drive: np.ndarray) -> Program:
    """The program as the arrays hold it: the batch's mean is shared among the J arrays and H."""
    s = 1 / math.sqrt(B)
    H = torch.block_diag(*factors.H).numpy()
    return Program.from_factors(s * factors.J.numpy(), H / s**2, LAM, drive)


@pytest.mark.parametrize("kind", [*KINDS, "all"])
def test_it_settles_where_the_circuit_of_that_chip_does(factors, drive, kind):
    instance = chip(*KINDS.get(kind, []))
    model = DeviceModel.nominal(instance)
    program = circuit(instance, factors, drive)
    expected = model.response(program, Scaling(), allow_clipping=True).settled
    device = DeviceSPU(model, effects=EFFECTS, chip="measured")
    value = device.init(factors).mean(torch.from_numpy(drive), None, math.inf).numpy()
    size = np.abs(expected).max()
    if kind != "capacitance":  # which changes the way, not the end
        assert np.abs(program.solution - expected).max() > 1e-4 * size
    # gain errors of inverting rails (2/gain = 4e-6) and products of gain errors with deviations are left out
    assert np.abs(value - expected).max() < (5e-5 if kind == "all" else 5e-6) * size


@pytest.mark.parametrize("t", [0.5, 3.0])
def test_it_relaxes_as_that_chip_with_amplifiers_without_delay(factors, drive, t):
    relative = DeviceEffects.only("conductance", "capacitance", "inverter", "gain")

    def both(instance) -> tuple[np.ndarray, np.ndarray]:
        model = DeviceModel.nominal(instance, "ideal")
        response = model.response(circuit(instance, factors, drive), Scaling(), allow_clipping=True)
        device = DeviceSPU(model, effects=relative, chip="measured")
        value = device.init(factors).mean(torch.from_numpy(drive), None, t).numpy()
        return value, response.mean_at(np.array([t * BOARD.tau]))[0]

    # at level ideal inverting rails are exact
    names = [k for k in chip().errors if "offset" not in k and "inverter" not in k]
    value, expected = both(chip(*names))
    assert np.abs(value - expected).max() < 1e-6 * np.abs(expected).max()  # ideal amplifiers have a gain of 1e7
    assert np.abs(both(chip("drive"))[0] - expected).max() > 1e-3 * np.abs(expected).max()


def test_a_smaller_program_uses_the_corner_and_an_identity_is_an_array_too(factors):
    instance = chip()
    device = DeviceSPU(DeviceModel.nominal(instance), effects=DeviceEffects.only("conductance"), chip="measured")
    loop = device.init(Factors(factors.J[:3, :2], None, LAM)).chip.loop
    ratio = loop.J_out / factors.J[:3, :2]
    np.testing.assert_allclose(ratio.numpy().T - 1, instance.errors["transpose"][:2, :3], atol=1e-12)
    feedback = 1 + instance.errors["feedback"][1, :3]
    np.testing.assert_allclose(
        loop.H[:, 0, 0].numpy(), (1 + np.diag(instance.errors["hessian"])[:3]) / feedback, rtol=1e-12
    )


def test_what_a_measured_chip_cannot_be_is_said(factors):
    model = DeviceModel.nominal(chip())
    with pytest.raises(ValueError, match="holds 4 rows and 4 cells, got a program of 4 and 5"):
        DeviceSPU(model, chip="measured").init(Factors(torch.zeros(4, 5, dtype=torch.float64), None, LAM))
    with pytest.raises(ValueError, match="expects a model of a cascade"):
        DeviceSPU(DeviceModel.nominal(BOARD.nominal(Crossbar(4))), chip="measured").init(factors)
    with pytest.raises(ValueError, match="expects a model of a crossbar for a dense program"):
        DeviceSPU(model, chip="measured").init(Program(np.eye(4), np.ones(4)))
    with pytest.raises(ValueError, match="needs the model of one chip"):
        DeviceSPU(Population.estimate([model]), chip="measured").init(factors)
    with pytest.raises((ValueError, TypeError), match="chip"):
        DeviceSPU(model, chip="dreamt")
