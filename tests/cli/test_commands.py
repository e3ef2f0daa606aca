"""Every command does what its help says: files, summary, exit code."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

COMMANDS = ("run", "designs", "simulate", "symbolic", "calibrate", "verify", "train", "export", "report")


def answer(outcome):
    """The one JSON object on standard output, when the command succeeded."""
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_the_shared_options_and_an_example(run, command):
    text = run(command, "--help").out
    for option in ("--out", "--seed", "--quiet", "--json", f"Example: thermospice {command}"):
        assert option in text


def test_examples_in_the_help_name_real_options(run):
    for command in COMMANDS:
        text = " ".join(run(command, "--help").out.split())
        example = text[text.rindex("Example: ") :]
        for word in example.split():
            if word.startswith("--"):
                assert text.count(word) > example.count(word), (command, word)


def test_designs_lists_and_prints(run, tmp_path):
    names = [design["name"] for design in answer(run("designs", "--json"))["designs"]]
    assert {"ideal", "board-1k-1n", "tngd-reference"} <= set(names)
    (tmp_path / "copy.yaml").write_text(run("designs", "board-1k-1n").out)
    assert (
        answer(run("designs", "copy.yaml", "--json"))["design"]
        == answer(run("designs", "board-1k-1n", "--json"))["design"]
    )


@pytest.mark.parametrize("topology", ["crossbar", "rc-mesh"])
@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_simulate(run, tmp_path, topology, analysis):
    arguments = ("--topology", topology, "--analysis", analysis, "--size", 3, "--seed", 5)
    summary = answer(run("simulate", *arguments, "--out", "new", "--json"))
    folder = tmp_path / "new"
    names = {"circuit.cir", "measurement.nc", "summary.json", "design.yaml", "instance.json", "program.json"}
    told = {"contributors.csv"} if analysis == "noise" else set()
    assert {path.name for path in folder.iterdir()} == names | told | {f"{analysis}.png"}
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert summary["engine"] == "ngspice"
    assert summary["seed"] == summary["instance_seed"] == 5
    program = json.loads((folder / "program.json").read_text())
    np.testing.assert_allclose(np.linalg.solve(program["A"], program["b"]), summary["x"], rtol=1e-12)
    # Mismatch of 1 % and offsets: SPICE must be where the circuit's equations say, not where the program says.
    v, x = np.array(summary["answer"]), np.array(summary["x"])
    np.testing.assert_allclose(summary["v"], summary["drive_scale"] * v, rtol=1e-12)
    assert np.linalg.norm(v - x) / np.linalg.norm(x) == pytest.approx(summary["relative_error"], rel=1e-12)
    assert summary["relative_error"] == pytest.approx(summary["predicted_relative_error"], rel=1e-3)
    assert xr.load_dataset(folder / "measurement.nc", engine="h5netcdf").attrs["analysis"] == analysis


def test_the_written_circuit_runs_as_it_is(run, tmp_path):
    answer(run("simulate", "--size", 2, "--analysis", "op", "--out", "new", "--json"))
    done = subprocess.run(["ngspice", "-b", "circuit.cir"], cwd=tmp_path / "new", capture_output=True, text=True)
    assert "v(out0)" in done.stdout
    assert "rror" not in done.stdout + done.stderr


@pytest.mark.parametrize("n", [1, 3, 16])
def test_ideal_crossbar_solves_the_program_of_the_files(run, tmp_path, n):
    rng = np.random.default_rng(n)
    # Condition number 100, signed, not symmetric.
    Q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    A = (Q * np.geomspace(1, 0.01, n)) @ np.linalg.inv(Q + 0.1 * rng.normal(size=(n, n)) / n)
    A = Q @ np.diag(np.geomspace(1, 0.01, n)) @ Q.T + 0.001 * (A - A.T)
    b = rng.normal(size=n)
    np.savetxt(tmp_path / "A.csv", A, delimiter=",")
    np.savetxt(tmp_path / "b.csv", b)
    files = ("--matrix", "A.csv", "--drive", "b.csv")
    summary = answer(run("simulate", "--level", "ideal", "--no-mismatch", *files, "--analysis", "op", "--json"))
    np.testing.assert_allclose(summary["x"], np.linalg.solve(A, b), rtol=1e-10)
    assert summary["relative_error"] < 2e-4
    macro = answer(run("simulate", "--no-mismatch", *files, "--analysis", "op", "--json"))
    assert macro["relative_error"] == pytest.approx(macro["predicted_relative_error"], rel=1e-2, abs=1e-7)
    assert macro["warnings"] == []


def test_drive_beyond_the_rails_is_said(run, tmp_path):
    (tmp_path / "A.csv").write_text("0.1")
    (tmp_path / "b.csv").write_text("2")
    files = ("--matrix", "A.csv", "--drive", "b.csv", "--analysis", "op", "--json")
    assert any("rails" in warning for warning in answer(run("simulate", *files, "--drive-scale", 1))["warnings"])
    assert answer(run("simulate", *files))["warnings"] == []


def test_temperature_goes_into_the_noise(run):
    def variance(kelvin: float) -> float:
        options = ("--design", "ideal", "--level", "ideal", "--topology", "rc-mesh", "--size", 1, "--analysis", "noise")
        return answer(run("simulate", *options, "--temperature", kelvin, "--json"))["covariance"][0][0]

    # kT/C with C = 1 nF; ngspice's Boltzmann constant is 3.6e-7 off, its integral 1e-5.
    assert variance(300) == pytest.approx(1.380649e-23 * 300 / 1e-9, rel=2e-5)
    assert variance(600) == pytest.approx(2 * variance(300), rel=2e-5)


def test_seeds_decide_chip_and_program(run):
    def summary(*options: object):
        found = answer(run("simulate", "--size", 2, "--analysis", "op", *options, "--json"))
        return found["x"], found["v"]

    assert summary("--seed", 1) == summary("--seed", 1)
    x1, v1 = summary("--seed", 1)
    x2, v2 = summary("--seed", 1, "--instance-seed", 7)
    assert x1 == x2
    assert v1 != v2
    assert summary("--seed", 2)[0] != x1


def test_seeded_noise_repeats(run, tmp_path):
    (tmp_path / "A.csv").write_text("1")
    (tmp_path / "b.csv").write_text("1")

    def waveform(out: str, seed: int):
        chip = ("--topology", "rc-mesh", "--level", "ideal", "--instance-seed", 0, "--noise")
        files = ("--matrix", "A.csv", "--drive", "b.csv")
        answer(run("simulate", *chip, *files, "--seed", seed, "--out", out, "--json"))
        return xr.load_dataset(tmp_path / out / "measurement.nc", engine="h5netcdf")["v"].values

    first = waveform("one", 1)
    np.testing.assert_array_equal(first, waveform("two", 1))
    assert (first != waveform("three", 2)).any()


def test_quiet_says_nothing(run):
    outcome = run("simulate", "--size", 1, "--analysis", "op", "--quiet")
    assert outcome == (0, "", "")


def test_symbolic_matches_numpy(run, tmp_path):
    summary = answer(run("symbolic", "--size", 1, "--out", "new", "--json"))
    assert all(proof["holds"] for proof in summary["proofs"])
    assert summary["expressions"]["settled"] == "[[b_0/a_0_0]]"
    assert "proved: " in (tmp_path / "new" / "symbolic.txt").read_text()
    assert r"\[" in (tmp_path / "new" / "symbolic.tex").read_text()


def test_symbolic_of_a_large_circuit_says_what_it_leaves_out(run):
    summary = answer(run("symbolic", "--size", 5, "--json"))
    assert "settled" not in summary["expressions"]
    assert len(summary["omitted"]) == 5
    assert all(proof["holds"] for proof in summary["proofs"])


def test_verify_passes_and_lists_rows(run, tmp_path):
    options = ("--topology", "crossbar", "--topology", "rc-mesh", "--size", 2, "--seed", 1, "--quick", "--out", "new")
    summary = answer(run("verify", *options, "--json"))
    rows = json.loads((tmp_path / "new" / "fidelity.json").read_text())
    assert summary["rows"] == rows
    assert (summary["passed"], summary["failed"]) == (len(rows), 0)
    for row in rows:
        needed = {"topology", "level", "size", "analysis", "metric", "value", "limit", "passed"}
        assert needed <= set(row) <= needed | {"interval"}
        assert abs(row["value"]) <= row["limit"]
    seen = {(row["topology"], row["level"], row["analysis"]) for row in rows}
    for topology in ("crossbar", "rc-mesh"):
        for level in ("ideal", "macro"):
            assert {a for t, x, a in seen if (t, x) == (topology, level)} >= {"op", "tran", "ac", "noise"}


def test_verify_fails_a_wrong_model(run, tmp_path, monkeypatch):
    from thermospice.behavioral import DeviceModel

    answer(run("calibrate", "--size", 2, "--out", "c", "--json"))
    model = DeviceModel.load(tmp_path / "c" / "device.json")
    assert run("verify", "--device", "c/device.json", "--quiet").code == 0
    # One conductance of four 5 % off: far beyond the limit of 0.2 %.
    wrong = model.errors["conductance"] + np.array([[0.05, 0], [0, 0]])
    DeviceModel(
        model.instance.replace_errors(conductance=wrong), model.level, model.standard_errors, model.gain,
        model.gain_bandwidth, model.noise_scale, model.not_identified, model.provenance,
    ).save(tmp_path / "c" / "device.json")  # fmt: skip
    assert run("verify", "--device", "c/device.json", "--quiet").code == 1


def test_verify_resumes(run, tmp_path, monkeypatch):
    from thermospice.fidelity import _table

    real, calls = _table.rows_of, []

    def interrupted(case, opinions):
        calls.append(case)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(case, opinions)

    monkeypatch.setattr(_table, "rows_of", interrupted)
    options = ("verify", "--topology", "rc-mesh", "--level", "ideal", "--size", 1, "--size", 9)
    outcome = run(*options, "--out", "new", "--quiet")
    assert outcome.code == 130
    assert "--resume new" in outcome.err
    assert run("verify", "--resume", "new", "--quiet").code == 0
    assert len(calls) == 3  # the first chip was not done again
    assert {row["size"] for row in json.loads((tmp_path / "new" / "fidelity.json").read_text())} == {1, 9}


def test_calibrate_recovers_what_was_drawn(run, tmp_path):
    summary = answer(run("calibrate", "--size", 3, "--out", "c", "--json"))
    # At least 3 independent scores (a row's common factor is one): their rms exceeds 2.5 once in three thousand.
    assert summary["rms_z"] < 2.5
    capacitance = [row for row in summary["parameters"] if row["name"] == "capacitance"]
    assert max(row["standard_error"] for row in capacitance) < 0.05 / 3  # drawn with 5 %: the data have said something
    measured = sorted((tmp_path / "c" / "calibration").glob("*.nc"))
    again = answer(run("calibrate", *measured, "--json"))
    estimates = [[row["estimate"] for row in found["parameters"]] for found in (summary, again)]
    np.testing.assert_allclose(*estimates, rtol=1e-6, atol=1e-9)
    assert "rms_z" not in again  # from files alone nobody knows what was drawn


def test_train_leaves_metrics_and_resumes(run, tmp_path):
    options = ("train", "regression", "--optimizer", "sgd", "--steps", 20, "--workers", 1)
    summary = answer(run(*options, "--out", "new", "--json"))
    (entry,) = summary["runs"]
    for name in ("task", "optimizer", "seed", "steps", "train_loss", "test_loss", "elapsed_s"):
        assert name in entry
    assert entry["steps"] == 20
    lines = (tmp_path / "new" / "curves.jsonl").read_text().splitlines()
    assert all("train_loss" in json.loads(line) for line in lines)
    again = answer(run("train", "--resume", "new", "--json"))
    assert again["runs"] == summary["runs"]
    run("train", "regression", "--resume", "new").refused("--resume", "task")


def test_report_of_two_folders(run, tmp_path):
    for out in ("one", "two"):
        answer(run("simulate", "--size", 1, "--analysis", "op", "--out", out, "--json"))
    summary = answer(run("report", "one", "two", "--out", "page", "--json"))
    text = Path(summary["report"]).read_text()
    assert "one" in text
    assert "two" in text
    assert answer(run("report", "one", "--json"))["report"] == "one/report.html"
    # The folder's own summary is still that of the simulation.
    assert json.loads((tmp_path / "one" / "summary.json").read_text())["command"] == "simulate"


def test_verify_says_why_a_simulation_failed_and_tries_it_again(run, dying_ngspice, monkeypatch):
    options = ("--topology", "rc-mesh", "--level", "ideal", "--size", "1", "--quick", "--no-second-opinion")
    first = run("verify", *options, "--out", "checked", "--json", "--quiet")
    rows = json.loads(first.out)["rows"]
    assert first.code == 1
    assert all("killed" in row["reason"] for row in rows if "value" not in row)
    assert any("value" not in row for row in rows)
    monkeypatch.delenv("THERMOSPICE_NGSPICE")
    again = run("verify", "--resume", "checked", "--json", "--quiet")
    assert again.code == 0, again.err
    assert all(row["passed"] and "reason" not in row for row in json.loads(again.out)["rows"])
