"""Each imperfection of a chip can be left out, or left in, alone."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, Effects
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DifferentialRCMesh,
    Program,
    RCMesh,
    RLCGrid,
    Scaling,
    random_program,
)
from thermospice.circuits.networks import BOLTZMANN

KINDS = [RCMesh(3), DifferentialRCMesh(3), Crossbar(3), Cascade(3, 2)]
SCALING = Scaling(0.5, 0.25)


def imperfect(preset="board-1k-1n"):
    """A design with every imperfection at once."""
    plain = Design.preset(preset).to_dict()
    if plain["amplifier"]:
        plain["amplifier"] |= {"noise_corner": 1e4, "bias_current": 1e-7}
    plain["programming"] |= {"bits": 8, "switch_resistance": 2.0}
    plain["tempco"] |= {"resistor_tc1": 1e-3, "capacitor_tc1": 1e-4, "offset_tc": 1e-5}
    plain["tempco"] |= {"noise_voltage_tc1": 3e-3, "gain_bandwidth_tc1": -3e-3}
    plain["drift"] |= {"temperature_sigma": 1.0, "ageing_exponent": 0.02}
    plain["converters"] |= {"inl": 0.5, "dnl": 0.3}
    return Design.from_dict({**plain, "temperature": 320.0, "injected_noise": 1e-20})


def model_of(topology, seed=1):
    design = imperfect("rlc-board-8" if topology.name == "rlc-grid" else "board-1k-1n")
    chip = design.sample(topology, np.random.default_rng(seed))
    return DeviceModel.nominal(chip, "macro" if design.amplifier else "ideal")


def program_of(topology):
    program = random_program(topology, np.random.default_rng(2))
    return program


@pytest.mark.parametrize("topology", KINDS, ids=lambda t: t.name)
def test_without_effects_the_device_is_numpy(topology):
    program, ideal = program_of(topology), model_of(topology).with_effects(Effects.only())
    assert ideal.level == "ideal"
    response = ideal.response(program, SCALING)
    # A condition of ten: rounding, and nothing else.
    np.testing.assert_allclose(response.solution, np.linalg.solve(program.A, program.b), rtol=1e-12)
    assert np.abs(response.stationary_covariance()).max() < 1e-10 * BOLTZMANN * 300 / ideal.design.C


def test_without_effects_a_grid_is_its_capacitance_matrix():
    program, model = program_of(RLCGrid(3)), model_of(RLCGrid(3))
    ideal = model.with_effects(Effects.only("injected"))
    kappa0 = ideal.design.injected_noise * ideal.design.R0 / 2 / ideal.design.C
    covariance = ideal.response(program).stationary_covariance()
    np.testing.assert_allclose(covariance, kappa0 * np.linalg.inv(program.A), rtol=1e-9)


# What shows that an effect is there, in a crossbar: the solution, the spectrum, the waveform, or the time.
SHOWN = {
    "solution": ("conductance", "inverter", "gain", "bias_current", "offset", "program_bits", "switch"),
    "noise": ("thermal", "injected", "amplifier_noise", "flicker"),
    "waveform": ("capacitance", "bandwidth", "output", "temperature"),
}


def solution_error(model, program):
    response = model.response(program, SCALING)
    return np.abs(response.solution - program.solution).max() / np.abs(program.solution).max()


@pytest.mark.parametrize("effect", SHOWN["solution"])
def test_an_effect_alone_shows_in_the_solution(effect):
    topology = Crossbar(3)
    program = program_of(topology)
    alone = model_of(topology).with_effects(Effects.only(effect))
    assert solution_error(alone, program) > 1e-7
    # Without the temperature too, which moves offsets.
    rest = {*SHOWN["solution"], "temperature"} - {effect}
    without = model_of(topology).with_effects(Effects(**dict.fromkeys(rest, False)))
    # The same part of the whole, whatever else (bandwidth, output, noise) is there.
    np.testing.assert_allclose(solution_error(without, program), solution_error(alone, program), rtol=0.05)


@pytest.mark.parametrize("effect", SHOWN["noise"])
def test_an_effect_alone_shows_in_the_noise(effect):
    model, program = model_of(Crossbar(3)), program_of(Crossbar(3))
    f = np.array([10.0, 1e5])
    alone = model.with_effects(Effects.only(effect)).response(program, SCALING).psd(f)
    whole = model.response(program, SCALING).psd(f)
    without = model.with_effects(Effects(**{effect: False})).response(program, SCALING).psd(f)
    assert (alone > 1e-3 * whole).any()
    assert (without < whole).all()
    if effect in ("thermal", "injected"):
        # Independent sources add up; amplifiers and mismatch change them by a percent.
        np.testing.assert_allclose(whole - without, alone, rtol=0.1)


@pytest.mark.parametrize("effect", SHOWN["waveform"])
def test_an_effect_alone_shows_in_the_waveform(effect):
    model, program, t = model_of(Crossbar(3)), program_of(Crossbar(3)), np.array([5e-7])
    ideal = model.with_effects(Effects.only()).response(program, SCALING).mean_at(t)
    alone = model.with_effects(Effects.only(effect)).response(program, SCALING)
    assert np.abs(alone.mean_at(t) - ideal).max() > 1e-6
    if effect in ("capacitance", "temperature"):
        np.testing.assert_allclose(alone.solution, program.solution, rtol=1e-9)


def test_the_amplifiers_stay_warm_without_thermal_noise():
    model, program, f = model_of(Crossbar(3)), program_of(Crossbar(3)), np.array([10.0, 1e5])
    kinds = ({}, {"thermal": False}, {"amplifier_noise": False})
    whole, of_amplifiers, of_resistors = (
        model.with_effects(Effects(injected=False, **kind)).response(program, SCALING).psd(f) for kind in kinds
    )
    # Independent sources in one circuit; resistors at 1e-9 K still have 3e-12 of their noise.
    np.testing.assert_allclose(of_amplifiers + of_resistors, whole, rtol=1e-9)


def test_limits_alone():
    program = Program(np.eye(2), [1.0, 0.1])
    chip = model_of(Crossbar(2))
    beyond = Scaling(drive=10.0)
    limited = chip.with_effects(Effects.only("limits", "bandwidth", "output"))
    free = chip.with_effects(Effects(limits=False))
    t = np.array([1.5e-6])
    assert limited.response(program, beyond, allow_clipping=True).integrate(t)[0, 0, 0] < 5.0
    assert free.response(program, beyond).integrate(t)[0, 0, 0] > 7.0


def test_drift_and_converters_are_taken_out_of_the_design():
    model = model_of(Crossbar(2))
    still = model.with_effects(Effects(drift=False, converters=False))
    assert still.at(1e6).design.temperature == model.design.temperature
    np.testing.assert_array_equal(still.at(1e6).errors["conductance"], model.errors["conductance"])
    assert (still.design.converters.adc_bits, still.design.converters.inl) == (None, 0.0)


def test_one_chip_has_one_drift_path():
    model = model_of(Crossbar(2))
    first, again = model.at(333.0), model.at(333.0)
    assert first.design.temperature == again.design.temperature != model.design.temperature
    np.testing.assert_array_equal(first.errors["conductance"], again.errors["conductance"])
    assert first.instance.digest == model.instance.at(333.0).digest


def test_all_effects_leave_the_model_as_it_is():
    model, program = model_of(Cascade(3, 2)), program_of(Cascade(3, 2))
    same = model.with_effects(Effects())
    assert same.instance.digest == model.instance.digest
    np.testing.assert_array_equal(same.response(program).settled, model.response(program).settled)


def test_an_unknown_effect_is_refused():
    with pytest.raises(ValueError, match=r"expected some of conductance.*got gravity"):
        Effects.only("gravity")
