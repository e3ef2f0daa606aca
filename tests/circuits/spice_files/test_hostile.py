"""A netlist is code to a simulator and data to the reader: nothing of it runs, and no other file is opened."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from thermospice.circuits import CircuitError, read_netlist, state_space
from thermospice.circuits.spice_files import netlist_text, parse_netlist, read_spice_file

BOMBS = Path(__file__).parent / "bombs.py"
GOOD = """a filter
.param r=1k
.subckt lp in out params: c=1n
R1 in out {r*2} tc1=1e-3 dtemp=5
C1 out 0 {c}
.ends lp
V1 in 0 dc 1 ac 1
X1 in out lp c=2n ; a comment
E1 buf 0 POLY(1) out 0 0.5 2
L1 buf end 1m
K1 L1 L2 0.5
L2 end low 2m
R8 low 0 1k
R9 end 0 1Meg $ another
.ac dec 10 1 1k
.end
"""

CARDS = [
    ".control\nshell touch {canary}\n.endc",
    ".shell touch {canary}",
    ".csparam x={{1}}",
    ".func f(x) {{x}}",
    ".codemodel /tmp/x.cm",
    ".include /etc/passwd",
    '.include "/etc/passwd"',
    ".lib /etc/passwd tt",
    ".inc `touch {canary}`",
    ".param x=`touch {canary}`",
    ".param f(x)={{x*2}}",
    ".if (1)\n.endif",
    ".options ngbehavior=all\n.exec touch {canary}",
    ".hdl x.va",
    ".pre_osdi x",
    ".global `x`\nR7 `x` 0 1k",
    "B1 a 0 v=system(1)",
    "A1 a b filesource",
    "R7 a 0 {{__import__('os').system('touch {canary}')}}",
    "R7 a 0 '`touch {canary}`'",
    "V8 a 0 dc 1 trnoise(1 1 1 1)",
    "V8 a 0 external",
    "V8 a 0 PWL file=/etc/passwd",
    "V8 a 0 wavefile=/etc/passwd",
    "D1 a 0 d",
    "Q1 a b c q",
    "M1 a b c d m",
    "J1 a b c j",
    "S1 a 0 b 0 s",
    "W1 a 0 V1 s",
    "T1 a 0 b 0 z0=50",
    "R7 a 0 {{1/0}}",
    "R7 a 0 {{sqrt(-1)}}",
    "R7 a 0 {{exp(1e9)}}",
    "R7 a 0 {{nothing}}",
    "R7 a 0 nan",
    "R7 a 0 inf",
    "R7 a 0 {{gauss(1,1,1)}}",
    "X8 a b nothing",
    ".param p={{q}} q={{p}}",
    ".temp -400",
    ".subckt open a b",
]


@pytest.mark.parametrize("card", CARDS)
def test_cards_that_are_no_circuit_are_refused_with_their_line(card, tmp_path):
    canary = tmp_path / "canary"
    path = tmp_path / "x.cir"
    lines = GOOD.splitlines()
    path.write_text("\n".join([*lines[:-1], card.format(canary=canary), lines[-1], ""]))
    with pytest.raises(CircuitError, match=r"line 1[67]") as refused:
        read_netlist(path)
    assert "\n" not in str(refused.value)
    assert not canary.exists()


COMMENTS = ["* {attack}", "*# {attack}", "*ng_script_with_params\n* {attack}", "R7 in 0 1k ; {attack}"]


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("attack", ["shell touch {canary}", "`touch {canary}`", ".control", "set x = `touch {canary}`"])
def test_attacks_in_comments_and_titles_are_nothing(comment, attack, tmp_path):
    canary = tmp_path / "canary"
    said = attack.format(canary=canary)
    path = tmp_path / "x.cir"
    path.write_text(f"{said}\n" + GOOD.partition("\n")[2].replace(".end\n", comment.format(attack=said) + "\n.end\n"))
    found = read_spice_file(path)
    assert state_space(found.network).settled.size
    assert not canary.exists()


def test_all_faults_are_told_at_once():
    text = "t\nD1 a 0 x\nR1 a 0 1k\nQ2 a b c x\n.control\n.endc\nR3 a 0 4k7\n"
    with pytest.raises(CircuitError) as refused:
        parse_netlist(text)
    for line in (2, 4, 5, 7):
        assert f"line {line}: " in str(refused.value)


def test_files_are_included_when_asked_and_from_the_own_folder_alone(tmp_path):
    folder = tmp_path / "board"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "a.inc").write_text("R1 a 0 1k\n.include b.inc\n")
    (folder / "b.inc").write_text("R2 a 0 2k\n")
    (tmp_path / "secret.inc").write_text("R3 a 0 3k\n")
    (folder / "link.inc").symlink_to(tmp_path / "secret.inc")
    path = folder / "x.cir"
    path.write_text("t\n.include 'parts/a.inc'\nI1 0 a 1\n")
    with pytest.raises(CircuitError, match=r"line 2: \.include.*asked for"):
        read_netlist(path)
    assert [e.name for e in read_netlist(path, include=True).elements] == ["r1", "r2", "i1"]
    outside = ("../secret.inc", "..\\secret.inc", str(tmp_path / "secret.inc"), "link.inc", "parts/../../secret.inc")
    for name in (*outside, "parts/../b.inc", "~/x", "c:/x", ".", "no", "parts", "a" * 300):
        path.write_text(f"t\n.include {name}\nI1 0 a 1\nR1 a 0 1\n")
        with pytest.raises(CircuitError, match=r"line 2: \.include"):
            read_netlist(path, include=True)


def test_a_file_that_includes_itself_is_refused(tmp_path):
    path = tmp_path / "x.cir"
    path.write_text("t\n.include y.inc\n")
    (tmp_path / "y.inc").write_text(".include y.inc\n")
    with pytest.raises(CircuitError, match="includes itself"):
        read_netlist(path, include=True)


def test_a_file_is_looked_for_beside_the_one_that_includes_it_first(tmp_path):
    # As ngspice does: the other way round another resistor is taken without a word.
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.inc").write_text(".include b.inc\n")
    (tmp_path / "parts" / "b.inc").write_text("R1 a 0 1k\n")
    (tmp_path / "b.inc").write_text("R1 a 0 2k\n")
    (tmp_path / "x.cir").write_text("t\n.include parts\\a.inc\nI1 0 a 1\n")
    found = read_netlist(tmp_path / "x.cir", include=True)
    assert found.elements[0].resistance == 1e3
    assert parse_netlist(netlist_text(tmp_path / "x.cir", include=True)).network.elements == found.elements


def test_a_section_of_a_library_is_taken(tmp_path):
    (tmp_path / "x.lib").write_text(".lib tt\n.param r=1k\n.endl\n.lib ff\n.param r=2k\n.endl\n")
    path = tmp_path / "x.cir"
    path.write_text("t\n.lib 'x.lib' ff\nI1 0 a 1\nR1 a 0 {r}\n")
    assert state_space(read_netlist(path, include=True)).settled[0] == pytest.approx(2000.0)


def test_what_would_grow_without_bound_is_refused_soon():
    # In a process of its own, where no function checks the types of its arguments.
    done = subprocess.run([sys.executable, BOMBS], capture_output=True, text=True, timeout=100, check=True)
    found = json.loads(done.stdout)
    assert len(found) > 15
    assert {name: said for name, (said, _) in found.items() if len(said) > 5000 or "\n" in said or not said} == {}
    assert {name: seconds for name, (_, seconds) in found.items() if seconds > 5.0} == {}


@pytest.mark.parametrize(
    "data",
    [b"t\nR1 a\0 0 1k\n", "t\nR1 a 0 1k\n".encode("utf-16"), b"", b"\n", b"title only\n", b"\xff\xfe\x00"],
)
def test_what_is_no_text_is_refused(data, tmp_path):
    path = tmp_path / "x.cir"
    path.write_bytes(data)
    with pytest.raises(CircuitError, match=r"x\.cir: "):
        read_netlist(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_those_of_any_system(encoding, end, tmp_path):
    path = tmp_path / "x.cir"
    path.write_bytes("Schaltung für µV\nR1 a 0 1k ; Größe\nC1 a 0 1µF\nI1 0 a 1m\n".replace("\n", end).encode(encoding))
    values = [e for e in read_netlist(path).elements if e.name in ("r1", "c1")]
    assert (values[0].resistance, values[1].capacitance) == (1e3, 1e-6)


def test_pipes_folders_and_devices_are_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, "/dev/zero", tmp_path / "none", "a\0b"):
        with pytest.raises(CircuitError, match="cannot read the circuit"):
            read_netlist(path)


def test_damaged_files_are_read_or_refused_in_one_line():
    # A fuzz without guidance: pieces of the good file exchanged, doubled, cut and spoilt, always the same ones.
    rng = random.Random(0)
    pieces = [
        *GOOD.split(),
        "{",
        "}",
        "'",
        "(",
        ")",
        "=",
        ",",
        "+",
        ".subckt",
        ".ends",
        ".param",
        "0",
        "-1",
        "1e9",
        "\n+",
    ]
    taken = 0
    told = []
    for _ in range(600):
        lines = GOOD.split("\n")
        for _ in range(rng.randint(1, 3)):
            k = rng.randrange(len(lines))
            words = lines[k].split(" ")
            j = rng.randrange(len(words))
            words[j : j + rng.randint(0, 2)] = [rng.choice(pieces)] * rng.randint(0, 2)
            lines[k] = " ".join(words)
        try:
            network = parse_netlist("\n".join(lines)).network
            state_space(network)
            taken += 1
        except CircuitError as error:
            told.append(str(error))
    assert taken > 50
    assert not any("\n" in text for text in told)
