"""Expressions mean what the simulator takes them for."""

import random
import subprocess

import pytest
from thermospice.circuits import CircuitError, read_netlist
from thermospice.circuits.linear_circuits import LinearCircuit
from thermospice.circuits.spice_files import parse_netlist, with_outputs
from thermospice.netlists import find_ngspice
from thermospice.netlists.simulators import read_raw

QUANTITIES = ("v(a)", "v(b)", "v(a,b)", "i(va)")
NUMBERS = ("2", "0.5", "1.5", "3")


def linear(rng: random.Random, depth: int) -> str:
    """A sum of quantities and constants in some order, with factors before, behind and below."""
    parts = [_term(rng, depth) for _ in range(rng.randint(1, 4))]
    text = rng.choice(("", "-")) + parts[0]
    for part in parts[1:]:
        text += rng.choice((" + ", " - ", "+", "-")) + part
    return text


def _term(rng: random.Random, depth: int) -> str:
    number = rng.choice(NUMBERS)
    if rng.random() < 0.3:
        return number
    quantity = f"({linear(rng, depth - 1)})" if depth and rng.random() < 0.4 else rng.choice(QUANTITIES)
    return rng.choice(("{q}", "{n}*{q}", "{q}*{n}", "{q}/{n}", "{n}*{q}/4")).format(q=quantity, n=number)


def test_sums_of_voltages_currents_and_constants_in_any_order_are_those_of_spice(tmp_path):
    # Catches a constant before a voltage that was taken away, as 2 + v(a) once was: all orders are among 120 sums.
    rng = random.Random(0)
    cards = [f"B{k} o{k} 0 V={linear(rng, 2)}\nR{k} o{k} 0 1k" for k in range(120)]
    path = tmp_path / "sums.cir"
    path.write_text("sums\nVa a 0 0.7\nRa a 0 250\nVb b 0 -0.3\n" + "\n".join(cards) + "\n.op\n.end\n")
    labels = tuple(f"o{k}" for k in range(120))
    settled = LinearCircuit.of(with_outputs(read_netlist(path), labels), labels).settled
    # the simulator reads the file itself
    command = [find_ngspice().path, "-n", "-b", "-r", "o.raw", "sums.cir"]
    subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    (plot,) = read_raw((tmp_path / "o.raw").read_bytes())
    assert settled == pytest.approx([plot[f"v({label})"].real.item() for label in labels], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "0.5 > -p && 1.5",
        "2*-p",
        "2 + -p*3",
        "!p >= q",
        "!p && q",
        "-p\\q",
        "p % 0.001",
        "2^-p\\q",
        "1 - -q > 1",
        "2mil",
    ],
)
def test_signs_on_which_simulators_disagree_are_refused(text):
    # Each is another number in ngspice 39 than by the rules of arithmetic, or an error there.
    with pytest.raises(CircuitError, match="simulators disagree"):
        parse_netlist(f"title\n.param p=2 q=0.25\nR1 a 0 {{{text}}}")


FOLLOWER = ".subckt amp i o g=1 k=10\n.param r0=8\nE1 o 0 i 0 {g}\nR1 i 0 1k m=3\n.ends\n"


@pytest.mark.parametrize(
    "cards",
    [
        "B1 o 0 V=V(a)*{k+1}", "B1 o 0 V={k+1}*V(a)", "B1 o 0 V=V(a)/{k*2}", "B1 o 0 V=1-{k-3}", "B1 o 0 V={V(a)+1}*2",
        "B1 o 0 V=V(a)*{k>1}", "B1 o 0 V={-k}^2*V(a)", "E1 o 0 VALUE={V(a)*{k+1}}", "E1 o 0 VOL='V(a)*{k+1}'",
        FOLLOWER + "X1 a o amp g={k+1}", FOLLOWER + "X1 a o amp g=k", FOLLOWER + "X1 a o amp g={r0}",
        FOLLOWER + "X1 a o amp g={k+1} k=5", FOLLOWER + "X1 a o amp m=2",
        ".subckt s a\nG1 a 0 a 0 1m m=3\n.ends\nX1 a s m=2", ".subckt s a\nI1 a 0 1m m=3\n.ends\nX1 a s m=2",
        FOLLOWER + ".subckt two i o\nX2 i o amp m=3\n.ends\nX1 a o two m=2",
        FOLLOWER + "X1 a o amp m=1",
        ".subckt s i o\nR1 i o 1k\n.ends\n.subckt two i o\nX2 i o s\n.ends\nX1 a o two m=2",
    ],
)  # fmt: skip
def test_what_ngspice_reads_otherwise_than_its_text_says_is_refused(cards):
    # ngspice 39 pastes what stands in braces, takes a subcircuit's own parameter for the caller's of the same name, and
    # lets the outer m replace an inner one, be it 1, and not reach what is nested: each is another number there.
    with pytest.raises(CircuitError, match="simulators disagree"):
        parse_netlist(f"title\n.param k=2 r0=3\nV1 a 0 0.7\nRo o 0 1k\n{cards}\n")


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ("B1 o 0 V=V(a)*{k}", 1.4), ("B1 o 0 V={k*2}*V(a)", 2.8), ("B1 o 0 V=V(a)*{(k+1)}", 2.1),
        ("B1 o 0 V={V(a)*k + 0.5*V(a)} + 0.25", 2.0), ("E1 o 0 VALUE={V(a)*(k+1)}", 2.1),
        (FOLLOWER + "X1 a o amp g={2*q}", 1.05), (FOLLOWER + "X1 a o amp k={k*2} g=3", 2.1),
    ],
)  # fmt: skip
def test_braces_and_parameters_that_can_be_read_in_one_way_alone_are_taken(cards, expected):
    network = parse_netlist(f"title\n.param k=2 q=0.75\nV1 a 0 0.7\nRo o 0 1k\n{cards}\n").network
    assert LinearCircuit.of(with_outputs(network, ("o",)), ("o",)).settled == pytest.approx([expected], rel=1e-12)


MISREAD = (
    # another number in ngspice 39 than the text says
    "L1 a o 1m m=2\nL2 o 0 1m\nK1 L1 L2 0.5", ".subckt s i o\nL1 i 0 1m\nL2 o 0 1m\nK1 L1 L2 0.5\n.ends\nX1 a o s m=2",
    "C1 a o mm\n.model mm c(c=1u)", "L1 a o mm\n.model mm l(l=1m)", "R1 a o mm\n.model mm r(r=2u)",
    "R1 a o 1k tc1=1m\n.temp 50C", "R1 a o 1k tc1=1m\n.temp k", "R1 a o 1k tc1=1m\n.options temp=k",
    "R1 a o 1k tc1=1m\n.options temp 50", "R1 a o\n; a comment\n+ 1k", "R1 a o 2D+3", "R1 a o {2d+3}", "R1 a o {2d3}",
    ".param z = 2 * 3 y=1\nR1 a o {z}", ".param z=3 - 1 y=2\nR1 a o {z}", ".param temper=3\nR1 a o {temper}",
    ".param sqrt=3\nR1 a o {sqrt}", ".param pi=3\nB1 o 0 V=pi*V(a)", "B1 o 0 V={e}*V(a)\n.param e=2",
    ".subckt s i o y=1\nR1 i o {y}\n.ends\nX1 a o s (y=3)", ".subckt s i o y=1\nR1 i o {y}\n.ends\nX1 a o s y=2mil",
    ".global g1\n.subckt s i g1\nR1 i g1 1k\n.ends\nX1 a o s\nR2 g1 0 1k",
    # refused there
    "B1 o 0 V=6%4", "E1 o 0 VALUE={int(2.7)*V(a)}", "R1 a o {atan2(1,2)}", "R1 a o {if(k>1,5,6)}",
    "B1 o 0 V=arctan(1)*V(a)",
    "E1 o 0 VALUE=2*V(a)", "E1 o 0 VOL=V(a)*2", "G1 o 0 CUR=V(a)*2m", "E1 (o,0) VALUE={V(a)}", "R1 a o 1k tc=1m,2u",
    "R1 a o (k)", "R1 a o {k} mm\n.model mm r(tc1=1m)", "C1 a o 1u mm\n.model mm c(tc1=1m)",
    "L1 a o 1m mm\n.model mm l(tc1=1m)", "R1 a o 1k mm\n.model mm r(tc1=k)", "G1 o 0 POLY(1) a 0 0 2m m=2",
    ".subckt s i o\nF2 i o POLY(1) V2 0 2\nV2 c 0 0\nR1 i c 1k\n.ends\nX1 a o s m=1", "G1 o 0 m=2 a 0 2m",
    "I2 a o m=2 1m", "L1 a o m=2 l=1m", "F1 o 0 cccs V1 2 m=2",
    "V2 a o ac k", "V2 a o sin(k k 1k)", "R1 a o 1k\n#R2 a o 1k", ".param z=1k, y=2k\nR1 a o {z}",
    ".subckt s i o y=1\nR1 i o {y}\n.ends\nX1 a o s y=2,", ".param a.b=3\nR1 a o {a.b}",
)  # fmt: skip


@pytest.mark.parametrize("cards", MISREAD)
def test_a_form_that_ngspice_reads_otherwise_or_not_at_all_is_refused_by_its_line(cards):
    # ngspice 39 reads 2D+3 as 5, a temperature with a unit as none, c= in a model as no capacitance, ...
    with pytest.raises(CircuitError, match=r"circuit: line \d+: [^;]*simulators disagree"):
        parse_netlist(f"title\n.param k=2\nV1 a 0 0.7\nRo o 0 1k\n{cards}\n")
