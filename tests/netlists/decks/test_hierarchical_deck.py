"""The circuit that is written for a designer says what is run: the same equations when read back, the same results."""

import numpy as np
import pytest
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DifferentialRCMesh,
    Program,
    RCMesh,
    RLCGrid,
    choose_scaling,
    random_program,
    state_space,
)
from thermospice.circuits.networks import Capacitor, OpAmp
from thermospice.circuits.spice_files import parse_netlist, with_outputs
from thermospice.netlists import Job, NetlistError, designers_deck, find_ngspice
from thermospice.netlists.decks import hierarchical_deck, plan_job
from thermospice.netlists.simulators import judge, run_deck

SIZES = [
    (Crossbar(3), "ideal"),
    (Crossbar(3), "macro"),
    (Cascade(2, 3), "ideal"),
    (Cascade(2, 3), "macro"),
    (RCMesh(3), "ideal"),
    (DifferentialRCMesh(2), "ideal"),
    (RLCGrid(2), "ideal"),
]


def job(topology, level, analysis, x0=None, **changes):
    preset = "rlc-board-8" if topology.name == "rlc-grid" else "board-1k-1n"
    instance = Design.preset(preset).sample(topology, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    if topology.name == "cascade":
        J = rng.normal(size=(topology.r, topology.n))
        program = Program.from_factors(J, np.eye(topology.r), 0.5, rng.normal(size=topology.n))
    else:
        program = random_program(topology, rng)
    scaling = choose_scaling(instance, program, level)
    return Job(instance, program, analysis, level, scaling=scaling, x0=x0, **changes)


def close(expected, got):
    size = np.abs(expected).max(initial=0.0)
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-12 * size)


@pytest.mark.parametrize(("topology", "level"), SIZES)
def test_it_is_read_back_as_the_same_equations(topology, level):
    # Catches a value, node, offset or noise source that is lost or exchanged in a subcircuit.
    plan = plan_job(job(topology, level, "op"), find_ngspice())
    back = with_outputs(parse_netlist(hierarchical_deck(plan)).network, plan.network.outputs)
    expected = state_space(plan.network)
    got = state_space(back)
    for name in ("C", "G", "noise", "M", "drive", "bias", "y_drive", "y_bias"):
        close(getattr(expected, name), getattr(got, name))
    assert back.temperature == plan.network.temperature


@pytest.mark.parametrize(("topology", "level"), [(Crossbar(2), "macro"), (RLCGrid(2), "ideal")])
def test_starting_voltages_are_read_back(topology, level):
    x0 = [0.1, -0.2]
    plan = plan_job(job(topology, level, "tran", x0), find_ngspice())
    back = with_outputs(parse_netlist(hierarchical_deck(plan)).network, plan.network.outputs)
    start = state_space(back).start
    assert start is not None
    close(state_space(plan.network).initial @ x0, start)


@pytest.mark.parametrize(("topology", "level"), SIZES)
@pytest.mark.parametrize("analysis", ["ac", "tran"])
def test_it_gives_the_results_of_what_is_run(topology, level, analysis):
    plan = plan_job(job(topology, level, analysis), find_ngspice())
    expected, got = (
        judge(run_deck(text, find_ngspice()), plan.decks[0].expected)[0][0]
        for text in (plan.decks[0].text, hierarchical_deck(plan))
    )
    for output in plan.network.outputs:
        name = f"v({output})"
        # ngspice keeps 16 digits of a parameter; its transient stops iterating at 3e-7 of a change.
        atol = {"ac": 1e-12, "tran": 1e-8}[analysis] * np.abs(expected[name]).max()
        np.testing.assert_allclose(got[name], expected[name], rtol=0.0, atol=atol)


def test_noise_is_that_of_what_is_run():
    # Crossbar with amplifiers: voltage noise, current noise, and 1/f that the board's amplifier does not have.
    plan = plan_job(job(Crossbar(2), "macro", "noise"), find_ngspice())
    text = hierarchical_deck(plan)
    expected, got = (judge(run_deck(t, find_ngspice()), plan.decks[0].expected)[0] for t in (plan.whole, text))
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_allclose(b["onoise_spectrum"].real, a["onoise_spectrum"].real, rtol=1e-9)


def test_it_has_one_subcircuit_for_an_amplifier_and_for_a_cell_with_units_and_origin():
    text = designers_deck(job(Crossbar(3), "macro", "op"))
    assert text.count(".subckt ts_amplifier ") == 1
    assert text.count("\nXcell") == 3
    assert ".param amplifier_gain_bandwidth=65000000.0 ; Hz" in text
    assert "* Values: a crossbar of 3 cells at level macro, chip " in text


def test_an_edited_value_is_that_of_the_model():
    # Catches a library that ignores what a designer writes.
    plan = plan_job(job(Crossbar(2), "macro", "op"), find_ngspice())
    text = hierarchical_deck(plan).replace("amplifier_gain=447000.0", "amplifier_gain=1000.0")
    network = parse_netlist(text).network
    models = [e.model for e in network.elements if isinstance(e, OpAmp)]
    assert {model.gain for model in models} == {1000.0}
    assert sum(isinstance(e, Capacitor) for e in network.elements) == 2


def test_an_origin_is_plain_text():
    with pytest.raises(NetlistError, match="origin"):
        hierarchical_deck(plan_job(job(RCMesh(2), "ideal", "op"), find_ngspice()), "x\n.shell touch y")
