"""Files drawn from the forms of each card: what is read is what the simulator finds in the file itself."""

import random
import subprocess

import numpy as np
import pytest
from thermospice.circuits import read_netlist
from thermospice.circuits.linear_circuits import LinearCircuit
from thermospice.circuits.spice_files import with_outputs
from thermospice.netlists import find_ngspice
from thermospice.netlists.simulators import read_raw

RESISTORS = (
    "{v}", "{v}", "R={v}", "{v} m=2", "{v} tc1=1m", "{v} tc1=1m tc2=2u", "rm {v}", "{v} dtemp=10", "{v} scale=2",
    "{v} ; note", "\n+ {v}", "{v} $ note", "{v} temp=40",
)  # fmt: skip
VALUES = ("1k", "2.2k", "470", "10K", "3e3", "{r1}", "{r1*2}", "'r1+1k'", "{2*r1/3}", "1meg", "5R")
CAPACITORS = ("{{cc}}", "1n", "100p m=3", "C=2n", "1n tc1=1m", "cm 1n", "1nF ic=0")
FORMS = (
    "E{k} {p} 0 {x} {y} {f}", "E{k} {p} 0 ({x},{y}) {f}", "E{k} {p} 0 VALUE={{2*V(a)-V(b)}}",
    "E{k} {p} 0 POLY(1) {x} {y} 0.1 2", "E{k} {p} 0 POLY(2) {x} {y} {u} {v} 0.2 2 -0.5",
    "E{k} {p} 0 VOL='g + V(a)*g'", "G{k} 0 {p} {x} {y} 1m", "G{k} 0 {p} {x} {y} 1m m=2",
    "G{k} {p} 0 POLY(2) ({x},{y}) ({u},{v}) 0 1m 1m", "G{k} {p} 0 VALUE={{1m*(1 - V(a))/2}}",
    "F{k} {p} 0 V1 {f}", "F{k} {p} 0 POLY(1) V1 0 2", "H{k} {p} 0 V1 {{r1}}", "H{k} {p} 0 POLY(1) V1 0.1 100",
    "B{k} {p} 0 V=1+V(a)*2", "B{k} 0 {p} I={{1m*V(b)}}", "I{k} {p} 0 1m", "Xs{k} {p} a blk", "Xs{k} {p} b blk r=3k",
    "Xs{k} {p} b blk params: r=3k gg=2", "Xs{k} a {p} blk m=2",
)  # fmt: skip
FACTORS = ("2", "0.5", "-1.5", "{g}", "{g/2}", "'g*3'", "-2m")
DRIVES = ("1", "dc 1 ac 1", "DC 2 AC 1", "dc=0.5", "1 ac 2", "dc 1 ac 1 90", "0.7 sin(0 1 1k)", "ac=1 dc=2")
CONDITIONS = ("", "", ".temp 40", ".options temp=50", ".options tnom=20", ".global b")
EDGES = (("a", "b"), ("b", "c"), ("c", "d"), ("d", "0"), ("b", "0"), ("c", "0"))
BLOCK = (
    ".subckt blk in out r=1k gg=1\n.param half={r/2}\nR1 in m {half}\nR2 m out {r}\nEg q 0 m out {gg}\nRq q m 2k\n.ends"
)
PARTS = 3


def drawn(seed: int) -> str:
    """A ladder of resistors with capacitors, and three parts that follow it."""
    rng = random.Random(seed)
    lines = [".param r1=1.5k g=0.4 cc=10n", "V1 a 0 " + rng.choice(DRIVES), BLOCK, rng.choice(CONDITIONS)]
    lines += [".model rm r(tc1=1e-3 tnom=20)", ".model cm c(tc1=1e-3)"]
    for k, (x, y) in enumerate(EDGES):
        lines.append(f"R{k} {x} {y} " + rng.choice(RESISTORS).format(v=rng.choice(VALUES)))
    for k in range(2):
        lines.append(f"C{k} {' '.join(rng.sample('abcd0', 2))} " + rng.choice(CAPACITORS).format())
    for k in range(PARTS):
        x, y, u, v = (*rng.sample("abcd0", 2), *rng.sample("abcd0", 2))
        form = rng.choice(FORMS).format(k=k, p=f"p{k}", x=x, y=y, u=u, v=v, f=rng.choice(FACTORS))
        lines += [f"Rl{k} p{k} 0 1k", form]
    return "\n".join(["drawn", *lines]) + "\n"


@pytest.mark.parametrize("seed", range(16))
def test_voltages_and_responses_of_a_drawn_file_are_those_of_the_file_in_spice(seed, tmp_path):
    # Catches a default, a suffix, a sign, a temperature or a multiplier that one form of a card reads in its own way.
    labels = ("b", "c", "d", *(f"p{k}" for k in range(PARTS)))
    (tmp_path / "drawn.cir").write_text(drawn(seed) + ".op\n.ac lin 1 5k 5k\n.end\n")
    circuit = LinearCircuit.of(with_outputs(read_netlist(tmp_path / "drawn.cir"), labels), labels)
    command = [find_ngspice().path, "-n", "-b", "-r", "o.raw", "drawn.cir"]
    subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    plots = {plot.name.split()[0]: plot for plot in read_raw((tmp_path / "o.raw").read_bytes())}
    voltages = [plots["Operating"][f"v({label})"].real.item() for label in labels]
    np.testing.assert_allclose(circuit.settled, voltages, rtol=1e-6, atol=1e-9)
    if "AC" not in plots:  # the simulator leaves an analysis out that nothing drives
        return
    amplitudes = [e.ac if e.ac is not None else e.dc * e.drive for e in circuit.pencil.sources]
    responses = [plots["AC"][f"v({label})"].item() for label in labels]
    np.testing.assert_allclose(circuit.transfer(np.array([5e3]))[0] @ amplitudes, responses, rtol=1e-6, atol=1e-9)
