"""Studies: what a file means, which runs it makes, what is counted, and that a run done is never done again."""

import json
import math
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import thermospice.cli._sweep._executor as executor_module
import xarray as xr
import yaml
from scipy import stats
from thermospice.cli._sweep import _statistics
from thermospice.cli._sweep._runner import Stopped, perform
from thermospice.cli._sweep._store import Store
from thermospice.cli._sweep._study import Limit, load_study, parse_study, to_plain
from thermospice.cli._sweep._table import dataset
from thermospice.cli._sweep._tasks import SCHEMA, key_of, plan

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "studies").glob("*.yaml"))
SMALL = {"name": "small", "circuit": {"design": "board-1k-1n", "size": 2}}


def write(path, **changes):
    path.write_text(yaml.safe_dump({**SMALL, **changes}, sort_keys=False))
    return path


def planned(tmp_path, **changes):
    study = load_study(write(tmp_path / "s.yaml", **changes))
    return study, plan(study, "s.yaml")


@pytest.fixture
def here(monkeypatch):
    """Runs in threads of the command: a cluster takes seconds to start."""
    monkeypatch.setattr(executor_module, "has_dask", lambda: False)


# Runs and their addresses.


def test_a_grid_is_every_combination_and_the_last_parameter_varies_fastest(tmp_path):
    parameters = {"size": [2, 3], "design.temperature": {"low": "250K", "high": 350, "count": 3}}
    _, what = planned(tmp_path, parameters=parameters, instances=2, seed=5)
    assert [tuple(point.values()) for point in what.points] == [
        (size, temperature) for size in (2, 3) for temperature in (250.0, 300.0, 350.0)
    ]
    assert [(run.point, run.chip) for run in what.runs] == [(p, chip) for p in range(6) for chip in (5, 6)]
    assert len({run.key for run in what.runs}) == len(what.runs)
    assert all(run.task["design"]["temperature"] == run.values["design.temperature"] for run in what.runs)


def test_a_logarithmic_range_has_equal_ratios(tmp_path):
    parameters = {"program.condition": {"low": 2, "high": 162, "count": 5, "scale": "log"}}
    values = [point["program.condition"] for point in planned(tmp_path, parameters=parameters)[1].points]
    np.testing.assert_allclose(values, [2, 6, 18, 54, 162], rtol=1e-11)  # written with 12 digits


def test_a_latin_hypercube_has_one_point_in_every_slice_of_every_axis(tmp_path):
    parameters = {
        "design.temperature": {"low": 200, "high": 400},
        "program.condition": {"low": 1, "high": 100, "scale": "log"},
    }
    _, what = planned(tmp_path, parameters=parameters, method="latin-hypercube", samples=16)
    linear = np.array([point["design.temperature"] for point in what.points])
    log = np.log(np.array([point["program.condition"] for point in what.points])) / math.log(100)
    for unit in ((linear - 200) / 200, log):
        assert sorted(np.floor(unit * 16).astype(int)) == list(range(16))


def test_distributions_have_their_law_and_stay_within_their_cuts(tmp_path):
    parameters = {
        "design.temperature": {"mean": 300, "sigma": "5 %"},
        "program.condition": {"mean": 10, "sigma": 0.5, "scale": "log", "low": 5, "high": 20},
    }
    _, what = planned(tmp_path, parameters=parameters, method="monte-carlo", samples=400)
    temperature = [point["design.temperature"] for point in what.points]
    log = np.log([point["program.condition"] for point in what.points])
    cut = np.log(2) / 0.5
    # The seed is fixed; a wrong spread or median moves p far below this.
    assert stats.kstest(temperature, stats.norm(300, 15).cdf).pvalue > 1e-3
    assert stats.kstest(log, stats.truncnorm(-cut, cut, np.log(10), 0.5).cdf).pvalue > 1e-3
    assert log.min() >= np.log(5)
    assert log.max() <= np.log(20)


def test_points_depend_on_the_seed_alone(tmp_path):
    random = {"parameters": {"design.temperature": {"low": 200, "high": 400}}, "method": "monte-carlo", "samples": 5}
    first, again, other = (planned(tmp_path, seed=seed, **random)[1].points for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_address_is_of_the_physics_alone(tmp_path):
    base = planned(tmp_path)[1].runs[0]
    same = planned(tmp_path, name="other", description="words", instances=3, timeout=5)[1].runs[0]
    assert same.key == base.key
    inline = load_study(write(tmp_path / "s.yaml")).circuit.design.to_dict()
    sources = {**inline, "sources": {"R0": "another"}, "description": "x"}
    assert planned(tmp_path, circuit={"design": sources, "size": 2})[1].runs[0].key == base.key
    changes = [{"size": 3}, {"level": "ideal"}, {"analyses": ["op", "tran"]}, {"program": {"seed": 9}}]
    changes += [{"design": {"preset": "board-1k-1n", "R0": "1.1k"}}, {"mismatch": False}, {"drive_scale": 0.5}]
    keys = {planned(tmp_path, circuit={**SMALL["circuit"], **change})[1].runs[0].key for change in changes}
    assert len(keys | {base.key}) == len(changes) + 1
    assert key_of(dict(reversed(base.task.items()))) == base.key


def test_a_corner_is_the_design_there(tmp_path):
    design = {"preset": "board-1k-1n", "corners": {"resistor": "10 %"}}
    circuit = {"design": design, "size": 2}
    _, what = planned(tmp_path, circuit=circuit, parameters={"corner": ["slow", "typical", "fast"]})
    np.testing.assert_allclose([run.task["design"]["R0"] for run in what.runs], [1100, 1000, 900], rtol=1e-12)


def test_a_study_survives_being_written(tmp_path):
    study, what = planned(
        tmp_path, parameters={"size": [2, 3]}, limits=[{"metric": "relative_error", "at_most": "3 %"}]
    )
    again = parse_study(json.loads(json.dumps(to_plain(study))), "again")
    assert again == study
    assert plan(again, "again").runs == what.runs


SLOW = {"analog-time"}  # a training study loads its task and torch


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] * (p.stem in SLOW)) for p in EXAMPLES]
)
def test_the_examples_are_studies(path):
    assert len(plan(load_study(path), str(path)).runs) >= 20


# Bad input.


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": 1}, ["colour", "unknown key"]),
        ({"circuit": {**SMALL["circuit"], "colour": 1}}, ["circuit.colour", "unknown key"]),
        ({"circuit": {"design": {"preset": "board-1k-1n", "R0": "-1k"}}}, ["circuit.design.R0", "greater than 0"]),
        ({"circuit": {"design": "nowhere"}}, ["nowhere", "expected one of"]),
        ({"circuit": {**SMALL["circuit"], "topology": "ring"}}, ["topology", "ring"]),
        ({"kind": "training"}, ["training", "missing"]),
        ({"parameters": {"design.R9": [1]}}, ["parameters.design.R9", "unknown field"]),
        ({"parameters": {"design.mismatch": [1]}}, ["parameters.design.mismatch", "resistor_sigma"]),
        ({"parameters": {"size": [2, 0]}}, ["size", "0"]),
        ({"parameters": {"size": []}}, ["parameters.size"]),
        ({"parameters": {"size": [2, 2]}}, ["parameters.size", "different"]),
        ({"parameters": {"design.temperature": {"low": 1, "high": 2}}}, ["design.temperature.count", "missing"]),
        ({"parameters": {"design.temperature": {"low": 3, "high": 2, "count": 2}}}, ["low < high"]),
        ({"parameters": {"design.temperature": {"low": 3, "high": 9, "step": 2}}}, ["step", "unknown key"]),
        ({"parameters": {"corner": {"low": 1, "high": 2, "count": 2}}}, ["corner"]),
        ({"method": "latin-hypercube"}, ["samples", "missing"]),
        ({"samples": 3}, ["samples", "grid"]),
        ({"instances": 0}, ["instances"]),
        ({"instances": 10**9}, ["at most", "runs"]),
        ({"timeout": 0}, ["timeout"]),
        ({"timeout": float("nan")}, ["timeout"]),
        ({"failures": "ignore"}, ["failures"]),
        ({"limits": [{"metric": "relative_error"}]}, ["limits.0", "at_most"]),
        ({"limits": [{"metric": "settle_time", "at_most": 1}]}, ["settle_time", "tran"]),
        ({"name": "../up"}, ["name"]),
        ({"circuit": {**SMALL["circuit"], "program": {"matrix": "A.csv"}}}, ["matrix and drive"]),
    ],
)
def test_a_bad_study_is_refused_in_one_line(run, tmp_path, changes, words):
    write(tmp_path / "bad.yaml", **changes)
    run("sweep", "bad.yaml", "--out", "out").refused(*words)
    assert not (tmp_path / "out" / "runs").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", ["line", "YAML"]),
        ("name: a\nname: b\n", ["line 2", "twice"]),
        ("a: &x [1]\nb: [*x, *x]\n", ["line 2", "aliases"]),
        ("- 1", ["expected fields"]),
        ("", ["expected fields"]),
        ("[" * 5000, ["YAML"]),
        ("!!python/object/apply:os.system ['touch pwned']", ["YAML"]),
    ],
)
def test_what_is_not_a_study_is_refused_in_one_line(run, tmp_path, text, words):
    (tmp_path / "bad.yaml").write_text(text)
    run("sweep", "bad.yaml").refused("bad.yaml", *words)
    assert not (tmp_path / "pwned").exists()


def test_missing_files_and_contradictions_are_refused(run, tmp_path, monkeypatch):
    run("sweep").refused("STUDY")
    run("sweep", "nowhere.yaml").refused("nowhere.yaml")
    run("sweep", "--resume", "nowhere").refused("nowhere", "--resume")
    write(tmp_path / "s.yaml")
    run("sweep", "s.yaml", "--scheduler", "tcp://x:1", "--workers", 1).refused("--workers")
    monkeypatch.setattr(executor_module, "has_dask", lambda: False)
    run("sweep", "s.yaml", "--scheduler", "tcp://x:1").refused("distributed", "thermospice[cluster]")


def test_help_has_the_shared_options_and_an_example(run):
    text = run("sweep", "--help").out
    for option in ("--out", "--resume", "--seed", "--quiet", "--json", "--scheduler", "Example: thermospice sweep"):
        assert option in text


# Statistics.


def test_wilson_interval_is_the_published_formula():
    k, n, z = 7, 24, stats.norm.ppf(0.975)
    p = k / n
    centre, reach = (p + z**2 / (2 * n)), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = np.array([centre - reach, centre + reach]) / (1 + z**2 / n)
    np.testing.assert_allclose(_statistics.wilson_interval(k, n), expected, rtol=1e-12)
    assert _statistics.wilson_interval(0, 0) == (0.0, 1.0)
    assert _statistics.wilson_interval(0, 9)[0] == 0.0
    assert _statistics.wilson_interval(9, 9)[1] == 1.0


def test_mean_interval_is_students():
    values = [1.0, 2.0, 4.0, 8.0]
    reach = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) / 2
    np.testing.assert_allclose(_statistics.mean_interval(values), (3.75 - reach, 3.75 + reach), rtol=1e-12)
    assert _statistics.mean_interval([1.0]) is None


@pytest.mark.parametrize("bound", [{"at_most": 0.1}, {"at_least": -1.0}, {"at_least": 0.0, "at_most": 0.1}])
def test_what_is_not_a_number_keeps_no_limit(bound):
    limit = Limit(metric="relative_error", **bound)
    assert limit.keeps(0.05)
    assert not limit.keeps(float("nan"))
    assert not limit.keeps(None)
    good = {"status": "done", "metrics": {"relative_error": 0.05}}
    bad = [{"status": "failed", "metrics": {"relative_error": 0.05}}, {"status": "done", "metrics": {}}]
    found = _statistics.of_limit(limit, [good, *bad])
    assert (found["passed"], found["of"]) == (1, 3)


def test_a_limit_with_one_bound_can_fail():
    assert not Limit(metric="m", at_most=1.0).keeps(1.5)
    assert not Limit(metric="m", at_least=1.0).keeps(0.5)


# Runs in flight, and what is kept.


class Workers:
    """Performs a request when its outcome is asked for; remembers how many were in flight."""

    def __init__(self, failing=(), seconds=1.0):
        self.flying, self.batches, self.most, self.failing, self.seconds = deque(), [], 0, failing, seconds

    def slots(self):
        return 2

    def submit(self, batch):
        self.flying.append(batch)
        self.most = max(self.most, len(self.flying))

    def next(self):
        batch = self.flying.popleft()
        self.batches.append(len(batch))
        status = {True: "failed", False: "done"}
        return [{"key": r["key"], "status": status[r["key"] in self.failing], "elapsed_s": self.seconds} for r in batch]


def test_runs_in_flight_are_bounded_and_every_run_is_kept():
    workers, kept, seen = Workers(), [], []
    perform(({"key": k} for k in range(50)), workers, kept.append, lambda done, failed: seen.append(done))
    assert [record["key"] for record in kept] == list(range(50))
    assert seen == list(range(1, 51))
    assert workers.most == 6


def test_only_short_runs_go_together():
    for seconds, largest in ((1.0, 1), (0.05, 4), (1e-6, 10)):
        workers, kept = Workers(seconds=seconds), []
        perform(({"key": k} for k in range(200)), workers, kept.append, lambda done, failed: None)
        assert [record["key"] for record in kept] == list(range(200))
        assert max(workers.batches) == largest


def test_a_campaign_stops_after_as_many_failures_as_the_study_says():
    workers, kept = Workers(failing={3, 5, 8}), []
    with pytest.raises(Stopped, match="3 runs have failed"):
        perform(({"key": k} for k in range(50)), workers, kept.append, lambda done, failed: None, 3)
    assert [record["key"] for record in kept] == list(range(9))


def test_a_damaged_file_is_no_run(tmp_path):
    store = Store(tmp_path)
    record = {"key": "ab" * 32, "status": "done", "metrics": {"m": 0.1, "bad": float("nan")}, "arrays": {"v": [1.0]}}
    store.put(record)
    path = store.path(record["key"])
    assert store.get(record["key"])["metrics"] == {"m": 0.1}
    text = path.read_text()
    for broken in (
        "",
        text[:40],
        "[]",
        text.replace(f'"schema": {SCHEMA}', '"schema": -1'),
        text.replace("0.1", '"x"'),
    ):
        path.write_text(broken)
        assert store.get(record["key"]) is None


def test_results_are_labelled(tmp_path):
    parameters = {"size": [2, 3], "design.temperature": [250, 300, 350], "design.programming.bits": [4, None]}
    study, what = planned(tmp_path, parameters=parameters, instances=2)
    records = [
        {"status": "done", "metrics": {"relative_error": float(run.index)}, "arrays": {"x": [1.0] * run.task["size"]}}
        for run in what.runs
    ]
    records[5] = None
    found = dataset(study, what, records)
    assert found.relative_error.attrs["units"] == "1"
    for run in what.runs:
        bits = run.values["design.programming.bits"]
        place = {**run.values, "instance": run.chip, "design.programming.bits": "none" if bits is None else str(bits)}
        here = found.sel(place)
        assert here.key.item() == run.key
        if run.index == 5:
            assert here.status.item() == "missing"
            assert np.isnan(here.relative_error)
        else:
            assert here.relative_error == run.index
            assert np.isfinite(here.x).sum() == run.values["size"]


# Whole campaigns.


def test_a_campaign_measures_what_simulate_measures(run, tmp_path, here):
    write(tmp_path / "s.yaml", circuit={"design": "board-1k-1n", "size": 3}, seed=4, instances=2)
    outcome = run("sweep", "s.yaml", "--out", "out", "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["runs"], summary["done"], summary["outcome"]) == (2, 2, "complete")
    results = xr.load_dataset(tmp_path / "out" / "results.nc", engine="h5netcdf")
    arguments = ("--size", 3, "--analysis", "op", "--seed", 4, "--instance-seed", 5, "--json")
    single = json.loads(run("simulate", *arguments).out)
    # The same deck in the same simulator: not a digit differs.
    assert results.sel(instance=5).relative_error.item() == single["relative_error"]
    np.testing.assert_array_equal(results.sel(instance=5).v, single["v"])

    # A larger study in the same folder does only what is new; the same one does nothing.
    write(tmp_path / "s.yaml", circuit={"design": "board-1k-1n", "size": 3}, seed=4, instances=3)
    assert json.loads(run("sweep", "s.yaml", "--resume", "out", "--json").out)["reused"] == 2
    table = (tmp_path / "out" / "table.csv").read_bytes()
    assert json.loads(run("sweep", "--resume", "out", "--json").out)["reused"] == 3
    assert (tmp_path / "out" / "table.csv").read_bytes() == table
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == set()  # three values are no histogram


def test_metrics_of_every_analysis(run, tmp_path, here):
    limits = [{"metric": "settle_time", "at_most": 1e-12, "required_yield": "50 %"}]
    circuit = {
        "design": "board-1k-1n",
        "size": 1,
        "analyses": ["op", "ac", "noise", "tran"],
        "program": {"condition": 1},
    }
    circuit |= {"mismatch": False, "settle_tolerance": "1 %"}
    write(tmp_path / "s.yaml", circuit=circuit, parameters={"design.C": ["1n", "2n"]}, limits=limits)
    outcome = run("sweep", "s.yaml", "--out", "out", "--json")
    assert outcome.code == 1  # the required yield is out of reach
    summary = json.loads(outcome.out)
    assert summary["limits"][0]["passed"] == 0
    found = xr.load_dataset(tmp_path / "out" / "results.nc", engine="h5netcdf")
    C = found["design.C"].values
    # One cell with A = 1: rate 1/(R0 C). The amplifier's finite bandwidth and output resistance move it by
    # about 1/(2 pi GBW R0 C) + r_out/R0 = 2e-3 + 2e-2 at most; the load and pole add less.
    np.testing.assert_allclose(found.settle_time.values.ravel(), np.log(100) * 1e3 * C, rtol=0.04)
    np.testing.assert_allclose(found.bandwidth.values.ravel(), 1 / (2 * np.pi * 1e3 * C), rtol=0.04)
    assert (found.noise_rms.values > np.sqrt(1.38e-23 * 300 / C)[:, None]).all()
    assert (found.overshoot.values < 1e-3).all()
    assert (found.relative_error.values < 1e-3).all()
    assert (tmp_path / "out" / "settle_time-against-design.C.png").read_bytes().startswith(b"\x89PNG")


def test_a_drive_beyond_the_rails_is_seen(run, tmp_path, here):
    write(tmp_path / "s.yaml", circuit={"design": "board-1k-1n", "size": 3}, parameters={"drive_scale": [0.1, 8]})
    assert run("sweep", "s.yaml", "--out", "out", "--quiet").code == 0
    found = xr.load_dataset(tmp_path / "out" / "results.nc", engine="h5netcdf")
    assert found.cells_at_rails.values.ravel().tolist() == [0, 3]


@pytest.mark.slow
def test_a_training_study_resumes_from_its_runs(run, tmp_path, here):
    training = {"task": "regression", "optimizer": "tngd", "solver": "ideal-spu", "steps": 6}
    study = {
        "name": "t",
        "kind": "training",
        "training": training,
        "parameters": {"training.t": [0.5, 5]},
        "instances": 2,
    }
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(study))
    outcome = run("sweep", "t.yaml", "--out", "out", "--json")
    assert outcome.code == 0, outcome.err
    table = (tmp_path / "out" / "table.csv").read_bytes()
    assert len((tmp_path / "out" / "training" / "runs.jsonl").read_text().splitlines()) == 4
    next((tmp_path / "out" / "runs").glob("*/*.json")).unlink()
    assert json.loads(run("sweep", "--resume", "out", "--json").out)["reused"] == 3
    assert (tmp_path / "out" / "table.csv").read_bytes() == table
