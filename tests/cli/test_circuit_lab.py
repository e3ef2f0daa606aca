"""A netlist of one's own against records of a bench that shares no code with this package."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "lab" / "netlist_bench.py"


def _bench():
    spec = importlib.util.spec_from_file_location("netlist_bench", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bench = _bench()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "lab"
    bench.write_bench(folder, seed=3, steps=3, samples=40, points=10)
    return folder


@pytest.fixture
def lab(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "lab"))


NETLIST = ("--netlist", "lab/ladder.cir", "--outputs", "a,b")


def test_a_netlist_is_fitted_to_a_bench_and_judged_by_what_was_kept_back(run, lab, tmp_path):
    outcome = run("calibrate", "--measurements", lab, "--out", "c", "--json")
    assert outcome.code == 0, outcome.err
    assert "believed: netlist ladder with 6 elements at 300.15 K, outputs a, b" in outcome.err
    summary = json.loads(outcome.out)
    assert summary["verdict"] == "consistent"
    truth = json.loads((lab / "truth.json").read_text())
    z = [
        (np.log1p(row["deviation"]) - np.log(truth["factors"][row["element"]])) / row["standard_error"]
        for row in summary["elements"]
    ]
    assert np.abs(z).max() < 3.7  # five normal deviates, once in a thousand
    delay = summary["bench"]["trigger_delay"]
    assert abs(delay["value"] - truth["trigger_delay"]) < 3.3 * delay["standard_error"] < 0.1e-6
    rows = {row["file"]: row for row in summary["residuals"]}
    assert [rows[f"step-{k}.csv"]["used"] for k in range(3)] == [True, True, False]
    assert rows["step-2.csv"]["passed"]
    assert all(0.6 < row["rms"] < 1.4 for row in rows.values())  # of 40 values and more: known to 11 %
    # The record that was kept back, by the model that was written; one that was fitted proves nothing.
    held = run("verify", "--device", "c/device.json", lab / "step-2.csv", lab / "step-0.csv", "--json")
    assert held.code == 0, held.err
    assert json.loads(held.out)["fitted"] == ["step-0.csv"]
    # A netlist that was edited since is another circuit, and the device's would win without a word.
    text = (lab / "ladder.cir").read_text()
    (lab / "ladder.cir").write_text(text.replace("2k", "2.2k"))
    run("verify", "--device", "c/device.json", lab / "step-2.csv").refused("ladder.cir", "r2", "no longer the netlist")
    # Nor are its values known at another temperature, where they have coefficients.
    (lab / "ladder.cir").write_text(text.replace("2k", "2k tc1=1m"))
    told = (lab / "lab.yaml").read_text()
    (lab / "lab.yaml").write_text(told + "temperature: 320.15 K\n")
    run("verify", "--device", "c/device.json", lab / "step-2.csv").refused("300.15 K", "320.15 K", "r2")
    (lab / "lab.yaml").write_text(told)
    (lab / "ladder.cir").write_text(text)
    device = json.loads((tmp_path / "c" / "device.json").read_text())
    (tmp_path / "c" / "device.json").write_text(json.dumps({**device, "logarithms": [0.0]}))
    run("verify", "--device", "c/device.json", lab / "step-2.csv").refused("device.json", "finite numbers of")


def test_a_netlist_that_contradicts_the_records_fails(run, lab):
    # Catches a verdict that looks at the residuals alone, or that lets the error bars take the misfit in.
    bench.write_bench(lab, seed=3, factor=1.2, steps=1, samples=10, points=10)
    command = ("verify", *NETLIST, "--tolerances", "lab/tolerances.yaml", lab / "response.csv", "--json")
    outcome = run(*command)
    assert outcome.code == 1, outcome.err
    (row,) = json.loads(outcome.out)["rows"]
    assert row["value"] > row["limit"]
    assert json.loads(outcome.out)["verdict"] == "contradicted"
    fitted = run("calibrate", *NETLIST, "--tolerances", "lab/tolerances.yaml", lab / "response.csv", "--json")
    assert fitted.code == 1
    found = json.loads(fitted.out)
    assert found["verdict"] == "contradicted"
    assert any(one["row"] in ("r2", "response.csv") for one in found["contradictions"])


@pytest.mark.parametrize(("r2", "code"), [("1k", 0), ("2k", 1)])
def test_values_are_those_at_the_temperature_of_the_records(run, lab, r2, code):
    # Catches a temperature that warms the noise and leaves the coefficients of the elements out: at 20 K more
    # R2 is twice as large, and the records are of one of 2 kOhm.
    text = (lab / "ladder.cir").read_text()
    (lab / "ladder.cir").write_text(text.replace("R2 a b 2k", f"R2 a b {r2} tc1=0.05"))
    (lab / "lab.yaml").write_text((lab / "lab.yaml").read_text() + "temperature: 320.15 K\n")
    outcome = run("verify", "--measurements", lab / "lab.yaml", lab / "step-0.csv")
    assert outcome.code == code, outcome.err


def test_a_netlist_of_exact_values_is_judged_by_noise_alone(run, lab):
    # 5 % of a capacitor is a hundred times the noise of a step.
    outcome = run("verify", *NETLIST, lab / "step-0.csv", "--json")
    # lab.yaml says the tolerances.
    assert outcome.code == 0, outcome.err
    text = (lab / "lab.yaml").read_text().replace("tolerances: tolerances.yaml\n", "")
    (lab / "lab.yaml").write_text(text)
    assert run("verify", *NETLIST, lab / "response.csv", "--json").code == 1


def test_everything_that_is_missing_is_asked_for_at_once(run, lab):
    (lab / "lab.yaml").write_text("unknown: [hum]\n")
    (lab / "step-0.csv").write_text("time, a, b\n0.1, 1, 2\n0.2, 2, 3\n")
    command = ("calibrate", "--netlist", "lab/ladder.cir", "--measurements", lab / "step-0.csv", lab / "response.csv")
    run(*command).refused(
        "--outputs", "--tolerances", "mains", "probe_gain", "readout_noise", "units: of time, a, b", "relative_error"
    )


def test_what_contradicts_the_description_is_refused(run, lab):
    (lab / "other.cir").write_text(bench.NETLIST)
    command = ("calibrate", "--measurements", lab / "lab.yaml", lab / "step-0.csv")
    run(*command, "--netlist", "lab/other.cir").refused("--netlist", "ladder.cir", "other.cir")
    run(*command, "--outputs", "b,a").refused("--outputs", "a,b", "b,a")
    run(*command, "--design", "board-1k-1n").refused("--design")
    run(*command, "--nuisance", "leak").refused("--nuisance", "resistor")
    run(*command, "--held-out", "1").refused("--held-out", "nothing is left")
    (lab / "lab.yaml").write_text((lab / "lab.yaml").read_text() + "topology: crossbar\n")
    run(*command).refused("topology", "chip")


def test_an_imaginary_part_of_the_other_sign_is_told(run, lab):
    rows = (lab / "cross.csv").read_text().splitlines()
    turned = [",".join((*row.split(",")[:4], f"{-float(row.split(',')[4])}")) for row in rows[1:]]
    (lab / "cross.csv").write_text("\n".join((rows[0], *turned, "")))
    outcome = run("verify", *NETLIST, lab / "cross.csv")
    assert outcome.code == 1
    assert "conjugate: first" in outcome.err
    text = (lab / "lab.yaml").read_text().replace("cross.csv: {", "cross.csv: {conjugate: first, ")
    (lab / "lab.yaml").write_text(text)
    assert run("verify", *NETLIST, lab / "cross.csv").code == 0


@pytest.mark.slow
def test_intervals_hold_the_truth_of_forty_circuits(tmp_path):
    from thermospice.behavioral.circuit_calibration import calibrate_circuit, term_of
    from thermospice.circuits import read_netlist
    from thermospice.circuits.linear_circuits import observed
    from thermospice.circuits.tolerances import load_specification
    from thermospice.measurements.lab import Lab, read_circuit_lab

    inside, contradicted = [], 0
    for seed in range(40):
        folder = tmp_path / str(seed)
        truth = bench.write_bench(folder, seed)
        circuit = observed(read_netlist(folder / "ladder.cir"), "a,b")
        data = read_circuit_lab(Lab.load(folder / "lab.yaml"), sorted(folder.glob("*.csv")), circuit)
        tolerances = load_specification(folder / "tolerances.yaml").drawn_from
        found = calibrate_circuit(circuit, tolerances, [term_of(one) for one in data.records], data.unknown)
        contradicted += found.contradicted
        away = np.log1p(found.deviations) - np.log([truth[name] for name in found.names])
        inside += (np.abs(away / found.errors) < 1.96).tolist()
    # A contradiction by chance is one in a thousand. Five elements share one scale that records hardly see, so that
    # 200 intervals are worth some 100 of independent ones: 95 % of them to 2.2 %, three times that.
    assert contradicted == 0
    assert np.mean(inside) >= 0.885
