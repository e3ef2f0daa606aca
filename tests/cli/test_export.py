"""`thermospice export` as a user calls it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design, Program, RCMesh, Scaling
from thermospice.netlists.simulators import find_ngspice

A = np.array([[1.0, 0.3], [-0.2, 0.8]])


@pytest.fixture
def device(tmp_path):
    chip = Design.preset("board-1k-1n").sample(Crossbar(2), np.random.default_rng(0))
    DeviceModel.nominal(chip).save(tmp_path / "device.json")
    (tmp_path / "A.csv").write_text("1.0,0.3\n-0.2,0.8\n")
    (tmp_path / "b.csv").write_text("0.2\n-0.1\n")
    return DeviceModel.nominal(chip)


def answer(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_the_bench_of_a_subcircuit_runs_as_it_is(run, device, tmp_path):
    found = answer(
        run("export", "device.json", "--to", "spice", "--matrix", "A.csv", "--drive", "b.csv", "--out", "e", "--json")
    )
    command = [find_ngspice().path, "-b", found["files"]["testbench"]]
    done = subprocess.run(command, cwd=tmp_path / "e", capture_output=True, text=True, check=True, timeout=60)
    printed = [float(line.split("=")[1]) for line in done.stdout.splitlines() if line.startswith("v(out")]
    scale = found["drive_scale"]
    expected = device.response(Program(A, np.array([0.2, -0.1])), Scaling(found["conductance_scale"], scale)).settled
    assert printed == pytest.approx(expected, rel=1e-5)  # six digits are printed
    assert found["settled"] == pytest.approx(expected, rel=1e-12)
    response = np.loadtxt(tmp_path / "e" / "response.txt")
    assert response[0, 1] == pytest.approx(expected[0] - device.response(Program(A, np.zeros(2))).settled[0], rel=1e-2)


def test_a_script_runs_alone(run, device, tmp_path):
    found = answer(run("export", "device.json", "--to", "numpy", "--matrix", "A.csv", "--out", "e", "--json"))
    command = [sys.executable, "-I", found["files"]["script"]]
    done = subprocess.run(command, cwd=tmp_path / "e", capture_output=True, text=True, check=True, timeout=60)
    shown = done.stdout.split("settled outputs [V]:")[1].split("]")[0].strip(" [")
    assert np.array(shown.split(), float) == pytest.approx(found["settled"], rel=1e-6)


def test_without_a_matrix_it_says_which_is_loaded(run, device, tmp_path):
    outcome = run("export", "device.json", "--to", "verilog-a", "--seed", 3, "--out", "e")
    assert outcome.code == 0
    assert "random program of seed 3" in outcome.err
    assert np.loadtxt(tmp_path / "e" / "matrix.csv", delimiter=",").shape == (2, 2)
    assert (tmp_path / "e" / "crossbar2.va").read_text().count("endmodule") == 1


def test_an_amplifier_beyond_its_rails_is_told(run, device):
    options = ("export", "device.json", "--to", "spice", "--matrix", "A.csv", "--drive-scale", 1000)
    outcome = run(*options, "--json")
    found = answer(outcome)
    assert found["clipped"]
    assert "settled" not in found
    assert "beyond its rails" in outcome.err


def test_names_in_a_device_do_nothing(run, device, tmp_path):
    # Catches text of a device.json that leaves its comment in a file that others run.
    data = json.loads((tmp_path / "device.json").read_text())
    data["provenance"]["simulators"] = ["x\n.control\nshell touch owned\n.endc", '"""\nimport os\n"""']
    data["provenance"]["instance_digest"] = '\n`include "/etc/passwd"'
    (tmp_path / "device.json").write_text(json.dumps(data))
    for to, suffix in (("spice", "cir"), ("verilog-a", "va"), ("numpy", "py")):
        answer(run("export", "device.json", "--to", to, "--matrix", "A.csv", "--out", to, "--json"))
        text = (tmp_path / to / f"crossbar2.{suffix}").read_text()
        begins = [line.lstrip() for line in text.splitlines()]
        assert not any(line.startswith((".control", "shell", '`include "/', "import os")) for line in begins)
        assert '"""+' not in text


def test_refusals(run, device, tmp_path):
    run("export", "device.json", "--to", "vhdl").refused("--to", "verilog-a, spice, numpy", "'vhdl'")
    run("export", "none.json", "--to", "spice").refused("none.json", "No such file")
    run("export", "device.json", "--to", "spice", "--drive", "b.csv").refused("--matrix and --drive")
    run("export", "device.json", "--to", "spice", "--name", "end\nmodule").refused("--name")
    run("export", "device.json", "--to", "verilog-a", "--name", "module").refused("--name", "'module'")
    run("export", "device.json", "--to", "numpy", "--name", "numpy").refused("--name", "'numpy'")
    run("export", "device.json", "--to", "spice", "--name", "testbench").refused("--name", "'testbench'")
    run("export", "device.json", "--to", "spice", "--name", "out0").refused("--name", "'out0'")
    run("export", "device.json", "--to", "spice", "--matrix", "A.csv", "--damping", 1).refused("--damping")
    (tmp_path / "A.csv").write_text("1,0,0\n0,1,0\n0,0,1\n")
    run("export", "device.json", "--to", "spice", "--matrix", "A.csv").refused("A.csv", "n=2", "3 rows")
    (tmp_path / "A.csv").write_text("-1,0\n0,1\n")
    run("export", "device.json", "--to", "spice", "--matrix", "A.csv").refused("eigenvalue")
    (tmp_path / "device.json").write_text("{}")
    run("export", "device.json", "--to", "spice").refused("device.json")
    assert not (tmp_path / "results").exists()


def test_a_mesh_takes_only_what_it_can_hold(run, tmp_path):
    chip = Design.preset("board-1k-1n").sample(RCMesh(2), np.random.default_rng(0))
    DeviceModel.nominal(chip).save(tmp_path / "device.json")
    (tmp_path / "A.csv").write_text("1.0,0.3\n-0.2,0.8\n")
    run("export", "device.json", "--to", "spice", "--matrix", "A.csv").refused("rc-mesh", "symmetric")


OWN = "t\nV1 in 0 dc 2 ac 1\nR1 in a 1k\nR2 a 0 3k\nC1 a 0 1n\n.end\n"


@pytest.mark.parametrize("kind", ["spice", "verilog-a", "numpy"])
def test_a_netlist_is_exported_like_a_chip(run, tmp_path, kind):
    (tmp_path / "rc.cir").write_text(OWN)
    found = answer(run("export", "--netlist", "rc.cir", "--outputs", "a,in-a", "--to", kind, "--out", "e", "--json"))
    assert found["settled"] == pytest.approx([1.5, 0.5])
    assert (found["outputs"], found["inputs"]) == ({"out0": "a", "out1": "in-a"}, {"b0": "v1"})
    assert all((tmp_path / "e" / name).is_file() for name in found["files"].values())
    if kind == "spice":
        command = [find_ngspice().path, "-b", found["files"]["testbench"]]
        done = subprocess.run(command, cwd=tmp_path / "e", capture_output=True, text=True, check=True, timeout=60)
        printed = [float(line.split("=")[1]) for line in done.stdout.splitlines() if line.startswith("v(out")]
        assert printed == pytest.approx([1.5, 0.5], rel=1e-6)
        assert np.loadtxt(tmp_path / "e" / "response.txt")[0, 1] == pytest.approx(0.75, rel=1e-2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("device.json", "--netlist")),
        (("--netlist", "rc.cir"), ("--outputs",)),
        (("device.json", "--netlist", "rc.cir", "--outputs", "a"), ("--netlist", "device")),
        (("--netlist", "rc.cir", "--outputs", "a", "--matrix", "A.csv"), ("--matrix",)),
        (("--netlist", "rc.cir", "--outputs", "a", "--name", "module"), ("--name",)),
        (("--outputs", "a"), ("--netlist",)),
    ],
)
def test_what_does_not_go_with_an_export_is_refused_in_one_line(run, tmp_path, options, words):
    (tmp_path / "rc.cir").write_text(OWN)
    outcome = run("export", *options, "--to", "spice")
    assert outcome.code == 2
    assert all(word in outcome.err for word in words), outcome.err


@pytest.mark.parametrize(
    ("file", "name"), [("module.cir", "module_circuit"), ("code.cir", "code_circuit"), ("7a.cir", "n7a")]
)
def test_a_netlist_that_is_called_like_a_word_is_exported_under_another_name(run, tmp_path, file, name):
    (tmp_path / file).write_text(OWN)
    for kind in ("verilog-a", "numpy"):
        found = answer(run("export", "--netlist", file, "--outputs", "a", "--to", kind, "--json"))
        assert found["name"] == name
