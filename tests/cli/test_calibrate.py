"""`thermospice calibrate` as a user calls it: every topology, processes, held-out programs, bad folders."""

import json
import math
import shutil

import numpy as np
import pytest
import xarray as xr
from thermospice.behavioral import DeviceModel, PopulationModel
from thermospice.circuits import Design
from thermospice.cli import main


def answer(outcome):
    assert outcome.code == 0, (outcome.out, outcome.err)
    return json.loads(outcome.out)


@pytest.mark.parametrize(
    "topology", ["rc-mesh", "differential-rc-mesh", pytest.param("cascade", marks=pytest.mark.slow), "rlc-grid"]
)
def test_other_topologies_hold_out_what_they_promise(run, tmp_path, topology):
    summary = answer(run("calibrate", "--topology", topology, "--size", 2, "--held-out", 2, "--out", "c", "--json"))
    # Beside rows against a limit there are those that judge by the fit's own error bars.
    every = summary["held_out"]
    rows = [row for row in every if "by its error bar" not in row["metric"]]
    assert {row["analysis"] for row in rows} == {"tran", "ac", "noise"}
    assert len({row["temperature"] for row in rows}) == 2
    assert all(row["passed"] and row["value"] <= row["limit"] <= 0.5 for row in rows)
    assert {row["limit"] for row in rows} == {2e-3, 5e-3, 0.5}
    # The error is also what the error bars say: chi-square by its degrees of freedom, at each temperature.
    own = [row for row in every if row not in rows]
    assert len(own) == 2
    assert all(row["passed"] and row["value"] <= row["limit"] < 12 for row in own)
    device = DeviceModel.load(tmp_path / "c" / "device.json")
    assert device.instance.topology.name == topology
    assert device.level == ("ideal" if topology == "rlc-grid" else "macro")
    found = json.loads((tmp_path / "c" / "identifiability.json").read_text())
    left = {name for name in summary["not_identified"] if "[" in name}
    untold = [(row["name"], row["index"]) for row in summary["parameters"] if not row["identified"]]
    # A component between two cells stands in the table for both.
    assert left <= {f"{name}[{','.join(map(str, index))}]" for name, index in untold}
    assert len(untold) <= 2 * len(left)
    assert summary["noise_scale"]["identified"]
    assert len(found["combinations"]) == len(summary["open_combinations"]) > 0
    assert ("ambiguity" in found) == (topology == "differential-rc-mesh") or found["ambiguity"] is None
    if topology != "rlc-grid":
        # 1 % resistors, against what the calibration leaves of them.
        # The limit of a calibrated model, half a step of eight bits: a cascade keeps its stages within rails by a
        # quarter of the drive, so that the converters' steps weigh four times as much in its answers.
        assert summary["correction"]["after"] < 2e-3 < summary["correction"]["before"]
    for name in ("noise_scale", *(("gain", "gain_bandwidth") if device.gain else ())):
        assert summary[name]["standard_error"] > 0


@pytest.mark.slow
def test_chosen_measurements_are_made_and_fitted(run, tmp_path):
    kinds = [word for kind in ("op", "tran", "ac", "noise", "record") for word in ("--analysis", kind)]
    options = ("--topology", "rc-mesh", "--size", 1, "--programs", 4)
    answer(run("calibrate", *options, *kinds, "--out", "c", "--json"))
    files = sorted((tmp_path / "c" / "calibration").glob("*.nc"))
    seen = [xr.load_dataset(path, engine="h5netcdf").attrs for path in files]
    analyses = [attributes["analysis"] for attributes in seen]
    assert {a: analyses.count(a) for a in analyses} == {"op": 4, "tran": 5, "ac": 2, "noise": 2}
    assert sum("noise_seed" in attributes for attributes in seen) == 1
    # The same files, given as such and as a folder.
    by_file = answer(run("calibrate", *files, "--json"))
    by_folder = answer(run("calibrate", "c", "--json"))
    assert by_file["parameters"] == by_folder["parameters"]
    run("calibrate", "--analysis", "sp").refused("--analysis", "record", "'sp'")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A campaign over four chips, made once."""
    folder = tmp_path_factory.mktemp("campaign") / "p"
    options = ("--topology", "rc-mesh", "--size", "1", "--instances", "4", "--out", str(folder), "--quiet")
    assert main(["calibrate", *options]) == 0
    return folder


@pytest.fixture
def campaign(measured, tmp_path):
    shutil.copytree(measured, tmp_path / "p")


def test_a_process_from_drawn_chips(run, tmp_path, campaign):
    summary = json.loads((tmp_path / "p" / "summary.json").read_text())
    assert summary["instances"] == 4
    spread = summary["spreads"]["capacitance"]
    assert 0 < spread["local"]["value"] < 0.2
    assert spread["local"]["standard_error"] > 0
    found = PopulationModel.load(tmp_path / "p" / "population.json")
    # Three transients and two spectra of each, if no run is left out.
    assert len(found.provenance.measurements) == 4 * 5
    # Training takes it in the place of a device.
    options = ("--optimizer", "tngd", "--solver", "device-spu", "--steps", 2, "--device", "p/population.json")
    assert "train_loss" in json.dumps(answer(run("train", "regression", *options, "--json")))
    # Where one chip is needed, a process is called by its name.
    for command in (("solve", "--size", 2), ("verify",)):
        run(*command, "--device", "p/population.json").refused("tells of a process (4 chips)", "calibrate one")
    # The chips' folders alone give the same process.
    again = answer(run("calibrate", *(f"p/chips/{k}" for k in range(4)), "--json"))
    assert again["spreads"] == summary["spreads"]


def test_a_campaign_goes_on_where_it_stopped(run, tmp_path, campaign):
    first = json.loads((tmp_path / "p" / "summary.json").read_text())
    (tmp_path / "p" / "population.json").unlink()
    shutil.rmtree(tmp_path / "p" / "chips" / "2")
    (tmp_path / "p" / "chips" / "3" / "instance.json").unlink()
    kept = (tmp_path / "p" / "chips" / "0" / "calibration" / "0.nc").stat().st_mtime_ns
    again = answer(run("calibrate", "--resume", "p", "--json"))
    assert again["spreads"] == first["spreads"]
    assert (tmp_path / "p" / "chips" / "0" / "calibration" / "0.nc").stat().st_mtime_ns == kept
    assert (tmp_path / "p" / "population.json").exists()


def test_bad_chips_are_named(run, tmp_path, campaign):
    (tmp_path / "empty").mkdir()
    run("calibrate", "p/chips/0", "empty").refused("empty", "expected measurements (.nc)")
    run("calibrate", "p/chips/0", "p/chips/1").refused("at least 3 chips, got 2")
    run("calibrate", "p/chips/0", "p/chips/1", "p/chips/0").refused("given twice")
    run("calibrate", "p/chips/0", "p/chips/0/instance.json").refused("got both")
    path = tmp_path / "p" / "chips" / "1" / "calibration" / "0.nc"
    data = xr.load_dataset(path, engine="h5netcdf")
    data["v"].values[:] = float("nan")
    data.to_netcdf(path, engine="h5netcdf")
    run("calibrate", *(f"p/chips/{k}" for k in range(4))).refused("p/chips/1", "finite values")
    (tmp_path / "p" / "state.json").write_text('{"command": "calibrate", "request": {"size": 2}}')
    run("calibrate", "--resume", "p").refused("state.json")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--instances", 2), ("--instances", "at least 3")),
        (("--instances", 3, "--held-out", 1), ("--held-out",)),
        (("x.nc", "--instances", 3), ("--instances",)),
        (("--resume", ".", "--instances", 3), ("--resume",)),
        (("--resume", "."), ("--resume expects",)),
        (("--programs", 0), ("--programs",)),
        (("--keep-below", 1.5), ("--keep-below", "between 0 and 1")),
        (("--keep-below", 0.1, "--instances", 3), ("--keep-below",)),
        (("--rank", 2), ("--rank", "cascade")),
        (("--size", 200), ("--size", "GB of memory", "fewer cells")),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else str(value),
)
def test_options_that_contradict_are_refused(run, arguments, words):
    run("calibrate", *arguments).refused(*words)


def test_a_schedule_follows_from_the_designs_drift(run, tmp_path):
    """A mesh whose drive is a current, all of it ageing: |d ln x / d ln G| = 1, so each age is exp(limit/nu) longer."""
    ageing = Design.preset("board-1k-1n").to_dict() | {"drift": {"ageing_exponent": 0.01, "ageing_time": 60.0}}
    (tmp_path / "old.yaml").write_text(Design.from_dict(ageing).to_yaml())
    options = ("--design", "old.yaml", "--topology", "rc-mesh", "--size", 1, "--keep-below", 0.02)
    outcome = run("calibrate", *options, "--json")
    times = answer(outcome)["recalibrate_at_s"]
    assert times[0] == 0
    # Offsets of 0.4 mV of a volt do not age.
    assert times[1] == pytest.approx(60 * math.exp(2), rel=0.02)
    assert times[2] / times[1] == pytest.approx(math.exp(2), rel=0.02)
    assert len(times) == 4
    assert "calibrate again 3 times in a day" in outcome.err


def test_help_shows_an_example(run):
    outcome = run("calibrate", "--help")
    assert outcome.code == 0
    assert "--instances 20" in outcome.out
    assert "--held-out" in outcome.out


@pytest.mark.slow
@pytest.mark.parametrize("topology", ["crossbar", "rc-mesh"])
def test_transistors_move_as_their_calibrated_macro_model_says(run, topology):
    options = ("--design", "cmos-100k-10p", "--level", "transistor", "--topology", topology, "--size", 2)
    outcome = run("calibrate", *options, "--analysis", "tran", "--held-out", 4, "--json")
    rows = [row for row in json.loads(outcome.out)["held_out"] if row["analysis"] == "tran"]
    assert len(rows) == 2
    assert all(row["passed"] and row["limit"] == 1e-2 for row in rows)


@pytest.mark.slow
def test_a_large_chip_is_found_within_its_error_bars(run, tmp_path):
    # Catches spectra taken for contradicted, as those of 64 cells were: their residuals are what the unknowns leave.
    summary = answer(run("calibrate", "--size", 64, "--out", "c", "--json"))
    assert summary["verdict"] == "consistent"
    resistors = [row for row in summary["parameters"] if row["name"] == "conductance"]
    assert np.median([row["standard_error"] for row in resistors]) < 1.5e-3
    # Deviations of a row share its common factor, so that z-scores scatter together. In the posterior's own directions
    # they do not: a mean square of 4,096, less where spectra are better than a simulator's are taken to be.
    law = DeviceModel.load(tmp_path / "c" / "device.json").posterior
    where = [k for k, name in enumerate(law.names) if name.startswith("conductance[")]
    error = law.values[where] - [row["true"] for row in resistors]
    square = error @ np.linalg.solve(law.covariance[np.ix_(where, where)], error) / len(where)
    assert 0.5 < square < 1 + 5 * np.sqrt(2 / len(where))
