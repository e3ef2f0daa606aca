"""What `simulate` and `sweep` say of numbers that are not the chip's: the circuit's own equations judge them."""

import json
import sys

import numpy as np
import pytest
import scipy.linalg
import xarray as xr
import yaml
from thermospice.netlists import find_ngspice

SIMULATE = ("simulate", "--no-mismatch", "--json")


def files(folder, **arrays):
    for name, values in arrays.items():
        np.savetxt(folder / f"{name}.csv", values, delimiter=",", fmt="%.17g")


def summary(outcome, code=0):
    assert outcome.code == code, outcome.err
    return json.loads(outcome.out)


def test_stages_of_a_cascade_stay_within_their_rails(run, tmp_path):
    # A = 0.1 * 100 * 0.1 + 0.1 = 1.1 times the identity.
    files(tmp_path, J=0.1 * np.eye(3), H=100 * np.eye(3), b=np.array([1.0, -0.5, 0.7]))
    options = ("--topology", "cascade", "--jacobian", "J.csv", "--hessian", "H.csv", "--damping", 0.1)
    found = summary(run(*SIMULATE, *options, "--drive", "b.csv", "--analysis", "op"))
    np.testing.assert_allclose(found["answer"], np.array([1.0, -0.5, 0.7]) / 1.1, rtol=1e-3)
    np.testing.assert_allclose(found["v"], np.multiply(found["drive_scale"], found["answer"]), rtol=1e-12)
    assert found["drive_scale"] < 1
    assert (found["passed"], found["settled"], found["warnings"]) == (True, True, [])


@pytest.mark.parametrize("level", ["macro", "ideal"])
def test_an_unstable_chip_is_refused_with_its_eigenvalue(run, tmp_path, level):
    # 1 % resistors on a pair whose eigenvalues are 2 and 1e-4; which seed is unstable is worked out by itself.
    files(tmp_path, A=np.array([[1.0, 0.9999], [0.9999, 1.0]]), b=np.array([1.0, 0.5]))
    options = ("--matrix", "A.csv", "--drive", "b.csv", "--analysis", "op", "--level", level)
    outcomes = {}
    for seed in range(6):
        outcome = run("simulate", *options, "--instance-seed", seed, "--json", "--out", f"s{seed}")
        outcomes[seed] = outcome
        if outcome.code == 2:
            outcome.refused("unstable", "eigenvalue -")
    assert 1 <= sum(outcome.code == 2 for outcome in outcomes.values()) <= 5


def test_an_unsettled_transient_shows_where_it_ends(run, tmp_path):
    # One cell, A = 1, tau = 1 us: after half a microsecond it is at 1 - exp(-0.5).
    files(tmp_path, A=np.array([[1.0]]), b=np.array([1.0]))
    files_of = ("--matrix", "A.csv", "--drive", "b.csv", "--topology", "rc-mesh", "--level", "ideal")
    outcome = run(*SIMULATE, *files_of, "--duration", 5e-7)
    found = summary(outcome)
    assert found["v"] == pytest.approx([1 - np.exp(-0.5)], rel=1e-4)
    assert found["relative_error"] == pytest.approx(np.exp(-0.5), rel=1e-3)
    assert not found["settled"]
    assert any("not settled" in text and "60.7%" in text for text in found["warnings"])
    assert found["time_constants"] == pytest.approx([1e-6], rel=1e-9)


@pytest.mark.parametrize("analysis", ["tran", "op"])
def test_an_amplifier_with_swapped_inputs_is_refused(run, tmp_path, analysis):
    # Gain 1e5, one pole, rails by a tanh: the operating point is there, and the circuit runs away from it.
    body = (
        "b1 0 p i = {sign}*1m*tanh((v(plus)-v(minus))*1e3)/1e3\nr1 p 0 1e8\nc1 p 0 10p\nb2 out 0 v = 6*tanh(v(p)/6)\n"
    )
    for name, sign in (("right", 1), ("swapped", -1)):
        head = f".subckt {name} plus minus out vdd vss\n{body.format(sign=sign)}rl vdd vss 1meg\n.ends\n"
        (tmp_path / f"{name}.sub").write_text(head)
    files(tmp_path, A=np.array([[1.0]]), b=np.array([0.2]))
    options = ("--level", "transistor", "--matrix", "A.csv", "--drive", "b.csv", "--trust", "--supply", -5, 5)
    good = summary(run(*SIMULATE, *options, "--amplifier", "right.sub", "--analysis", analysis, "--out", "good"))
    assert good["passed"]
    outcome = run(*SIMULATE, *options, "--amplifier", "swapped.sub", "--analysis", analysis, "--out", "bad")
    # Seen on its bench, before a chip with it is believed.
    outcome.refused("swapped.sub", "subcircuit swapped", "plus and minus are reversed")


LYING = """#!{python}
import re, subprocess, sys
done = subprocess.run([{real!r}, *sys.argv[1:]])
if "--version" in sys.argv:
    sys.exit(done.returncode)
path = sys.argv[sys.argv.index("-r") + 1] if "-r" in sys.argv else None
data = bytearray(open(path, "rb").read())
at = 0
while (begin := data.find(b"Binary:\\n", at)) >= 0:
    head = data[at:begin].decode("latin-1")
    count = int(re.search(r"No. Variables: *([0-9]+)", head).group(1))
    rows = int(re.search(r"No. Points: *([0-9]+)", head).group(1))
    width = 16 if "complex" in head else 8
    start = begin + 8
    for row in range(rows):
        place = start + row * count * width
        first, last = place + width, place + count * width
        if {how!r} == "zeros":
            data[first:last] = bytes(last - first)
        elif count > 2:
            a, b = bytes(data[first:first + width]), bytes(data[first + width:first + 2 * width])
            data[first:first + width], data[first + width:first + 2 * width] = b, a
    at = start + rows * count * width
open(path, "wb").write(bytes(data))
sys.exit(done.returncode)
"""


def liar(folder, monkeypatch, how):
    """An ngspice whose results are zeros, or those of its first two outputs exchanged."""
    path = folder / "liar"
    path.write_text(LYING.format(python=sys.executable, real=str(find_ngspice().path), how=how))
    path.chmod(0o755)
    monkeypatch.setenv("THERMOSPICE_NGSPICE", str(path))


@pytest.mark.parametrize(
    ("analysis", "how"),
    [("op", "zeros"), ("tran", "zeros"), ("tran", "swapped"), ("ac", "swapped"), ("noise", "zeros")],
)
def test_a_simulator_that_lies_is_found_out(run, tmp_path, monkeypatch, analysis, how):
    liar(tmp_path, monkeypatch, how)
    outcome = run("simulate", "--size", 2, "--analysis", analysis, "--json")
    if outcome.code == 2:
        # The start-up test of the simulator finds it out before its numbers are compared with any prediction.
        assert "wrong answers to a known circuit" in outcome.err or "ngspice" in outcome.err
        return
    found = summary(outcome, 1)
    assert not found["passed"]
    assert "away from its linear prediction" in " ".join(found["warnings"])


def test_noise_has_its_rms_and_can_be_limited_to_a_band(run, tmp_path):
    # One RC cell: density 4kTR/(1 + (2 pi f RC)^2), so that a band holds (2kT/(pi C)) [atan(2 pi f RC)].
    files(tmp_path, A=np.array([[1.0]]), b=np.array([1.0]))
    options = (
        "--design",
        "ideal",
        "--level",
        "ideal",
        "--topology",
        "rc-mesh",
        "--matrix",
        "A.csv",
        "--drive",
        "b.csv",
    )
    whole = summary(run(*SIMULATE, *options, "--analysis", "noise", "--out", "whole"))
    kTC = 1.380649e-23 * 300.15 / 1e-9
    assert whole["rms"] == pytest.approx([np.sqrt(kTC)], rel=2e-5)
    low, high = 3e4, 2.2e5
    part = summary(run(*SIMULATE, *options, "--analysis", "noise", "--band", low, high, "--out", "part"))
    atan = [np.arctan(2 * np.pi * f * 1e-6) for f in (low, high)]
    expected = 2 / np.pi * kTC * (atan[1] - atan[0])
    assert part["covariance"][0][0] == pytest.approx(expected, rel=2e-5)
    assert part["rms"] == pytest.approx([np.sqrt(expected)], rel=2e-5)
    assert part["band"] == [low, high]
    data = xr.load_dataset(tmp_path / "part" / "measurement.nc", engine="h5netcdf")
    # A calibration must not take it for the whole.
    assert "covariance" not in data


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--analysis", "op", "--band", 1, 2), ("--band", "analysis noise")),
        (("--analysis", "noise", "--band", 2, 1), ("--band", "the lower one first")),
        (("--analysis", "noise", "--band", 0, 1), ("--band", "the lower one first")),
    ],
)
def test_bands_that_are_refused(run, arguments, words):
    run("simulate", "--size", 1, *arguments).refused(*words)


HILBERT = [[1 / (i + j + 1) for j in range(6)] for i in range(6)]


def test_one_judgement_for_simulate_and_sweep(run, tmp_path):
    # Condition number 1.5e7 against the gain of 1e7 that stands for an ideal amplifier: right is (-6, 210, ...).
    files(tmp_path, A=np.array(HILBERT), b=np.ones(6))
    ideal = ("--matrix", "A.csv", "--drive", "b.csv", "--level", "ideal", "--analysis", "op")
    told = summary(run(*SIMULATE, *ideal), 1)
    np.testing.assert_allclose(told["x"], [-6, 210, -1680, 5040, -6300, 2772], rtol=1e-6)
    assert told["relative_error"] > 0.1
    assert "gain of 1e7" in told["warnings"][0]
    circuit = {"design": "ideal", "level": "ideal", "size": 6, "topology": "crossbar", "mismatch": False}
    study = {
        "name": "hilbert",
        "kind": "circuit",
        "circuit": {**circuit, "program": {"A": HILBERT, "b": [1.0] * 6}},
        "parameters": {"design.temperature": [290.0, 300.0]},
    }
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(study))
    outcome = run("sweep", "s.yaml", "--workers", 1, "--out", "swept", "--json")
    assert outcome.code == 1, (outcome.out, outcome.err)
    assert "gain of 1e7" in (tmp_path / "swept" / "table.csv").read_text()


def test_a_chain_of_cells_is_given_its_time(run, tmp_path):
    # One eigenvalue, 1, and a way through 12 cells: after 14 time constants a quarter of it is still left.
    n = 12
    chain, b = np.eye(n) - 2 * np.diag(np.ones(n - 1), 1), np.zeros(n)
    b[-1] = 2e-5
    x = 2e-5 * 2.0 ** np.arange(n - 1, -1, -1)
    times = np.linspace(0, 40, 4001)
    left = np.array([np.linalg.norm(scipy.linalg.expm(-chain * t) @ x) for t in times]) / np.linalg.norm(x)
    assert left[1400] > 0.2
    right = times[np.flatnonzero(left > 0.01)[-1]] * 1e-6
    circuit = {"design": "ideal", "level": "ideal", "size": n, "topology": "crossbar", "mismatch": False}
    study = {"name": "chain", "kind": "circuit", "parameters": {"design.temperature": [300.0]}}
    program = {"A": chain.tolist(), "b": b.tolist()}
    study["circuit"] = {**circuit, "program": program, "analyses": ["tran"], "settle_tolerance": 0.01}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(study))
    outcome = run("sweep", "s.yaml", "--workers", 1, "--out", "swept", "--json")
    assert outcome.code == 0, (outcome.out, outcome.err)
    found = xr.load_dataset(tmp_path / "swept" / "results.nc", engine="h5netcdf")
    assert found.settle_time.values.ravel() == pytest.approx([right], rel=2e-3)
    files(tmp_path, A=chain, b=b)
    one = summary(run(*SIMULATE, "--level", "ideal", "--matrix", "A.csv", "--drive", "b.csv"))
    assert one["settled"]
    np.testing.assert_allclose(one["answer"], x, rtol=1e-3)


def test_a_study_gives_no_settling_time_of_what_did_not_settle(run, tmp_path):
    # Catches the end of a transient taken for where it goes: half a time constant is no settling.
    circuit = {"design": "ideal", "level": "ideal", "size": 1, "topology": "rc-mesh", "mismatch": False}
    circuit |= {"program": {"A": [[1.0]], "b": [1.0]}, "analyses": ["tran"], "duration": 5e-7}
    study = {"name": "short", "kind": "circuit", "circuit": circuit, "parameters": {"design.temperature": [300.0]}}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(study))
    outcome = run("sweep", "s.yaml", "--workers", 1, "--out", "swept", "--json")
    assert outcome.code == 0, (outcome.out, outcome.err)
    found = xr.load_dataset(tmp_path / "swept" / "results.nc", engine="h5netcdf")
    assert np.isnan(found.settle_time.values).all()
