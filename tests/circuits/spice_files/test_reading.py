"""A file in the forms that designers write becomes the elements that it says."""

import pytest
from thermospice.circuits import CircuitError, read_netlist, state_space
from thermospice.circuits.networks import Capacitor, Resistor
from thermospice.circuits.spice_files import parse_netlist, with_outputs


def elements(text):
    return {e.name: e for e in parse_netlist("title\n" + text).network.elements}


def test_a_file_is_read(tmp_path):
    path = tmp_path / "board.cir"
    path.write_text("a board\nV1 in 0 dc 1\nR1 in out 1k\nC1 out 0 1u\n.end\n")
    network = read_netlist(path)
    assert network.elements[1:] == (Resistor("r1", "in", "out", 1e3), Capacitor("c1", "out", "0", 1e-6))
    assert network.outputs == ("in", "out")
    assert network.temperature == 300.15


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1k", 1e3), ("1M", 1e-3), ("1Meg", 1e6), ("1MEGohm", 1e6), ("1mil", 25.4e-6), ("4.7uF", 4.7e-6),
        ("1e3k", 1e6), ("1d3", 1e3), (".5", 0.5), ("5.", 5.0), ("10ohm", 10.0), ("1F", 1e-15), ("1µ", 1e-6),
        ("{1k*2}", 2e3), ("'1k + 1'", 1001.0), ("10R", 10.0), ("+5", 5.0), ("1T", 1e12), ("1G", 1e9),
    ],
)  # fmt: skip
def test_numbers_are_those_of_spice(text, value):
    # Measured with ngspice 39; catches M as mega, and a scale factor that is lost behind an exponent.
    assert elements(f"R1 a 0 {text}")["r1"].resistance == value


@pytest.mark.parametrize("text", ["4k7", "1a", "0x10", "1kk", "2e", "1e400", "1u5", "1k%"])
def test_numbers_that_simulators_read_in_different_ways_are_refused(text):
    # ngspice reads 4k7 as 4000.
    with pytest.raises(CircuitError, match="line 2: r1"):
        parse_netlist(f"title\nR1 a 0 {text}")


HALVES = "R1 a o 1k\nR2 o 0 1k"
SECTION = ".subckt s a b r=1k\nR1 a b {r}\n.ends s\nV1 a 0 1\n"
FORMS = [
    ("V1 (a 0) 1\nR1 (a o) 1k\nR2 o gnd 1k", 0.5),
    ("V1 a#1 0 1\nR1 a#1 o 1k\nR2 o 0 1k", 0.5),
    ("V1 +5v 0 1\nR1 +5v o 1k\nR2 o 0 1k", 0.5),
    (".temp 50\nV1 a 0 1\nR1 a o 1k tc1=1e-2 tc2=1e-4\nR2 o 0 1k", 0.4380393359323667),
    (".options temp=50 tnom=40\nV1 a 0 1\nR1 a o 1k tc1=1e-2\nR2 o 0 1k", 0.4761904761904762),
    ("V1 a 0 1\nR1 a o 1k tc1=1e-2 temp=50\nR2 o 0 1k", 0.44843049327354256),
    ("V1 a 0 1\nR1 a o 1k tc1=1e-2 dtemp=23\nR2 o 0 1k", 0.44843049327354256),
    (".model rm r(tc1=1e-2 tnom=17)\nV1 a 0 1\nR1 a o rm 1k\nR2 o 0 1k", 0.4761904761904762),
    (".model rm r(r=2k tc1=1e-2 tnom=17)\nV1 a 0 1\nR1 a o rm\nR2 o 0 1k", 0.3125),
    (".param x=2k\nV1 a 0 1\nR1 a o R='x*2'\nR2 o 0 1k", 0.2),
    (".param a=2k\nV1 a 0 1\nR1 a o a\nR2 o 0 1k", 1 / 3),
    ("V1 a 0 1\nR1 a o 1k m=4\nR2 o 0 1k", 0.8),
    ("V1 a 0 1\nR1 a o 1k scale=3\nR2 o 0 1k", 0.25),
    ("V1 a 0 1\nR1 a o 1k\nR2 o 0 -3k noisy=0", 1.5),
    (SECTION + "X1 a o s r=2k\nX2 o 0 s", 1 / 3),
    (SECTION + "X1 a o s params: r=2k\nX2 o 0 s", 1 / 3),
    (SECTION + "X1 a o s m=3\nX2 o 0 s", 0.75),
    (".param r=5k\n" + SECTION + "X1 a o s r={r}\nX2 o 0 s", 1 / 6),
    (".param g=3\n.subckt s a b r=1k q={r*g}\nR1 a b {q}\n.ends s\nV1 a 0 1\nX1 a o s r=2k\nX2 o 0 s", 1 / 3),
    (
        ".subckt s a b r=1k\n.subckt t c d q=1\nR1 c d {q*r}\n.ends t\nX1 a m t q=2\nX2 m b t\n.ends s\n"
        "V1 a 0 1\nX1 a o s r=2k\nX2 o 0 s",
        1 / 3,
    ),
    (".global vcc\n.subckt s a\nR1 vcc a 1k\n.ends\nV1 vcc 0 1\nX1 o s\nR2 o 0 1k", 0.5),
    (".param a={b*2}\n.param b=1k\nV1 a 0 1\nR1 a o {a}\nR2 o 0 1k", 1 / 3),
    (".param a=1k b = 2 c={a * b}\nV1 a 0 1\nR1 a o {c}\nR2 o 0 1k", 1 / 3),
    (".param a=1 b={a==1?2k:3k}\nV1 a 0 1\nR1 a o {b}\nR2 o 0 1k", 1 / 3),
    ("V1 a 0 1\nV2 b 0 2\nE1 o 0 POLY(2) (a,0) (b,0) 0.5 2 3\nR2 o 0 1k", 8.5),
    ("V1 a 0 1\nG1 0 o poly(2) a 0 a 0 1m 2m 3m\nR2 o 0 1k", 6.0),
    ("V1 a 0 1\nR1 a 0 1k\nF1 0 o poly(1) V1 1m 2\nR2 o 0 1k", -1.0),
    ("V1 a 0 1\nR1 a 0 1k\nH1 o 0 poly(1) V1 1 2k\nR2 o 0 1k", -1.0),
    ("V1 a 0 1\nR1 a 0 1k\nF1 0 o V1 2 m=3\nR2 o 0 1k", -6.0),
    ("V1 a 0 1\nG1 0 o a 0 2m m=3\nR2 o 0 1k", 6.0),
    ("V1 a 0 1\nE1 o 0 vcvs a 0 gain=2\nR2 o 0 1k", 2.0),
    ("I1 0 o 1m m=3\nR2 o 0 1k", 3.0),
    ("V1 a 0 dc=1 ac=2\n" + HALVES, 0.5),
    ("V1 a 0\n" + HALVES, 0.0),
    ("V1 a 0 PULSE(2 5 0 1n 1n 1u 2u)\n" + HALVES, 1.0),
    ("V1 a 0 SIN(2 5 1k 0 0 30)\n" + HALVES, 2.25),
    ("V1 a 0 PWL(1u 3 2u 4)\n" + HALVES, 1.5),
    ("V1 a 0 7 PULSE(2 5)\n" + HALVES, 3.5),
    ("V1 a 0 ac 1 3\n" + HALVES, 0.0),
    ("V1 a 0 1;x\n  * indented\nR1 a o 1k $x\nR2 o 0 1k // slashes", 0.5),
    ("V1 a 0\n+ 1\nR1 a\n* between\n\n   + o\n+1k\nR2 o 0 1k", 0.5),
    ("V1 a 0 1\nL1 a o 1m\nR2 o 0 1k", 1.0),
    ("V1 a 0 1\nR1 a o 1k\nC1 o 0 1u ic=3\nR2 o 0 1k", 0.5),
    (".param k=2\nV1 a 0 1\nE1 o 0 a 0 {k*2}\nR2 o 0 1k", 4.0),
]


@pytest.mark.parametrize(("text", "voltage"), FORMS)
def test_forms_mean_what_they_mean_to_ngspice(text, voltage):
    # The numbers are ngspice 39's operating points of these files.
    network = with_outputs(parse_netlist("title\n" + text).network, ["o"])
    assert state_space(network).settled[0] == pytest.approx(voltage, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("R1 a gnd! 1k", "gnd!"),
        (".param z=7k\n.subckt s a b\nR1 a b {z}\n.ends\n.subckt t a b z=4k\nX1 a b s\n.ends\nX1 a 0 t", "disagree"),
        (".param a=1k\n.param a=2k\nR1 a 0 {a}", "twice"),
        ("E1 a 0 poly(1) b 0 2\nR1 a 0 1\nR2 b 0 1", "single coefficient"),
        ("E1 a 0 poly(1) b 0 0 2 1", "not linear"),
        ("E1 a 0 table={2*v(b)}", "TABLE"),
        ("R1 a 0 1k\n.end\nR2 a 0 1k", "behind .end"),
        ("R1 a 0 {2**3**2}", "parentheses"),
        ("R1 a 0 0", "resistance of 0"),
        ("R1 a 0 -1k", "noisy=0"),
        ("R1 a 0 1k ac=2k", "ac="),
        ("R1 a 0 1k\nR1 a 0 2k", "two elements"),
        ("F1 a 0 V9 2\nR1 a 0 1", "no voltage source v9"),
        ("K1 L1 L2 1\nL1 a 0 1\nL2 a 0 1", "between -1 and 1"),
        (".temp 20 30\nR1 a 0 1", "one temperature"),
    ],
)
def test_what_is_ambiguous_or_unknown_is_refused(text, reason):
    with pytest.raises(CircuitError, match=reason):
        parse_netlist("title\n" + text)


def test_outputs_are_nodes_differences_and_currents():
    network = parse_netlist("t\nV1 v1 0 dc 2\nR1 v1 b 1k\nR2 b 0 3k").network
    found = with_outputs(network, ["V(B)", "v(v1,b)", "i(V1)", "i(r2)"])
    assert state_space(found).settled == pytest.approx([1.5, 0.5, -5e-4, 5e-4])
    with pytest.raises(CircuitError, match=r"no node 'x'.*i\(q\)"):
        with_outputs(network, ["x", "i(q)"])


def test_what_says_nothing_about_the_circuit_is_told():
    found = parse_netlist("R1 a 0 1k\nR2 a 0 1k\n.tran 1n 1u\n.save all\n")
    assert [notice.partition(":")[0] for notice in found.notices] == ["line 1", "line 3", "line 4"]
    assert len(found.network.elements) == 1


@pytest.mark.parametrize("card", [".step param R 1k 3k 1k", ".STEP temp 0 50 25", ".dc V1 0 5 1"])
def test_what_would_step_values_is_told_with_those_that_are_taken(card):
    # Catches a used parameter's steps told as nothing about the circuit.
    found = parse_netlist(f"t\n.param R=2k\nV1 a 0 1\nR1 a 0 {{R}}\n{card}\n.save all\n")
    taken = "nothing is stepped; the values that .param and the cards themselves give are taken"
    assert found.notices == (
        f"line 5: {card.split()[0].lower()} is left out: {taken}",
        "line 6: .save is left out: it says nothing about the circuit",
    )
    assert found.network.elements[1] == Resistor("r1", "a", "0", 2e3)


SENSED = """t
.subckt s a o
Vs a m 0
L1 m n 1m
R1 n 0 1k
{card}
R2 o 0 10k
C1 o 0 1n
.ends s
X1 a o s m={m}
R3 o 0 500
V1 a 0 1
"""


@pytest.mark.parametrize(
    "card", ["F1 0 o Vs 2", "H1 o 0 poly(1) Vs 0 2", "H1 o 0 Vs 2", "B1 o 0 V=2*i(Vs)", "E1 o 0 value={v(m) - i(Vs)}"]
)
def test_a_current_that_is_sensed_in_several_instances_at_once_is_refused(card):
    # Three copies have 2.609 V; a source of three times a current that is of all three already makes 7.826 V.
    with pytest.raises(CircuitError, match=r"line 6: .1: simulators disagree on the current of vs.*(m).*write each"):
        parse_netlist(SENSED.format(card=card, m=3))
    assert parse_netlist(SENSED.format(card=card, m=1)).network.elements


EXPRESSIONS = [
    ("B1 x 0 V=2*V(in)", "E1 x 0 in 0 2"),
    ("B1 x 0 V = {g}*(V(in) - V(y)) + 1", "E1 x 0 POLY(2) in 0 y 0 1 3 -3"),
    ("B1 x 0 V='g*v(in,y)/2'", "E1 x 0 in y 1.5"),
    ("B1 x 0 V=I(V1)*50 - -v(y)", "E1 x h y 0 1\nH1 h 0 V1 50"),
    ("B1 x 0 V=0*V(in) + g", "V9 x 0 3"),
    ("B1 x 0 I=V(in)/1k m=2", "G1 x 0 in 0 2m"),
    ("E1 x 0 VALUE {V(in)}", "E1 x 0 in 0 1"),
    ("E1 (x 0) value={ 2 * V(in) }", "E1 x 0 in 0 2"),
    ("E1 x 0 vol='g > 2 ? v(in) : v(y)'", "E1 x 0 in 0 1"),
    ("G1 0 x value={v(in,y)*1m + 2m}", "G1 0 x in y 1m\nI9 0 x 2m"),
    ("G1 0 x cur='i(v1)*3'", "F1 0 x V1 3"),
]


def settled(card):
    text = f"t\n.param g=3\nV1 in 0 2\nR1 in y 1k\nR2 y 0 3k\nR3 x 0 7k\n{card}\n"
    return dict(zip("xy", state_space(with_outputs(parse_netlist(text).network, ["x", "y"])).settled, strict=True))


@pytest.mark.parametrize(("card", "same"), EXPRESSIONS)
def test_a_source_with_a_linear_expression_is_the_controlled_source_that_it_says(card, same):
    assert settled(card) == pytest.approx(settled(same), rel=1e-12)


@pytest.mark.parametrize(
    ("card", "word"),
    [
        ("B1 x 0 V=V(in)*V(y)", "product"), ("B1 x 0 V=V(in)^2", "power"), ("B1 x 0 V=sin(V(in))", r"sin\(\)"),
        ("B1 x 0 V=1/V(in)", "division"), ("B1 x 0 V=V(in) > 1 ? 1 : 0", "comparison"), ("B1 x 0 V=time", "time"),
        ("B1 x 0 V=temper*V(in)", "temper"), ("B1 x 0 V=abs(V(in))", r"abs\(\)"), ("B1 x 0 V=I(R1)", "voltage source"),
        ("B1 x 0 V=V(in) tc1=1m", "tc1"), ("B1 x 0 R=V(in)", "V= or I="), ("B1 x 0 V=V(in)%2", "remainder"),
        ("B1 x 0 V=V(in)\\2", "whole part"), ("B1 x 0 V=(6%4)*V(in)", "disagree"),
        ("B1 x 0 V=int(2.5)*V(in)", "disagree"),
        ("B1 x 0 V=sqr(2)*V(in)", "disagree"), ("B1 x 0 V=if(1,2,3)*V(in)", "disagree"),
        ("B1 x 0 V=ddt(V(in))", r"ddt\(\)"), ("E1 x 0 TABLE {V(in)}=(0,0) (1,1)", r"TABLE.*VALUE={\.\.\.}"),
        ("B1 x 0 V=v(in", "'\\)'"),
        ("E1 x 0 LAPLACE {V(in)}={1/(1+s)}", "LAPLACE"), ("B1 x 0 V=V(in)*1e200*1e200", "finite"),
        # Of a negative number ngspice takes the power of its absolute value here, and another one elsewhere.
        ("B1 x 0 V=(-2)^3*V(in)", "disagree"), ("B1 x 0 V=limit(5,1,3)*V(in)", "disagree"),
        ("B1 x 0 V=" + "(" * 70 + "V(in)" + ")" * 70, "(levels|deep)"),
    ],
)  # fmt: skip
def test_an_expression_that_is_not_linear_is_refused_by_what_makes_it_so(card, word):
    with pytest.raises(CircuitError, match=f"line 6: .1: .*{word}"):
        parse_netlist(f"t\nV1 in 0 2\nR1 in y 1k\nR2 y 0 3k\nR3 x 0 7k\n{card}\n")


@pytest.mark.parametrize(
    "text",
    [
        "(-2)^3", "(-2)**3", "pow(-2,3)", "pwr(-2,2)", "limit(5,1,3)",
        # ngspice 39 finds 12, 7, 4, 1.5, -3, 1, 5 and 0 for these; a B source finds -12, -1, ...
        "3*-2^2", "3+-2**2", "1 ? -2^2 : 1", "7\\-4", "1 ? --3 : 2", "2 != 4 > 3", "1 ? 0 ? 5 : 6 : 7", "0.5 == 1 >= 1",
        "3 - +--1.5",
    ],
)  # fmt: skip
def test_arithmetic_that_simulators_do_in_different_ways_is_refused(text):
    # ngspice 39 finds 8 or -8 for the cubes, by where they stand, and draws limit() at random.
    # Catches `3*-2^2` as -12: an ngspice parameter of it is 12.
    with pytest.raises(CircuitError, match=r"line 2: parameter p: .*disagree"):
        parse_netlist(f"t\n.param p={{{text}}}\nR1 a 0 1k\nI1 0 a 1\n")


def test_signs_and_comparisons_that_all_read_alike_are_taken():
    text = ".param a={-2^2} b={3 - -4} c={2^-1} d={(1 < 2) == 1} e={1 ? -3 : 2} f={2*(-2^2)} g={0 ? 1 : 0 ? 5 : 6}\n"
    found = elements(text + "V1 x 0 {100*a + b}\nV2 y 0 {c}\nV3 z 0 {d + 10*e}\nV4 u 0 {f + 100*g}\n")
    assert [found[f"v{k}"].dc for k in (1, 2, 3, 4)] == [-393.0, 0.5, -29.0, 592.0]


def test_a_capacitor_with_a_start_of_its_own_keeps_it_beside_those_of_nodes():
    # ngspice 39: the second node is at 0.632 V after one time constant, the first, from 0.25 V on, at 0.724 V.
    # Catches `ic=0` taken for no start.
    found = elements("V1 i 0 1\nR1 i a 1k\nC1 a 0 1n\nR2 i b 1k\nC2 b 0 1n ic=0\n.ic v(a)=0.25 v(b)=0.25")
    assert (found["c1"].initial, found["c2"].initial) == (0.25, 0.0)


@pytest.mark.parametrize(
    "text",
    ["L1 a 0 1m ic=0.1 m=3", "L1 a 0 1m m=2 ic={-1/10}", ".subckt s a\nL1 a 0 1m ic=0.1\n.ends s\nX1 a s m=3"],
)
def test_a_start_of_several_inductors_at_once_is_refused(text):
    # ngspice starts all three together from 0.1 A, where each of three copies has it.
    with pytest.raises(CircuitError, match=r"line [23]: l1: simulators disagree whether ic=.*write each out"):
        parse_netlist(f"t\n{text}\nR1 a 0 1\n")
    started = elements("L1 a 0 1m ic=0 m=2\nL2 a 0 1m m=1 ic=0.1\nR1 a 0 1")
    assert (started["l1"].initial, started["l2"].initial) == (0.0, 0.1)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("PULSE(0 1 0 1n 1n 0 1u)", "width"),
        ("PULSE(0 1 0 1n 1n 2u 1u)", "period"),
        ("PULSE(0 1 -1u)", "at least 0"),
        ("PULSE(0 1 0 1n 1n 2u 5u 3)", "2 to 7 numbers"),
        ("SIN(0 1)", "3 to 6 numbers"),
        ("SIN(0 1 0)", "frequency above 0"),
        ("EXP(0 1 1u)", "6 to 6 numbers"),
        ("EXP(0 1 2u 1u 1u 1u)", "shorter one first"),
        ("PWL(0 0 1m 1 +2m 0)", "disagree"),
        ("PWL(-1m 0 1m 1)", "from 0 on"),
    ],
)
def test_a_waveform_that_simulators_fill_in_or_read_in_different_ways_is_refused(source, reason):
    with pytest.raises(CircuitError, match=f"line 2: v1: .*{reason}"):
        parse_netlist(f"t\nV1 a 0 {source}\nR1 a 0 1k\n")


def test_what_a_vendor_notes_of_a_part_changes_nothing_and_what_is_inside_of_one_is_refused():
    found = elements('C1 a 0 10n V=50 Irms=0 Rser=0 Lser=0 mfg="KEMET" pn="C 1" type="X7R"\nR1 a 0 4.7k tol=1 pwr=0.1')
    assert (found["c1"].capacitance, found["r1"].resistance) == (1e-8, 4700.0)
    with pytest.raises(CircuitError, match="line 2: c1: rser"):
        parse_netlist("t\nC1 a 0 10n Rser=0.1\nR1 a 0 1k")


@pytest.mark.parametrize("card", [".options rshunt=1e9", ".options scale=2", ".aliases", ".func f(x) {x}"])
def test_cards_that_would_change_the_circuit_are_refused(card):
    # ngspice puts a resistor of rshunt at every node; what follows .aliases is no circuit, to .endaliases.
    with pytest.raises(CircuitError, match=r"line [24]: \."):
        parse_netlist(f"t\n{card}\nR1 a 0 1k\nI1 0 a 1\n")


def test_a_temperature_that_is_asked_for_takes_the_place_of_the_circuits_own():
    text = "t\n.temp 50\nR1 a 0 1k tc1=1e-2\nR2 a 0 1k dtemp=10\nR3 a 0 1k temp=0 tc1=1e-2\nI1 0 a 1m\n"
    network = parse_netlist(text, temperature=350.15).network
    by_name = {e.name: e for e in network.elements}
    assert network.temperature == 350.15
    assert by_name["r1"].resistance == pytest.approx(1500.0)
    assert by_name["r2"].temperature == pytest.approx(360.15)
    assert by_name["r3"].resistance == pytest.approx(730.0)
    with pytest.raises(CircuitError, match="temperature: expected"):
        parse_netlist(text, temperature=-1.0)


OPAMP = """t
V1 in 0 1
R1 m in 1k
R2 out m 10k
X_U1 m 0 out opamp {more}
.subckt opamp 1 2 3
G1 0 3 2 1 {{Aol}}
R3 3 0 1.
C3 3 0 {{Aol/GBW/6.28318530717959}}
.ends opamp
"""


def test_values_of_an_instance_that_its_subcircuit_only_uses_are_taken():
    # LTspice's opamp.sub declares none of its parameters.
    found = parse_netlist(OPAMP.format(more="Aol=1000 GBW=1Meg")).network
    assert {e.name: e for e in found.elements}["x_u1.g1"].gm == 1000.0
    for more, reason in (("Aol=1000 GBW=1Meg gain=2", "no parameter gain"), ("Aol=1000", "no parameter 'gbw'")):
        with pytest.raises(CircuitError, match=reason):
            parse_netlist(OPAMP.format(more=more))
    # ngspice would take the outer value.
    with pytest.raises(CircuitError, match="no parameter aol"):
        parse_netlist(OPAMP.format(more="Aol=1000 GBW=1Meg") + ".param Aol=5\n")
