"""The written circuit: PySpice and text agree, only plain names and numbers get in, every node reaches ground."""

import re
from dataclasses import replace

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, Network, Program, RCMesh, random_program
from thermospice.circuits.networks import (
    Capacitor,
    CurrentSource,
    NoiseCurrent,
    OpAmp,
    OpAmpModel,
    Resistor,
    VoltageSource,
)
from thermospice.netlists import NetlistError, build, find_ngspice
from thermospice.netlists.cards import CLAMP_CONDUCTANCE, NGSPICE_BOLTZMANN, Card
from thermospice.netlists.decks import network_cards, to_pyspice, to_text
from thermospice.netlists.simulators import judge, op_deck, options, run_deck, tran_deck
from thermospice.netlists.timing import Steps

BOARD = Design.preset("board-1k-1n")
MODEL = OpAmpModel(
    gain=1e5,
    gain_bandwidth=1e7,
    offset=1e-3,
    bias_current=1e-9,
    noise_voltage=5e-9,
    noise_current=1e-12,
    rail_low=-2.0,
    rail_high=3.0,
    slew=1e7,
    output_resistance=50.0,
    load_capacitance=1e-11,
)


def chip(topology, seed=0):
    return BOARD.sample(topology, np.random.default_rng(seed))


def net(*elements, outputs=("a",), temperature=300.0):
    return Network("n", elements, outputs, temperature)


@pytest.mark.parametrize("topology", [Crossbar(3), RCMesh(3)])
@pytest.mark.parametrize("level", ["ideal", "macro"])
@pytest.mark.parametrize("noise", ["none", "spectral", "seeded"])
def test_text_equals_pyspice(topology, level, noise):
    instance = chip(topology)
    network = instance.network(random_program(topology, np.random.default_rng(1)), level)
    cards = network_cards(network, [0.1, -0.2, 0.3], noise, 1e-8)
    assert to_text(network, cards) == str(to_pyspice(network, cards))


def test_every_kind_of_card_equals_pyspice():
    network = net(Resistor("r", "a", "0", 1.0))
    cards = [
        Card("L", "l", ("a", "0"), 1e-3, 0.0),
        Card("E", "e", ("b", "0", "a", "0"), -1.0),
        Card("B", "b", ("0", "c"), "v(a)*2.0"),
        Card("V", "v", ("d", "0"), "dc 1.0 ac 1.0"),
    ]
    assert to_text(network, cards) == str(to_pyspice(network, cards))


def test_build_is_a_pyspice_circuit_of_the_instance():
    topology = Crossbar(2)
    program = Program(np.array([[1.0, 0.5], [-0.25, 2.0]]), np.array([0.5, -1.0]))
    circuit = build(BOARD.nominal(topology), program, level="ideal", x0=[0.25, 0.5])
    values = {element.name: element for element in circuit.elements}
    assert float(values["Rr0_1"].resistance) == 1e3 / 0.5
    assert float(values["Rr1_0"].resistance) == 1e3 / 0.25
    assert float(values["Cc1"].initial_condition) == -0.5
    assert circuit.title == "thermospice"


def test_numbers_are_plain():
    """No unit and no prefix: ngspice 40 and later read `2A` as 2e-18."""
    instance = chip(Crossbar(4))
    text = str(build(instance, random_program(instance.topology, np.random.default_rng(1))))
    for line in text.splitlines()[2:]:
        for word in re.sub(r"[a-z0-9_]+\(|[()=,*+]", " ", line).split()[1:]:
            plain = re.fullmatch(r"-|-?(\d+\.?\d*(e[+-]?\d+)?)|-?[a-z][a-z0-9_]*", word)
            assert plain, (word, line)


INJECTIONS = [
    "a\n.shell touch x",
    "a b",
    "a;b",
    "A",
    "1a",
    "a'",
    "a`x`",
    "",
    "*a",
    ".a",
    "a\n",
    "gnd",
    "time",
    "ä",
    "a)",
]


@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("place", ["element", "node", "output"])
def test_unsafe_names_are_refused(name, place):
    element = Resistor(name if place == "element" else "r", name if place == "node" else "a", "0", 1.0)
    network = object.__new__(Network)  # past the network's own check
    for field, value in {
        "name": "n",
        "elements": (element,),
        "outputs": (name if place == "output" else "a",),
        "temperature": 300.0,
    }.items():
        object.__setattr__(network, field, value)
    with pytest.raises(NetlistError, match="expected a name"):
        network_cards(network)


@pytest.mark.parametrize("value", ["1k", "1\n.shell x", float("nan"), float("inf"), None, True, 1j, b"1", [1.0]])
def test_numbers_that_are_not_are_refused(value):
    for element in (
        Resistor("r", "a", "0", value),
        Capacitor("c", "a", "0", value),
        VoltageSource("v", "a", "0", value),
        CurrentSource("i", "a", "0", value),
        NoiseCurrent("i", "a", "0", value),
        OpAmp("x", "0", "a", "a", replace(MODEL, offset=value)),
    ):
        with pytest.raises(NetlistError, match=r"expected a (finite )?number"):
            network_cards(net(element, Resistor("r0", "a", "0", 1.0)))
    with pytest.raises(NetlistError, match="temperature"):
        network_cards(net(Resistor("r", "a", "0", 1.0), temperature=value))


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_components_are_positive(value):
    for element in (Resistor("r", "a", "0", value), Capacitor("c", "a", "0", value)):
        with pytest.raises(NetlistError, match="positive"):
            network_cards(net(element, Resistor("r0", "a", "0", 1.0)))


@pytest.mark.parametrize(
    "elements",
    [
        (Capacitor("c", "a", "0", 1e-9),),
        (Capacitor("c", "a", "0", 1e-9), Resistor("r", "a", "b", 1.0)),
        (CurrentSource("i", "0", "a", 1e-3),),
        (NoiseCurrent("i", "0", "a", 1e-20),),
    ],
)
def test_a_floating_node_is_named(elements):
    with pytest.raises(NetlistError, match=r"node a has no path for direct current to ground"):
        network_cards(net(*elements))


def test_a_readout_that_nothing_drives_floats():
    with pytest.raises(NetlistError, match="node z has no path"):
        network_cards(net(Resistor("r", "a", "0", 1.0), outputs=("z",)))


def test_inner_nodes_hide_nothing():
    amp = OpAmp("x", "0", "a", "a", MODEL)
    with pytest.raises(NetlistError, match="x_p has the name of one of its inner nodes"):
        network_cards(net(amp, Resistor("r", "x_p", "0", 1.0)))
    with pytest.raises(NetlistError, match="same name"):
        network_cards(net(amp, Capacitor("x_cp", "a", "0", 1e-9)))
    with pytest.raises(NetlistError, match="inner nodes"):
        network_cards(net(NoiseCurrent("a", "a", "0", 1e-20), Resistor("r", "a", "0", 1.0)))


@pytest.mark.parametrize("x0", [[0.0], [0.0, 1.0, 2.0], [np.nan, 0.0]])
def test_initial_voltages_are_checked(x0):
    with pytest.raises(NetlistError, match="x0"):
        network_cards(chip(RCMesh(2)).network(Program(np.eye(2), np.ones(2))), np.array(x0))


def test_every_origin_of_noise_has_a_source():
    """Transient: one random source for each noisy resistor, each e_n, each i_n, each injected current."""
    design = BOARD.model_copy(update={"injected_noise": 1e-20})
    program = Program(np.array([[2.0, -1.0], [0.5, 1.0]]), np.ones(2))
    network = design.nominal(Crossbar(2)).network(program)
    text = to_text(network, network_cards(network, None, "seeded", 1e-8))
    names = {line.split()[0] for line in text.splitlines() if "trrandom" in line}
    resistors = {f"I{e.name}_th" for e in network.elements if isinstance(e, Resistor)}
    amplifiers = [e.name for e in network.elements if isinstance(e, OpAmp)]
    injected = {f"I{e.name}" for e in network.elements if isinstance(e, NoiseCurrent)}
    assert len(resistors) == 4 + 2 + 2
    assert len(amplifiers) == 3
    assert len(injected) == 2
    assert names == resistors | injected | {f"I{a}_en" for a in amplifiers} | {f"I{a}_inm" for a in amplifiers}


def test_size_of_a_seeded_source():
    """One-sided density 2 sigma^2 step equals 4kT/R."""
    network = net(Resistor("r", "a", "0", 1e3))
    (card,) = [card for card in network_cards(network, None, "seeded", 1e-8) if card.kind == "I"]
    sigma = float(str(card.value).split()[3])
    assert 2 * sigma**2 * 1e-8 == pytest.approx(4 * NGSPICE_BOLTZMANN * 300.0 / 1e3, rel=1e-12)


def test_seeded_noise_needs_a_step():
    with pytest.raises(NetlistError, match="noise_step"):
        network_cards(net(Resistor("r", "a", "0", 1e3)), None, "seeded")


def test_every_resistor_of_a_large_array_is_written():
    A = np.random.default_rng(0).uniform(0.1, 1.0, (64, 64)) + 64 * np.eye(64)
    network = Design.preset("board-1k-1n").nominal(Crossbar(64)).network(Program(A, np.ones(64)), "ideal")
    assert to_text(network, network_cards(network, None, "none")).count("\nR") == 64 * 64 + 64


FOLLOWER = (
    VoltageSource("in", "p", "0", 1.0, drive=True),
    OpAmp("x", "p", "a", "a", MODEL),
)


def settled(*elements, node="a"):
    network = net(*elements, outputs=(node,))
    deck = op_deck(to_text(network, network_cards(network)) + options(False), (node,))
    return float(judge(run_deck(deck.text, find_ngspice()), deck.expected)[0][0].values[0, 0])


def test_follower_gain_offset_and_bias():
    """`v = (1 + offset) gain / (1 + gain)`; the bias current into the output pin loads the output resistance."""
    gain = MODEL.gain
    expected = ((1 + MODEL.offset) * gain - MODEL.bias_current * MODEL.output_resistance) / (1 + gain)
    assert settled(*FOLLOWER) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("drive", "rail"), [(10.0, MODEL.rail_high), (-10.0, MODEL.rail_low)])
def test_rails(drive, rail):
    """The clamp conducts the whole current of the slewing input stage: it overshoots by that over its conductance."""
    overshoot = MODEL.slew * 1e-3 / (2 * np.pi * MODEL.gain_bandwidth) / CLAMP_CONDUCTANCE
    v = settled(VoltageSource("in", "p", "0", drive, drive=True), FOLLOWER[1])
    assert v == pytest.approx(rail, abs=2 * overshoot)
    assert abs(v) >= abs(rail) - 1e-5


def test_slew():
    """A large step rises at the slew rate between its ends."""
    network = net(VoltageSource("in", "p", "0", 2.5, drive=True), FOLLOWER[1])
    steps = Steps(4e-7, 1e-11, 1e-9)
    deck = tran_deck(to_text(network, network_cards(network, None, "none")) + options(False), ("a",), steps)
    (plot,), _ = judge(run_deck(deck.text, find_ngspice()), deck.expected)
    t, v = plot.scale, plot["v(a)"]
    middle = (v > 0.5) & (v < 1.5)
    # The output follows the pole with a delay of R C = 0.5 ns; the slope is the same.
    assert np.polyfit(t[middle], v[middle], 1)[0] == pytest.approx(MODEL.slew, rel=1e-3)


def test_without_output_resistance_or_load():
    bare = replace(MODEL, output_resistance=0.0, load_capacitance=0.0, bias_current=0.0)
    v = settled(FOLLOWER[0], OpAmp("x", "p", "a", "a", bare))
    assert v == pytest.approx((1 + MODEL.offset) * MODEL.gain / (1 + MODEL.gain), rel=1e-12)


def test_a_loud_chip_saturates_instead_of_failing():
    """Amplifiers in their rails, less the drop over the output resistance: the operating point is still found."""
    topology = Crossbar(8)
    instance = chip(topology)
    program = random_program(topology, np.random.default_rng(1))
    network = instance.network(Program(program.A, 30 * program.b))
    deck = op_deck(to_text(network, network_cards(network, None, "none")) + options(False), network.outputs)
    plot = judge(run_deck(deck.text, find_ngspice()), deck.expected)[0][0]
    assert (np.abs(plot.values) < 5.0).all()
    assert (np.abs(plot.values) > 4.5).any()
