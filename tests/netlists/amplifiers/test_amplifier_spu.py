"""SPUs at level `transistor`, against the macro-model whose values were extracted from the same amplifier."""

import json
from dataclasses import replace

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, Program, RCMesh, Scaling, choose_scaling, random_program, state_space
from thermospice.netlists import Job, NetlistError, build, deck, simulate
from thermospice.netlists.amplifiers import FoldedCascode, TwoStage

DESIGN = Design.preset("cmos-100k-10p")
SYSTEMATIC = 1.95e-5
"""Offset of the two-stage amplifier without mismatch [V]."""


def chip(topology, seed=1):
    rng = np.random.default_rng(seed)
    instance = DESIGN.sample(topology, rng)
    program = random_program(topology, rng)
    return instance, program, choose_scaling(instance, program)


def both(case, analysis, **options):
    instance, program, scaling = case
    return [
        simulate(instance, program, analysis, level, scaling=scaling, **options) for level in ("macro", "transistor")
    ]


def program_swing(case):
    _, program, scaling = case
    return scaling.drive * program.solution


@pytest.mark.parametrize("topology", [Crossbar(2), Crossbar(8), RCMesh(2), RCMesh(8)], ids=lambda t: f"{t.name}{t.n}")
def test_settled_voltages_differ_by_the_systematic_offset(topology):
    case = chip(topology)
    macro, transistor = both(case, "op")
    _, program, scaling = case
    if isinstance(topology, RCMesh):
        bound = 1.5 * SYSTEMATIC
    else:
        # The systematic offset of each integrator acts through its noise gain, that of each inverter twice more.
        A = np.abs(scaling.conductance * program.A)
        bound = float((np.abs(np.linalg.inv(program.A)) @ (1 + A.sum(axis=1) + 2 * A.sum(axis=1))).max()) * SYSTEMATIC
    difference = np.abs(transistor.v - macro.v).max().item()
    assert 0 < difference < bound
    # And the instance's own offsets, tens of times larger, are the same in both.
    assert np.abs(macro.v / scaling.drive - program.solution).max() > difference / scaling.drive


def test_crossbar_has_the_response_of_the_macro_model():
    macro, transistor = both(chip(Crossbar(3)), "ac", points_per_decade=10)
    a, b = (m.v_re.values + 1j * m.v_im.values for m in (macro, transistor))
    # Below the corner of the cells; the macro-model's one output resistance stands for several poles above it.
    assert np.abs(a - b).max() < 0.02 * np.abs(a).max()
    slow = macro.frequency.values < 1e5
    assert np.abs(a - b)[slow].max() < 0.005 * np.abs(a).max()


def test_crossbar_step_is_that_of_the_macro_model():
    case = chip(Crossbar(2))
    macro, transistor = both(case, "tran", duration=5e-6, x0=[0.1, -0.05])
    t = np.linspace(0, 5e-6, 501)
    a, b = (np.column_stack([np.interp(t, m.time, m.v[:, k]) for k in range(2)]) for m in (macro, transistor))
    # Each integrator starts from its capacitor's voltage above a virtual ground at the offset, a few of 0.8 mV.
    assert np.abs(b[0] - [0.1, -0.05]).max() < 3e-3
    swing = np.abs(a).max()
    # After the amplifiers' own 50 ns the two waveforms agree to 2e-3 of the swing.
    assert np.abs(a - b)[t > 0.2e-6].max() < 2e-3 * swing
    assert np.abs(a - b).max() < 2e-2 * swing
    assert json.loads(transistor.attrs["warnings"]) == []


def test_mesh_step_is_that_of_the_macro_model():
    case = chip(RCMesh(2))
    macro, transistor = both(case, "tran", duration=5e-6)
    t = np.linspace(0.1e-6, 5e-6, 500)
    a, b = (np.column_stack([np.interp(t, m.time, m.v[:, k]) for k in range(2)]) for m in (macro, transistor))
    # The macro-model draws no current; the pair's drain overlap, 120 um of 0.35 fF/um, is 0.42 % of the cell's 10 pF.
    # No error is larger than that of the settled swing, but for offset and part of the gate-source capacitance.
    difference = np.abs(a - b).max()
    swing = np.abs(program_swing(case)).max()
    assert 0.001 * swing < difference < 0.006 * swing + 2 * SYSTEMATIC


@pytest.mark.parametrize("temperature", [300.15, 330.15])
def test_noise_is_that_of_the_macro_model(temperature):
    instance, program, scaling = chip(Crossbar(2))
    warm = instance.design.model_copy(update={"temperature": temperature})
    case = replace(instance, design=warm), program, scaling
    macro, transistor = both(case, "noise", frequencies=(100.0, 1e8), points_per_decade=4)
    f, level = macro.frequency.values, macro.psd.values[:, 0]
    ratio = (transistor.psd / macro.psd).values[:, 0]
    # To a tenth of the gain-bandwidth, above which the circuit has more poles than the model: 0.2 dB.
    assert ratio[f < 1.8e6] == pytest.approx(1, abs=0.045)
    # Two decades above 100 Hz, 1/f noise has ruled and fallen.
    assert level[0] > 10 * level[f > 2e4][0]


def test_seeded_noise_is_reproducible():
    instance, program, scaling = chip(RCMesh(1))
    job = {"scaling": scaling, "noise": True, "seed": 3, "duration": 1e-6, "noise_step": 5e-8}
    first, second = (simulate(instance, program, "tran", "transistor", **job) for _ in range(2))
    assert np.array_equal(first.v, second.v)
    assert not np.array_equal(first.v, simulate(instance, program, "tran", "transistor", **{**job, "seed": 4}).v)


def test_linear_analysis_is_that_of_the_macro_model():
    instance, program, scaling = chip(Crossbar(3))
    macro, transistor = (state_space(instance.network(program, level, scaling)) for level in ("macro", "transistor"))
    assert np.array_equal(macro.F, transistor.F)
    assert np.array_equal(macro.settled, transistor.settled)


def test_one_stage_amplifier_reads_a_mesh():
    instance, program, scaling = chip(RCMesh(2))
    ota = FoldedCascode().circuit()
    macro = simulate(instance, program, "op", scaling=scaling)
    transistor = simulate(instance, program, "op", "transistor", scaling=scaling, amplifier=ota)
    # Gain 14,000 and a systematic offset of 13 uV.
    assert np.abs(transistor.v - macro.v).max() < 1e-4


def test_pyspice_circuit_is_the_text():
    instance, program, scaling = chip(Crossbar(2))
    circuit = str(build(instance, program, "transistor", scaling))
    text = deck(Job(instance, program, "noise", "transistor", scaling=scaling))
    lines = {line.lower() for line in circuit.splitlines() if not line.startswith(".nodeset")}
    assert lines <= {line.lower() for line in text.splitlines()}
    assert sum(line.startswith("xa") for line in lines) == 2


def test_design_for_other_supplies_is_refused():
    design = Design.preset("board-1k-1n")
    program = Program(np.eye(1), np.ones(1))
    with pytest.raises(NetlistError, match="cmos-100k-10p"):
        simulate(design.nominal(Crossbar(1)), program, "op", "transistor")


def test_amplifier_at_another_level_is_refused():
    instance, program, _ = chip(Crossbar(1))
    with pytest.raises(NetlistError, match="level transistor"):
        simulate(instance, program, "op", "macro", scaling=Scaling(), amplifier=TwoStage().circuit())
