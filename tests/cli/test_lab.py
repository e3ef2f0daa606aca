"""Lab data through the command line: a bench that shares no code with this package, fitted and held out."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "lab" / "bench.py"


def _bench():
    spec = importlib.util.spec_from_file_location("lab_bench", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bench = _bench()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "lab"
    bench.write_bench(folder, seed=3, programs=4)
    return folder


@pytest.fixture
def lab(made, tmp_path):
    import shutil

    shutil.copytree(made, tmp_path / "lab")
    return tmp_path / "lab"


def records(lab, name):
    return sorted(lab.glob(f"{name}-*.csv"))


def z_scores(folder, truth):
    device = json.loads((folder / "device.json").read_text())
    z = []
    for name in ("conductance", "drive", "capacitance"):
        found, sd = (np.array(part[name]) for part in (device["instance"]["errors"], device["standard_errors"]))
        z += ((found - truth[name]) / sd).ravel().tolist()
    return np.array(z)


def test_a_bench_is_calibrated_and_held_out(run, lab, tmp_path):
    outcome = run("calibrate", "--measurements", lab / "lab.yaml", *records(lab, "step"), "--out", "c", "--json")
    assert outcome.code == 0, outcome.err
    assert "believed: design board-1k-1n, crossbar of 2 cells, level ideal" in outcome.err
    summary = json.loads(outcome.out)
    assert summary["verdict"] == "consistent"
    assert [row["file"] for row in summary["residuals"]] == [path.name for path in records(lab, "step")]
    assert all(row["used"] and 0.5 < row["rms"] < 1.5 for row in summary["residuals"])
    assert any("noise spectrum" in line for line in summary["experiments"])
    z = z_scores(tmp_path / "c", json.loads((lab / "truth.json").read_text()))
    assert np.abs(z).max() < 3.9  # eight normal deviates, once in a thousand
    # lab.yaml is found beside the records.
    held = run("verify", "--device", "c/device.json", "--measurements", *records(lab, "check"), "--json")
    assert held.code == 0, held.err
    rows = json.loads(held.out)["rows"]
    assert [row["passed"] for row in rows] == [True, True]
    assert all(row["value"] <= row["limit"] < 2 for row in rows)
    # Records that were fitted prove nothing, and are told.
    fitted = run("verify", "--device", "c/device.json", "--measurements", records(lab, "step")[0])
    assert "took part in the calibration" in fitted.err


def test_held_out_records_of_another_chip_fail(run, lab, tmp_path):
    # Catches a comparison whose limit grows with whatever it is given.
    run("calibrate", "--measurements", lab / "lab.yaml", *records(lab, "step"), "--out", "c", "--quiet")
    bench.write_bench(tmp_path / "other", seed=4, programs=1)
    text = (tmp_path / "other" / "lab.yaml").read_text()
    command = ("verify", "--device", "c/device.json", "--measurements", tmp_path / "other" / "check-0.csv")
    run(*command).refused("--device", "number 3", "number 4")
    (tmp_path / "other" / "lab.yaml").write_text(text.replace("number 4", "number 3"))
    outcome = run(*command, "--json")
    assert outcome.code == 1
    (row,) = json.loads(outcome.out)["rows"]
    assert row["value"] > row["limit"]
    assert "reason" in row


def test_swapped_channels_are_contradicted(run, lab):
    for path in records(lab, "step"):
        path.write_text(path.read_text().replace("v1 [mV], v2 [mV]", "v2 [mV], v1 [mV]"))
    outcome = run("calibrate", "--measurements", lab / "lab.yaml", *records(lab, "step"), "--json")
    assert outcome.code == 2 or json.loads(outcome.out)["verdict"] == "contradicted"


def distorted(path):
    """A record half of whose signal is lost, as behind a divider."""
    head, *rows = path.read_text().splitlines()
    cells = [row.split(",") for row in rows]
    path.write_text("\n".join([head, *(f"{t},{0.5 * float(a)},{0.5 * float(b)}" for t, a, b in cells)]) + "\n")


@pytest.mark.parametrize(("kept", "verdict", "code"), [(4, "consistent", 0), (3, "contradicted", 1)])
def test_one_record_in_four_may_be_unlike_the_others(run, lab, tmp_path, kept, verdict, code):
    # Catches a fit of the many that calls itself consistent while a third of what it was given says otherwise.
    steps = records(lab, "step")[:kept]
    distorted(steps[0])
    outcome = run("calibrate", "--measurements", lab / "lab.yaml", *steps, "--out", "c", "--json")
    summary = json.loads(outcome.out)
    assert (outcome.code, summary["verdict"]) == (code, verdict), outcome.err
    assert [row["used"] for row in summary["residuals"]] == [False] + [True] * (kept - 1)
    assert run("report", "c", "--out", "page").code == 0
    assert "Left out of the fit, as unlike the other records: step-0.csv" in (tmp_path / "page/report.html").read_text()


def test_a_unit_that_is_wrong_by_a_thousand_is_no_chip(run, lab):
    for path in records(lab, "step"):
        path.write_text(path.read_text().replace("[mV]", "[V]"))
    outcome = run("calibrate", "--measurements", lab / "lab.yaml", *records(lab, "step"), "--json")
    outcome.refused("units or scales")


def test_what_contradicts_the_description_is_refused(run, lab):
    command = ("calibrate", "--measurements", lab / "lab.yaml", records(lab, "step")[0])
    run(*command, "--topology", "rc-mesh").refused("--topology", "crossbar", "rc-mesh")
    run(*command, "--size", 3).refused("size", "2", "3")
    run(*command, "--instances", 3).refused("--instances")
    run(*command, "--nuisance", "wind").refused("wind")
    run("verify", "--measurements", records(lab, "step")[0]).refused("--device")
    text = (lab / "lab.yaml").read_text()
    (lab / "lab.yaml").write_text(text.replace("probe_gain: 1\n", "").replace("readout_noise: 1 mV\n", ""))
    run(*command).refused("lab.yaml", "missing", "probe_gain", "readout_noise")


def fitted(folder, seed, **faults):
    """z-scores of one chip; None where its measurements contradict the model."""
    from thermospice.behavioral import Calibration
    from thermospice.measurements.lab import Lab, read_lab

    bench.write_bench(folder, seed, checks=0, **faults)
    data = read_lab(Lab.load(folder / "lab.yaml"), sorted(folder.glob("step-*.csv")))
    found = Calibration.of(data.measurements, data.unknown)
    if found.verdict.contradicted:
        return None
    truth, model = json.loads((folder / "truth.json").read_text()), found.model
    z = []
    for name in ("conductance", "drive", "capacitance"):
        z += ((model.errors[name] - truth[name]) / model.standard_errors[name]).ravel().tolist()
    return z


def test_an_outlier_is_contradicted_or_does_no_harm(tmp_path):
    z = fitted(tmp_path / "a", 5, outlier=0.2)
    assert z is None or np.abs(z).max() < 3.9


@pytest.mark.slow
def test_intervals_hold_the_truth_of_a_hundred_chips(tmp_path):
    found = [fitted(tmp_path / str(seed), seed) for seed in range(100)]
    kept = [z for z in found if z is not None]
    # One calibration in a hundred is contradicted by chance.
    assert len(kept) >= 95
    assert 0.92 <= np.mean(np.abs(kept) < 1.96) <= 0.98
