"""The main job in small: a chip of two cells and a short training; the whole of it under `make test-all`."""

import json
import re
from pathlib import Path

import pytest
import typer
from thermospice.cli import main_job as _run
from thermospice.cli.frame import job
from thermospice.cli.main_job import JobSettings, State
from thermospice.cli.main_job import _chip_stages as _chip
from thermospice.cli.main_job import _main_job as _main_job
from thermospice.training import experiment

FILES = {
    "state.json", "design.yaml", "instance.json", "program.json", "symbolic.json", "circuit.cir", "measurement.nc",
    "noise.nc", "calibration", "device.json", "nominal.json", "parameters.json", "heldout", "heldout.json",
    "waveforms.nc", "covariance.json", "fidelity.json", "training", "summary.json", "report.html",
    "tables",
}  # fmt: skip


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def experiments(folder: Path, settings: JobSettings):
        shared = {"task": "regression", "seeds": (0,), "steps": 5}
        device = {"optimizer": "tngd", "solver": "device-spu", "device": folder / "device.json", "name": "tngd-device"}
        return [experiment({**shared, **device}), experiment({**shared, "optimizer": "sgd", "name": "sgd"})]

    monkeypatch.setattr(_main_job, "experiments", experiments)


def main_job(folder: Path) -> int:
    """The main job in this folder, begun or resumed, with the exit code that the shell would see."""
    going_on = (folder / "state.json").exists()
    try:
        with job("run", folder, True, False, folder if going_on else None) as this:
            settings = JobSettings(seed=3, quick=True, size=2)
            _run.main_job(State.resume(folder) if going_on else State.fresh(folder, settings), this)
    except typer.Exit as left:
        return left.exit_code
    raise AssertionError("a command leaves by its exit code")


@pytest.mark.usefixtures("short_training")
def test_every_stage_leaves_its_files_and_the_report_has_every_part(tmp_path):
    folder = tmp_path / "r"
    assert main_job(folder) == 0
    assert {path.name for path in folder.iterdir()} == FILES
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary) >= {"report", "fidelity", "training", "elapsed_s", "versions", "seed"}
    assert all(row["passed"] for row in summary["fidelity"])
    assert [run["optimizer"] for run in summary["training"]] == ["tngd", "sgd"]
    # A quick run leaves out what takes a minute.
    missing = re.findall(r"Not computed in this folder: (.*?)\.<", (folder / "report.html").read_text())
    assert missing == ["training in the loop"]


@pytest.mark.slow
@pytest.mark.usefixtures("short_training")
def test_interrupted_run_goes_on_without_doing_anything_twice(tmp_path, monkeypatch, capfd):
    folder = tmp_path / "r"
    real, calls = _chip.measure, []

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def stages(fit):
        named = {name: (name, what, work) for name, what, work in _main_job._STAGES}
        counted = lambda f, s: (calls.append("spice"), real(f, s))  # noqa: E731
        named["spice"] = ("spice", "", counted)
        named["fit"] = ("fit", "", fit)
        return tuple(named.values())

    fit = _chip.fit
    monkeypatch.setattr(_main_job, "_STAGES", stages(stop))
    assert main_job(folder) == 130
    assert f"--resume {folder}" in capfd.readouterr().err
    assert set(json.loads((folder / "state.json").read_text())["done"]) == {"draw", "symbolic", "spice", "calibration"}
    monkeypatch.setattr(_main_job, "_STAGES", stages(fit))
    assert main_job(folder) == 0
    assert calls == ["spice"]


def test_a_failed_check_is_exit_code_one(tmp_path, monkeypatch):
    folder = tmp_path / "r"
    bad = {"topology": "crossbar", "level": "macro", "size": 2, "analysis": "tran", "metric": "nrms", "limit": 0.1}

    def experiments(folder: Path, settings: JobSettings):
        return [experiment({"task": "regression", "seeds": (0,), "steps": 1, "optimizer": "sgd", "name": "sgd"})]

    def check(folder: Path, settings: JobSettings) -> None:
        (folder / "fidelity.json").write_text(json.dumps([{**bad, "value": 0.2, "passed": False}]))

    draw = _main_job._STAGES[0]
    monkeypatch.setattr(_main_job, "_STAGES", (draw, ("fidelity", "", check)))
    monkeypatch.setattr(_main_job, "experiments", experiments)
    assert main_job(folder) == 1
    assert "Failed: nrms" in (folder / "report.html").read_text()


def test_a_design_without_amplifiers_is_refused(tmp_path):
    from thermospice.cli import InputError

    with pytest.raises(InputError, match="amplifiers"):
        _chip.draw(tmp_path, JobSettings(design="ideal"))


@pytest.mark.slow
def test_the_quick_main_job(run, tmp_path):
    outcome = run("run", "--quick", "--out", "r", "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary["quick"]
    assert {path.name for path in (tmp_path / "r").iterdir()} == FILES
    assert {entry["run"].rsplit("-s")[0] for entry in summary["training"]} == {
        "tngd-ideal", "tngd-device", "ngd-exact", "adam", "sgd",
    }  # fmt: skip
