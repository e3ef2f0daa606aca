"""Transistor amplifiers: what is measured, against hand calculation, and what is extracted, against the circuit."""

from dataclasses import asdict, replace
from math import log10, pi, sqrt

import numpy as np
import pytest
from thermospice.circuits import Design, Network
from thermospice.circuits.components import AMPLIFIER_TEMPCOS
from thermospice.circuits.networks import BOLTZMANN, Capacitor, OpAmp, OpAmpModel, Resistor, VoltageSource
from thermospice.netlists import NetlistError, SimulationFailed, find_ngspice
from thermospice.netlists.amplifiers import (
    GENERIC_180NM,
    AmplifierCircuit,
    Bench,
    Deviation,
    FoldedCascode,
    Load,
    Transistor,
    TwoStage,
    characterise,
    extract_macro_model,
    extract_temperature_coefficients,
    macro_response,
    sample_offsets,
    user_amplifier,
)
from thermospice.netlists.amplifiers._characterise import _noise, _response
from thermospice.netlists.decks import network_cards, to_text
from thermospice.netlists.simulators import options, read_raw, run_deck
from thermospice.netlists.timing import Grid

TEMPERATURE = 300.15
LOAD = Load()
CAPACITIVE = Load(resistance=None, capacitance=4e-12)
DRIVEN = Load(resistance=None, capacitance=12e-12)
"""A cell of 10 pF and the 2 pF at the output."""


@pytest.fixture(scope="module")
def two_stage():
    return characterise(TwoStage().circuit(), LOAD)


@pytest.fixture(scope="module")
def ota():
    return characterise(FoldedCascode().circuit(), CAPACITIVE, samples=25)


@pytest.fixture(scope="module")
def operating_point():
    """Drain currents, transconductances and output conductances of the two-stage amplifier as a follower."""
    circuit = TwoStage().circuit()
    names = [f"@m.x1.m{t.name}[{q}]" for t in circuit.transistors for q in ("id", "gm", "gds")]
    text = "\n".join(
        (
            ".title t",
            circuit.definition(),
            "Vdd vdd 0 0.9\nVss vss 0 -0.9\nVp plus 0 0\nX1 plus out out vdd vss two_stage\nRl out 0 50k",
            f".save {' '.join(names)}",
            ".op",
            ".end",
            "",
        )
    )
    plot = read_raw(run_deck(text, find_ngspice()).raw)[0]
    # ngspice lists them as i(@..[id]) and @..[gm].
    found = {v.removeprefix("i(").removesuffix(")"): float(plot[v][0].real) for v in plot.variables}
    return {
        t.name: tuple(abs(found[f"@m.x1.m{t.name}[{q}]"]) for q in ("id", "gm", "gds")) for t in circuit.transistors
    }


def test_gain_bandwidth_is_gm_over_compensation(two_stage, operating_point):
    expected = operating_point["in1"][1] / (2 * pi * TwoStage().output.capacitance)
    # Overlap capacitances add a few percent to the 3 pF; the folding node loses a few percent of the current.
    assert two_stage.gain_bandwidth == pytest.approx(expected, rel=0.08)


def test_gain_is_the_product_of_both_stages(two_stage, operating_point):
    def cascoded(below, parallel, cascode):
        (_, gm, gds), extra = operating_point[cascode], operating_point[parallel][2] if parallel else 0.0
        return gds * (operating_point[below][2] + extra) / gm

    gm1 = operating_point["in2"][1]
    first = gm1 / (cascoded("s2", "in2", "c2") + cascoded("m2", None, "c4"))
    second = (operating_point["on"][1] + operating_point["op"][1]) / (
        operating_point["on"][2] + operating_point["op"][2] + LOAD.conductance
    )
    # Body effect raises the gain of each cascode by about a quarter, which the formula leaves out.
    assert two_stage.gain == pytest.approx(first * second, rel=0.4)


def test_quiescent_currents_are_set_by_the_bias_resistor(two_stage, operating_point):
    design = TwoStage()
    reference = operating_point["b1"][0]
    # Resistor: supplies less one gate-source voltage.
    assert reference == pytest.approx((1.8 - 0.77) / design.bias.resistance, rel=0.03)
    assert operating_point["tail"][0] == pytest.approx(design.input.tail * reference, rel=0.05)
    # Translinear loop: the output carries its number of fingers times the current of its diode.
    assert operating_point["on"][0] == pytest.approx(design.output.n.fingers * operating_point["a3"][0], rel=0.03)
    # b1, b3, b4, b6 with b7, a1, a4 one unit each; folded branches; output.
    units = 6 * reference + 2 * operating_point["s1"][0] + operating_point["on"][0]
    assert two_stage.supply_current == pytest.approx(units, rel=0.03)
    assert two_stage.power == pytest.approx(1.8 * two_stage.supply_current, rel=1e-12)


def test_slew_is_tail_current_over_compensation(two_stage, operating_point):
    # The folding node's capacitance and the stray of the gates take part: within 20 %.
    expected = operating_point["tail"][0] / TwoStage().output.capacitance
    assert two_stage.slew_rise == pytest.approx(expected, rel=0.2)
    assert two_stage.slew_fall == pytest.approx(expected, rel=0.2)


def test_white_noise_is_that_of_pair_sinks_and_mirror(two_stage, operating_point):
    gm = {name: operating_point[name][1] for name in ("in1", "s1", "m1")}
    # noimod=1: 8 k T gm/3 for each of two; BSIM3 adds gds and gmb, some 15 % of the power.
    expected = 2 * 8 / 3 * BOLTZMANN * TEMPERATURE * sum(gm.values()) / gm["in1"] ** 2
    assert two_stage.noise_white**2 == pytest.approx(expected, rel=0.25)


def test_flicker_noise_is_that_of_the_area(two_stage, operating_point):
    def current(t):
        model = GENERIC_180NM.nmos if t.channel == "n" else GENERIC_180NM.pmos
        # K/(Cox W L f) at the gate times gm^2 = 2 mu Cox (W/L) I.
        return 2 * model.u0 * 1e-4 * model.flicker * operating_point[t.name][0] / t.length**2

    parts = {t.name: t for t in TwoStage().circuit().transistors}
    gm = operating_point["in1"][1]
    expected = 2 * sum(current(parts[name]) for name in ("in1", "s1", "m1")) / gm**2
    # The effective length is a little shorter than the drawn one.
    assert two_stage.noise_white**2 * two_stage.noise_corner == pytest.approx(expected, rel=0.15)


def test_random_offset_follows_the_area_law(two_stage, operating_point):
    gm = {name: operating_point[name][1] for name in ("in1", "s1", "m1")}
    variance = 0.0
    for t in TwoStage().circuit().transistors:
        if t.name in gm:
            relative = operating_point[t.name][0] / gm["in1"]
            threshold = GENERIC_180NM.threshold_sigma(t.area) * gm[t.name] / gm["in1"]
            variance += 2 * (threshold**2 + (GENERIC_180NM.factor_sigma(t.area) * relative) ** 2)
    # 200 samples give 5 %; three of them and 5 % for the hand calculation.
    assert two_stage.offset_sigma == pytest.approx(sqrt(variance), rel=0.2)
    assert abs(two_stage.offset) < 0.1 * two_stage.offset_sigma


def test_offset_is_the_threshold_difference_of_the_pair():
    circuit = TwoStage().circuit()
    bench = Bench(circuit, LOAD, TEMPERATURE, find_ngspice())
    both, plus, none = bench.offsets(
        circuit, [{"in1": Deviation(2e-3), "in2": Deviation(2e-3)}, {"in2": Deviation(2e-3)}, {}]
    )
    # The same shift of both has no effect; the plus input's alone appears whole. In BSIM3 a higher threshold also
    # lowers the mobility a little, which adds some percent.
    assert both == pytest.approx(none, abs=2e-5)
    assert plus - none == pytest.approx(2e-3, rel=0.05)


def test_draws_are_reproducible():
    circuit = TwoStage().circuit()
    first, second = (sample_offsets(circuit, 3, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    assert len(set(first)) == 3


def test_two_stage_swings_and_is_stable(two_stage):
    assert two_stage.phase_margin > 60
    # Rail to rail but for a saturation voltage of tens of millivolts.
    assert -0.9 < two_stage.output_low < -0.8
    assert 0.8 < two_stage.output_high < 0.9
    # A p-channel pair follows down to the negative supply and needs a gate-source voltage to the positive one.
    assert two_stage.input_low < -0.8
    assert 0.35 < two_stage.input_high < 0.7


def test_ota_bandwidth_falls_with_its_load(ota):
    twice = _response(Bench(FoldedCascode().circuit(), Load(None, 8e-12), TEMPERATURE, find_ngspice()))
    # Gain-bandwidth is gm/(2 pi C): halved but for the stray capacitance of the output, tens of femtofarads.
    assert twice.gain_bandwidth == pytest.approx(ota.gain_bandwidth / 2, rel=0.03)
    assert twice.gain == pytest.approx(ota.gain, rel=1e-6)
    assert twice.phase_margin > ota.phase_margin


@pytest.mark.parametrize("kind", ["two_stage", "ota"])
def test_macro_model_has_the_circuits_open_loop_response(kind, request):
    found = request.getfixturevalue(kind)
    circuit, load = (TwoStage().circuit(), LOAD) if kind == "two_stage" else (FoldedCascode().circuit(), CAPACITIVE)
    amplifier = extract_macro_model(found)
    f, A, _ = Bench(circuit, load, TEMPERATURE, find_ngspice()).response(Grid(1.0, 20, 141))
    model = macro_response(amplifier, load, f)
    assert abs(model[0]) == pytest.approx(abs(A[0]), rel=0.01)
    for level in (10.0, 1.0):
        crossing = [np.interp(-np.log(level), -np.log(np.abs(x)), np.log(f)) for x in (A, model)]
        # Gain-bandwidth within 2 %; the unity frequency has the higher poles and is within 5 %.
        assert np.exp(crossing[1] - crossing[0]) == pytest.approx(1, rel=0.02 if level == 10 else 0.05)
    inner = f < found.unity_frequency
    assert np.abs(np.angle(model[inner] / A[inner], deg=True)).max() < 1.0


def test_netlist_of_the_macro_model_has_the_closed_form(two_stage):
    amplifier = extract_macro_model(two_stage)
    model = OpAmpModel(offset=0.0, **amplifier.model_dump(exclude={"offset_sigma", "supply_current"}))
    network = Network(
        "bench",
        (
            VoltageSource("in", "plus", "0", 1.0, drive=True),
            OpAmp("a", "plus", "fb", "out", model),
            Resistor("l", "out", "0", 50e3, noisy=False),
            Resistor("f", "out", "fb", 1e-3),
            Capacitor("c", "fb", "0", 1e-18),
        ),
        ("out",),
        TEMPERATURE,
    )
    text = to_text(network, network_cards(network, None, "none")) + options(False)
    # The clamps see no voltage at the operating point.
    text = text.replace("dc 1.0 ac", "dc 0.0 ac") + ".save v(out) v(plus,fb) v(plus) v(fb)\n.ac dec 5 1e3 1e8\n.end\n"
    plot = read_raw(run_deck(text, find_ngspice()).raw)[0]
    measured = plot["v(out)"] / (plot["v(plus)"] - plot["v(fb)"])
    expected = macro_response(amplifier, LOAD, plot.scale)
    assert np.abs(measured / expected - 1).max() < 1e-4


def test_preset_holds_the_extracted_values(two_stage):
    preset, extracted = Design.preset("cmos-100k-10p").amplifier, extract_macro_model(two_stage)
    for name, value in extracted.model_dump().items():
        assert getattr(preset, name) == pytest.approx(value, rel=2e-3), name


def _at(nominal, circuit, load, temperature):
    """The characterisation at another temperature, of what has coefficients: a tenth of the runs."""
    bench = Bench(circuit, load, temperature, find_ngspice())
    response = asdict(_response(bench))
    white, corner = _noise(bench, response["gain_bandwidth"])
    found = {**response, "noise_white": white, "noise_corner": corner, "temperature": temperature}
    return replace(nominal, load_resistance=load.resistance, load_capacitance=load.capacitance, **found)


@pytest.mark.parametrize("kind", ["two_stage", "ota"])
def test_temperature_coefficients_hold_where_they_were_not_extracted(kind, request):
    """Second order through -30, 0 and 30 K, held out at 45 K.

    Of a power of T between -1 and 1 the third order is at most (45 * 15 * 75)/300^3 = 0.19 %, and a crossing between 40
    points a decade is known to about 0.1 %. Without coefficients the noise is 14 % off.
    """
    known, circuit = request.getfixturevalue(kind), (TwoStage() if kind == "two_stage" else FoldedCascode()).circuit()
    cold, nominal, warm, held_out = (_at(known, circuit, DRIVEN, TEMPERATURE + dT) for dT in (-30.0, 0.0, 30.0, 45.0))
    tempco = extract_temperature_coefficients([cold, nominal, warm])
    predicted = tempco.amplifier_at(extract_macro_model(nominal), held_out.temperature)
    measured = extract_macro_model(held_out)
    for name in AMPLIFIER_TEMPCOS:
        assert getattr(predicted, name) == pytest.approx(getattr(measured, name), rel=3e-3), name
    assert measured.noise_voltage > 1.1 * nominal.noise_white
    if kind == "two_stage":
        preset = Design.preset("cmos-100k-10p").tempco
        for T in (270.15, 330.15):
            # The preset's four digits; what a factor is off adds to what its nominal value is off.
            expected = tempco.amplifier_factors(T)
            assert preset.amplifier_factors(T) == pytest.approx(expected, rel=1e-3)


def test_temperature_coefficients_of_one_other_temperature_are_first_order(two_stage):
    noise = (1.0, 1.003, 1.009)
    cold, warm, hot = (
        replace(two_stage, temperature=TEMPERATURE + dT, noise_white=two_stage.noise_white * x)
        for dT, x in zip((0.0, 1.0, 2.0), noise, strict=True)
    )
    first = extract_temperature_coefficients([cold, warm])
    assert (first.noise_voltage_tc1, first.noise_voltage_tc2) == (pytest.approx(3e-3), 0.0)
    second = extract_temperature_coefficients([cold, warm, hot])
    # 3e-3 = a + b and 9e-3 = 2 a + 4 b.
    assert (second.noise_voltage_tc1, second.noise_voltage_tc2) == (pytest.approx(1.5e-3), pytest.approx(1.5e-3))
    assert (second.gain_tc1, second.offset_tc, second.resistor_tc1) == (pytest.approx(0, abs=1e-12), 0.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ([{}], "one or more other"),
        ([{}, {}], "300.15 K, 300.15 K"),
        ([{"temperature": 290.0}, {"temperature": 310.0}], "expected 300.15 K"),
        ([{}, {"temperature": 310.0, "load_capacitance": 1e-12}], "one load"),
    ],
    ids=["one", "twice", "no_reference", "loads"],
)
def test_temperature_coefficients_need_one_amplifier_at_several_temperatures(two_stage, changes, reason):
    with pytest.raises(NetlistError, match=reason):
        extract_temperature_coefficients([replace(two_stage, **change) for change in changes])


def test_text_is_deterministic_and_sized():
    first, second = (TwoStage().circuit().definition() for _ in range(2))
    assert first == second
    assert "Mon out gn vss vss two_stage_n m=10 w=1e-06 l=5e-07" in first
    assert TwoStage(input=replace(TwoStage().input, tail=4)).circuit().definition() != first


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "a b"}, "a b"),
        ({"name": "a\n.control"}, "control"),
        ({"vdd": -1.0}, "vss < 0 < vdd"),
        ({"guess": {"nowhere": 0.0}}, "nowhere"),
        ({"pieces": (Transistor("m", "n", "out", "plus", "vss", "vss", 1e-6, 1e-6),)}, "minus"),
    ],
)
def test_bad_circuits_are_refused(change, reason):
    good = TwoStage().circuit()
    values = {"name": good.name, "pieces": good.pieces, "guess": good.guess} | change
    with pytest.raises(NetlistError, match=reason):
        AmplifierCircuit(**values)


def test_bad_sizes_are_refused():
    design = TwoStage(bias=replace(TwoStage().bias, resistance=-1.0))
    with pytest.raises(NetlistError, match="positive"):
        design.circuit().definition()


def test_users_amplifier_needs_trust(tmp_path):
    path = tmp_path / "mine.cir"
    path.write_text(TwoStage().circuit("mine").definition())
    with pytest.raises(NetlistError, match="trust=True"):
        user_amplifier(path)


def test_users_amplifier_is_measured_as_the_same_circuit(tmp_path, two_stage):
    path = tmp_path / "mine.cir"
    path.write_text(TwoStage().circuit("mine").definition().replace("plus minus out vdd", "plus minus\n+ out vdd"))
    found = _response(Bench(user_amplifier(path, trust=True), LOAD, TEMPERATURE, find_ngspice()))
    assert found.gain == pytest.approx(two_stage.gain, rel=1e-6)
    assert found.gain_bandwidth == pytest.approx(two_stage.gain_bandwidth, rel=1e-6)
    # Its transistors are not known, so neither is its random offset.
    unknown = replace(two_stage, offset_sigma=None)
    assert extract_macro_model(unknown, offset_sigma=1e-3).offset_sigma == 1e-3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* nothing\n", "expected a line"),
        (".subckt mine a b c d\n.ends\n", "expected the pins"),
        ("µ", "ASCII"),
    ],
)
def test_users_bad_file_is_refused(tmp_path, text, reason):
    path = tmp_path / "mine.cir"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(NetlistError, match=reason):
        user_amplifier(path, trust=True)


def test_swapped_inputs_are_noticed(tmp_path):
    path = tmp_path / "mine.cir"
    path.write_text(TwoStage().circuit("mine").definition().replace("mine plus minus", "mine minus plus"))
    with pytest.raises(SimulationFailed):
        _response(Bench(user_amplifier(path, trust=True), LOAD, TEMPERATURE, find_ngspice()))


def test_gate_of_the_process_is_the_textbook_one():
    n, p = GENERIC_180NM.nmos, GENERIC_180NM.pmos
    # Carusone, Johns, Martin, table 1.5: 8.5 fF/um^2, 270 and 70 uA/V^2.
    assert n.oxide_capacitance == pytest.approx(8.5e-3, rel=0.05)
    assert n.transconductance_factor == pytest.approx(270e-6, rel=0.1)
    assert p.transconductance_factor == pytest.approx(70e-6, rel=0.1)
    assert log10(n.flicker / p.flicker) == pytest.approx(1)
