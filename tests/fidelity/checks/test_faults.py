"""Single faults: planted in any element, derived by the model, shown by ngspice, and failed by the fidelity table."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Program, RCMesh, state_space
from thermospice.circuits.linear_circuits import LinearCircuit
from thermospice.circuits.networks import BOLTZMANN, OpAmp, Resistor
from thermospice.fidelity import _cases as _cases
from thermospice.fidelity.checks import _amplifier as _amplifier
from thermospice.fidelity.faults import Look, Setting, distance, planted_faults, with_fault
from thermospice.fidelity.faults import _amplifier_faults as _amplifier_faults
from thermospice.fidelity.faults import _exposure as _exposure
from thermospice.fidelity.faults import _faults as _faults
from thermospice.fidelity.faults import _looks as _looks
from thermospice.fidelity.faults import _planted as _planted
from thermospice.fidelity.faults import _rails as _rails
from thermospice.fidelity.faults import _settings as _settings
from thermospice.fidelity.faults import _trials as _trials
from thermospice.fidelity.faults import _visibility as _visibility
from thermospice.netlists import SimulationFailed
from thermospice.netlists.amplifiers import TwoStage
from thermospice.netlists.decks import _plan as _plans

TOPOLOGIES = ("rc-mesh", "differential-rc-mesh", "crossbar", "cascade", "rlc-grid")
KINDS = [(name, level) for name in TOPOLOGIES for level in ("ideal", "macro") if name != "rlc-grid" or level == "ideal"]


def subject(topology, level, size=2, seed=0):
    (case,) = _cases.cases((topology,), (level,), (size,), None, seed)
    return case.subject()


@pytest.mark.parametrize(("topology", "level"), KINDS)
def test_every_element_has_faults_and_a_fault_is_one_change(topology, level):
    network = subject(topology, level).network()
    faults = planted_faults(network)
    assert {e.name for e in network.elements} <= {fault.element for fault in faults}
    assert len(set(faults)) == len(faults)
    for fault in faults:
        faulty = with_fault(network, fault)
        changed = set(faulty.elements) ^ set(network.elements)
        assert len(changed) == (1 if isinstance(fault, _faults.Added) else 2), fault
        assert fault.kind


def test_every_value_of_a_macro_model_has_a_fault():
    # Catches a field that is added to the amplifier and that no fault touches.
    network = subject("crossbar", "macro").network()
    model = next(e.model for e in network.elements if isinstance(e, OpAmp))
    # `noise_lowest` is in no deck for a spectrum; a design without a corner has none that could be wrong.
    # Transistors alone have their systematic offset apart; of a board none has a second pole or an input capacitance.
    fields = set(model.__slots__) - {"noise_lowest", "noise_corner", "systematic", "second_pole", "input_capacitance"}
    assert {f.field for f in planted_faults(network) if isinstance(f, _faults.Scaled) and f.part == "OpAmp"} == fields


def test_a_fault_of_another_circuit_is_refused():
    network = subject("rc-mesh", "ideal").network()
    with pytest.raises(ValueError, match="no_such"):
        with_fault(network, _faults.Scaled("no_such", "resistance", 2.0, "Resistor"))


@pytest.mark.parametrize(("topology", "level"), KINDS)
def test_right_chips_pass_in_every_setting(topology, level):
    chip = subject(topology, level, seed=1)
    rows = list(_exposure.rows(chip))
    assert rows
    assert all(row["passed"] for row in rows), rows
    if level == "macro":
        assert {row["analysis"] for row in rows} == {"op", "ac", "noise", "tran"}


def _sample():
    """One fault of every kind, with the plan that it is of, from the circuits of all topologies in turn."""
    plans = [list(_settings.settings(subject(*kind))) for kind in KINDS]
    by_kind = {}
    for number, plan in enumerate(plans):
        for fault in _planted.faults_of(plan):
            by_kind.setdefault(fault.kind, []).append((number, fault))
    chosen = [found[7 * k % len(found)] for k, (_, found) in enumerate(sorted(by_kind.items()))]
    return [(plan, [fault for k, fault in chosen if k == number]) for number, plan in enumerate(plans)]


def test_no_fault_whose_effect_exceeds_the_limit_is_missed():
    # Catches a row that goes blind.
    trials = [t for plan, faults in _sample() for t in _trials.try_faults(_visibility.sights(plan), faults)]
    assert len(trials) >= 40
    assert not [trial for trial in trials if trial.missed]
    assert all(trial.slack < 0.5 for trial in trials)
    assert sum(trial.caught for trial in trials) >= 0.8 * len(trials)


WRONG = {
    "a rail of 3 V": (r"4\.9", "3.0"),
    "a tenth of the slew": (r"0\.00037952", "0.000037952"),
    "half the gain": (r"(_rp .*) 2\.237136", r"\1 4.474272"),
    "a tenth more gain": (r"(_rp .*) 2\.237136", r"\1 2.033760"),
    "a hundred times the bias current": (r"dc 2e-12", "dc 2e-10"),
    "no bias current": (r"dc 2e-12", "dc 0.0"),
    "twice the load": (r"(_cl .*) 1e-11", r"\1 2e-11"),
    "an output resistance of 22 ohm": (r"0\.05$", "0.045454"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("topology", ["crossbar", "rc-mesh"])
def test_a_wrong_deck_fails_a_row(topology, name, monkeypatch):
    # The text itself is changed, not the network that it is made of.
    real, (pattern, text) = _plans.to_text, WRONG[name]

    def faulty(*arguments, **options):
        lines = real(*arguments, **options)
        wrong = re.sub(pattern, text, lines, flags=re.MULTILINE)
        assert wrong != lines
        return wrong

    monkeypatch.setattr(_plans, "to_text", faulty)
    assert not all(row["passed"] for row in _exposure.rows(subject(topology, "macro")))


@pytest.mark.parametrize("ohms", [1e7, 1e9])
@pytest.mark.parametrize(("topology", "node"), [("rc-mesh", "x0"), ("crossbar", "vg0"), ("cascade", "vg1")])
def test_a_leak_at_an_input_is_seen(topology, node, ohms):
    plan = _visibility.sights(list(_settings.settings(subject(topology, "macro"))))
    leak = _faults.Added(node, Resistor(f"leak_{node}", node, "0", ohms))
    sight, effect = _visibility.best_sight(plan, leak)
    assert effect > 1
    assert sight.error(leak) == pytest.approx(effect, rel=0.5)


def one_cell(topology, level, A, b, looks):
    """A nominal chip of one cell, whose answers have closed forms."""
    design = subject("crossbar", "macro").instance.design
    chip, program = design.nominal(topology), Program([[A]], [b])
    return Setting("one cell", chip.network(program, level), program, level, looks), design


def test_the_effect_of_current_noise_is_its_share_of_the_density():
    # At a virtual ground: 4kT/R of two resistors, e_n across both, i_n.
    look = Look("noise", 1.0, 1.0, 10.0)
    setting, design = one_cell(Crossbar(1), "macro", 1.0, 1.0, (look,))
    amp, g = design.amplifier, 1 / design.R0
    share = amp.noise_current**2 / (
        4 * BOLTZMANN * design.temperature * 2 * g + (amp.noise_voltage * 2 * g) ** 2 + amp.noise_current**2
    )
    fault = _faults.Scaled("a0", "noise_current", 1e6, "OpAmp")
    expected = math.sqrt(1 + share * (1e12 - 1)) - 1
    assert _visibility.Sight(setting, look).effect(fault) == pytest.approx(expected, rel=1e-4)
    # Five per cent of it are ten per cent of 4e-9 of a density, half of that of an amplitude.
    small = _faults.Scaled("a0", "noise_current", 1.05, "OpAmp")
    assert _visibility.Sight(setting, look).effect(small) < 1e-9


def test_the_effect_of_gain_is_one_over_the_loop_gain():
    # v = -b/(1 + 2/A0) with two equal resistors: half the gain moves it by 2/A0 to first order.
    look = Look("op", 1.0)
    setting, design = one_cell(Crossbar(1), "macro", 1.0, 1.0, (look,))
    half = _faults.Scaled("a0", "gain", 0.5, "OpAmp")
    A0 = design.amplifier.gain
    expected = 1 - (1 + 2 / A0) / (1 + 4 / A0)
    # The output resistance adds its 20 ohm over 1 kOhm to the load that the gain sees.
    assert _visibility.Sight(setting, look).effect(half) == pytest.approx(expected, rel=0.05)


def test_the_effect_of_a_leak_is_the_ratio_of_resistances():
    look = Look("op", 1.0)
    setting, design = one_cell(RCMesh(1), "ideal", 1.0, 1.0, (look,))
    leak = _faults.Added("x0", Resistor("leak_x0", "x0", "0", 1e7))
    expected = 1 - 1 / (1 + design.R0 / 1e7)
    sight = _visibility.Sight(setting, look)
    assert sight.effect(leak) == pytest.approx(expected, rel=1e-9)
    assert sight.error(leak) == pytest.approx(expected, rel=1e-9)


def test_an_overdriven_follower_settles_where_the_slew_current_leaves_it():
    setting, design = one_cell(RCMesh(1), "macro", 1.0, 100.0, (Look("op", 1.0),))
    amp = design.amplifier
    give = amp.slew * 1e-3 / (2 * math.pi * amp.gain_bandwidth)
    limited = _rails.within_rails(setting.network)
    # The pole's own resistance, gain/gm, takes 1e-9 of it.
    assert state_space(limited).settled == pytest.approx([amp.rail_high + give], rel=1e-8)
    assert _rails.part_of_rails(setting.network) == pytest.approx(100 / amp.rail_high, rel=1e-4)


def test_circuits_within_their_rails_are_left_alone():
    network = subject("cascade", "macro").network()
    assert _rails.within_rails(network) == network


def test_ideal_amplifiers_have_no_order_of_inputs():
    # Why no row sees them exchanged: an ideal amplifier holds its inputs together, whichever is which.
    chip = subject("crossbar", "ideal")
    fault = _faults.Swapped("a0", "OpAmp")
    assert np.array_equal(state_space(with_fault(chip.network(), fault)).settled, chip.space().settled)


def test_differences_from_nothing_are_infinite_and_none_is_zero():
    look = Look("op", 1.0)
    assert distance(look, np.zeros((1, 2)), np.zeros((1, 2))) == 0
    assert distance(look, np.ones((1, 2)), np.zeros((1, 2))) == math.inf
    assert distance(look, np.full((1, 2), math.nan), np.ones((1, 2))) == math.inf


def test_the_table_plants_faults_into_every_kind_of_element():
    chosen = set()
    for kind in KINDS:
        known = [_planted.faults_of(list(_settings.settings(chip))) for chip in _planted.chips(subject(*kind))]
        chosen |= {faults[0].part for faults in _planted._chosen(known, subject(*kind), every=False)}
    elements = {"Resistor", "Capacitor", "Inductor", "VoltageSource", "CurrentSource", "NoiseCurrent", "OpAmp"}
    assert chosen == elements | {"Inverter", "Difference", "node"}


@pytest.mark.parametrize(("topology", "level"), [("rlc-grid", "ideal"), ("rc-mesh", "ideal")])
def test_a_blind_table_fails_the_row_of_planted_faults(topology, level, monkeypatch):
    chip = subject(topology, level)
    assert all(row["passed"] for row in _planted.rows(chip, every=True))
    monkeypatch.setattr(_visibility.Sight, "error", lambda self, fault=None: self.off(self.setting.right(self.look)))
    rows = list(_planted.rows(chip, every=True))
    assert {row["analysis"] for row in rows} >= {"ac", "noise"}
    assert not any(row["passed"] for row in rows)


def test_a_simulator_without_an_answer_sees_no_fault(monkeypatch):
    # Catches a dead simulator that counts as having shown every fault.
    def refuse(*_arguments):
        raise SimulationFailed("no answer")

    monkeypatch.setattr(Setting, "measured", refuse)
    rows = list(_planted.rows(subject("rc-mesh", "ideal"), every=False))
    assert rows
    assert not any(row["passed"] or "value" in row for row in rows)
    trial = _trials.Trial("kind", "r0", "look", effect=2.0, error=math.inf, slack=math.inf)
    assert not trial.caught


def test_a_setting_without_an_answer_is_a_failed_row(monkeypatch):
    def refuse(*_arguments):
        raise SimulationFailed("no answer")

    monkeypatch.setattr(Setting, "measured", refuse)
    chip = subject("rc-mesh", "ideal")
    rows = chip.explained(list(_exposure.rows(chip)))
    assert rows
    assert not any(row["passed"] or "value" in row for row in rows)
    assert all("no answer" in row["reason"] for row in rows)


def test_a_chip_without_a_setting_is_a_failed_row(monkeypatch):
    def refuse(*_arguments):
        raise ValueError("no such program")

    monkeypatch.setattr(_settings, "choose_scaling", refuse)
    chip = subject("rc-mesh", "ideal")
    last = chip.explained(list(_exposure.rows(chip)))[-1]
    assert not last["passed"]
    assert last["reason"] == "no such program"


def test_a_fault_that_should_be_seen_and_is_not_is_missed():
    trial = _trials.Trial("kind", "r0", "look", effect=1.5, error=0.4, slack=0.1)
    assert trial.missed
    # Within what the right circuit is off, the limit may hide it.
    assert not replace(trial, effect=1.05).missed
    assert not replace(trial, error=1.1).missed
    # Of what the model does not know nothing is derived.
    assert replace(trial, effect=math.nan).missed


def test_benches_see_a_transistor_that_is_wider():
    right, design = TwoStage().circuit(), subject("crossbar", "transistor", 1).instance.design.amplifier
    assert _amplifier.disagreement(_amplifier.values_of(right), design) <= _amplifier.LIMIT
    wide = _amplifier_faults.PieceScaled("in1", "width", 1.1, "subcircuit Transistor")
    assert wide in set(_amplifier_faults.amplifier_faults(right))
    assert _amplifier.disagreement(_amplifier.values_of(wide(right)), design) > _amplifier.LIMIT


def test_a_capacitor_at_an_ideal_output_gives_no_other_answer():
    """Catches a reduction that takes a conductance of a chip at high impedance for rounding, and settles elsewhere."""
    (case,) = _cases.cases(topologies=["differential-rc-mesh"], levels=["macro"], sizes=[4])
    for chip in _planted.chips(case.subject()):
        for setting in _planted.settings(chip):
            for fault in planted_faults(setting.network):
                if fault.kind == "Capacitor: a at another node" and fault.node == "out0":
                    network = _rails.within_rails(setting.network)
                    network = with_fault(network, fault)
                    whole = LinearCircuit.of(network).settled
                    try:
                        found = state_space(network).settled
                    except ValueError:
                        continue
                    np.testing.assert_allclose(found, whole, rtol=1e-4, atol=1e-9)


def test_the_model_takes_as_many_steps_as_its_limits_need():
    # Catches steps by the gain-bandwidth alone: a slower amplifier meets its slew rate within the first of them, in
    # which the model goes on as if there were none, by more than the limit of the row.
    setting = next(s for s in _settings.settings(subject("crossbar", "macro", 1)) if s.name == "overdriven upwards")
    slower = {"slew": 1 / 2, "gain_bandwidth": 1 / 2, "output_resistance": 1 / 4}
    elements = tuple(
        replace(e, model=replace(e.model, **{name: getattr(e.model, name) * by for name, by in slower.items()}))
        if isinstance(e, OpAmp)
        else e
        for e in setting.network.elements
    )
    slow = Setting("", replace(setting.network, elements=elements), setting.program, setting.level, ())
    look = replace(setting.looks[0], stop=setting.looks[0].stop / 5)
    found = slow.expected(slow.network, look)
    quiet = slow._response(slow.network, 0.0)
    usual, fine = (_looks._stepped(quiet, look.times, step) for step in (1.22e-10, 1.5e-11))
    assert distance(look, found, fine) < look.limit < distance(look, usual, fine)
