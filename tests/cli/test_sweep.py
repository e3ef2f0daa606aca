"""Campaigns: a run done is never done again, short ones share a simulator, and the numbers are those of `simulate`."""

import json
from collections import deque

import numpy as np
import pytest
import xarray as xr
import yaml
from thermospice.campaigns import StudyError, load_study, plan
from thermospice.campaigns.runs import Stopped, perform
from thermospice.campaigns.runs import _circuit_run as _circuit
from thermospice.campaigns.runs import _workers as worker_module
from thermospice.campaigns.runs._chips_together import perform_together
from thermospice.netlists import find_ngspice

from ..campaigns.stores import execute, kept

SMALL = {"name": "small", "circuit": {"design": "board-1k-1n", "size": 2}}


def write(path, **changes):
    path.write_text(yaml.safe_dump({**SMALL, **changes}, sort_keys=False))
    return path


@pytest.fixture
def here(monkeypatch):
    """Runs in threads of the command: a cluster takes seconds to start."""
    monkeypatch.setattr("thermospice.campaigns.runs._executors.has_dask", lambda: False)


# Runs in flight.


def requests(count, task=None):
    return [{"key": k, "task": task or {"kind": "training"}} for k in range(count)]


class Workers:
    """Performs a request when its outcome is asked for; remembers how many were in flight."""

    patience = 1

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
    perform(requests(50), workers, kept.append, lambda done, failed: seen.append(done))
    assert [record["key"] for record in kept] == list(range(50))
    assert seen == list(range(1, 51))
    assert workers.most == 6


class OneWithoutASimulator(Workers):
    """The first batches come to a machine that can do the first of their runs no more."""

    def __init__(self, patience, bad):
        super().__init__()
        self.patience, self.bad = patience, bad

    def next(self):
        found = super().next()
        self.bad -= 1
        lost = {"status": "failed", "reason": "cannot run ngspice: no space left", "elsewhere": True}
        return [{**record, **lost} for record in found[:1]] + found[1:] if self.bad >= 0 else found


def test_what_a_machine_cannot_do_another_one_does():
    # Catches a campaign whose runs fail by the thousand on the one machine of a cluster whose disk is full.
    kept = []
    perform(requests(20), OneWithoutASimulator(patience=10, bad=6), kept.append, lambda *_: None)
    assert sorted(record["key"] for record in kept) == list(range(20))
    assert {record["status"] for record in kept} == {"done"}


def test_what_no_machine_can_do_ends_the_campaign_and_loses_nothing():
    kept = []
    workers = OneWithoutASimulator(patience=1, bad=99)
    workers.seconds = 1e-6
    with pytest.raises(StudyError, match=r"cannot run ngspice: no space left$"):
        perform(requests(9, {"kind": "circuit", "analyses": ["op"]}), workers, kept.append, lambda *_: None)
    assert [record["key"] for record in kept] == [1, 2, 3, 4]


def test_a_machine_that_is_still_at_work_is_waited_for():
    # Catches a campaign of long runs that a machine without a disk ends while another one is busy.
    class OneBusy(Workers):
        patience, looks = 3, 0

        def next(self):
            self.looks += 1
            self.flying = deque(sorted(self.flying, key=lambda batch: (batch[0]["key"] == 0) == (self.looks < 9)))
            (request,) = self.flying.popleft()
            lost = {"status": "failed", "reason": "no disk", "elsewhere": True}
            return [{"key": request["key"], **({"status": "done"} if request["key"] == 0 else lost)}]

    kept, workers = [], OneBusy()
    with pytest.raises(StudyError, match="no disk"):
        perform(requests(2), workers, kept.append, lambda *_: None)
    assert [record["key"] for record in kept] == [0]
    assert workers.looks == 9 + 3


def test_operating_points_show_their_pace_together():
    """The start of a simulator would otherwise count for the first run alone."""
    for analyses, first in ((["op"], 16), (["op", "ac"], 1)):
        workers = Workers()
        perform(requests(60, {"kind": "circuit", "analyses": analyses}), workers, lambda record: None, lambda *_: None)
        assert workers.batches[:2] == [first, first]
    workers = Workers()
    perform(requests(5, {"kind": "circuit", "analyses": ["op"]}), workers, lambda record: None, lambda *_: None)
    assert workers.batches == [3, 2]


def test_only_short_runs_go_together():
    for seconds, largest in ((1.5, 1), (0.45, 4), (1e-6, 50)):
        workers, kept = Workers(seconds=seconds), []
        perform(requests(200), workers, kept.append, lambda done, failed: None)
        assert [record["key"] for record in kept] == list(range(200))
        assert max(workers.batches) == largest
        assert len(workers.batches) % workers.slots() == 0  # as many for each worker, so that they end together
        assert workers.batches[-1] >= largest - 8  # and none so small that its start counts


def test_a_campaign_stops_after_as_many_failures_as_the_study_says():
    workers, kept = Workers(failing={3, 5, 8}), []
    with pytest.raises(Stopped, match="3 runs have failed"):
        perform(requests(50), workers, kept.append, lambda done, failed: None, 3)
    assert [record["key"] for record in kept] == list(range(9))


# Runs that share a simulator.


def tasks(tmp_path, **changes):
    return [run.task for run in plan(load_study(write(tmp_path / "s.yaml", **changes)), "s.yaml").runs]


def test_not_a_digit_differs_from_a_run_by_itself(tmp_path):
    """Chips of their own size, temperature and conductance grid, in one process."""
    parameters = {"size": [1, 3], "design.temperature": [250, 350], "design.programming.bits": [5, None]}
    parameters["drive_scale"] = ["auto", 0.3]
    found = tasks(tmp_path, parameters=parameters, instances=2)
    assert len(found) == 32
    assert perform_together(found, 60.0) == [_circuit.perform(task, 60.0) for task in found]


def test_a_transient_alone_tells_what_it_tells_beside_an_operating_point(tmp_path):
    """Catches a study of transients alone, whose end is judged by the circuit's equations, that fails in each run."""
    alone, beside = (
        _circuit.perform(tasks(tmp_path, circuit={**SMALL["circuit"], "analyses": analyses}, instances=1)[0], 60.0)
        for analyses in (["tran"], ["op", "tran"])
    )
    assert {"settle_time", "overshoot"} <= alone["metrics"].keys()
    for name, value in alone["metrics"].items():
        assert value == pytest.approx(beside["metrics"][name], rel=1e-3, abs=1e-6), name


@pytest.mark.parametrize(("analyses", "asked"), [(["op"], [3]), (["ac"], [1, 1, 1]), (["op", "tran"], [1, 1, 1])])
def test_only_operating_points_are_asked_for_together(tmp_path, monkeypatch, analyses, asked):
    requests = [
        {"key": str(k), "task": task, "campaign": "c"}
        for k, task in enumerate(tasks(tmp_path, circuit={**SMALL["circuit"], "analyses": analyses}, instances=3))
    ]
    sizes = []

    def answer(batch):
        sizes.append(len(batch))
        return {"done": [{"metrics": {"m": float(request["key"])}} for request in batch]}

    monkeypatch.setattr(worker_module, "_asked", answer)
    outcomes = worker_module.execute_all(requests)
    assert sizes == asked
    assert [(o["key"], o["status"], o["metrics"]["m"]) for o in outcomes] == [(str(k), "done", k) for k in range(3)]


def test_when_a_batch_fails_each_run_is_asked_for_by_itself(tmp_path, monkeypatch):
    requests = [{"key": str(k), "task": task, "campaign": "c"} for k, task in enumerate(tasks(tmp_path, instances=3))]

    def answer(batch):
        if any(request["key"] == "1" for request in batch):
            return {"failed": "no\nluck", "elapsed_s": 1.0}
        return {"done": [{"metrics": {}} for _ in batch]}

    monkeypatch.setattr(worker_module, "_asked", answer)
    outcomes = worker_module.execute_all(requests)
    assert [o["status"] for o in outcomes] == ["done", "failed", "done"]
    assert outcomes[1]["reason"] == "no luck"


# Whole campaigns.


def test_a_campaign_measures_what_simulate_measures(run, tmp_path, here):
    write(tmp_path / "s.yaml", circuit={"design": "board-1k-1n", "size": 3}, seed=4, instances=2)
    outcome = run("sweep", "s.yaml", "--out", "out", "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["runs"], summary["done"], summary["outcome"]) == (2, 2, "complete")
    assert summary["engine"] == f"ngspice {find_ngspice().version}"
    results = xr.load_dataset(tmp_path / "out" / "results.nc", engine="h5netcdf")
    arguments = ("--size", 3, "--analysis", "op", "--seed", 4, "--instance-seed", 5, "--json")
    single = json.loads(run("simulate", *arguments).out)
    # The same deck in the same simulator: not a digit differs.
    assert results.sel(instance=5).relative_error.item() == single["relative_error"]
    np.testing.assert_array_equal(results.sel(instance=5).v, single["v"])
    np.testing.assert_array_equal(results.sel(instance=5).answer, single["answer"])

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
    execute(tmp_path / "out", "DELETE FROM runs WHERE key = ?", (min(kept(tmp_path / "out")),))
    assert json.loads(run("sweep", "--resume", "out", "--json").out)["reused"] == 3
    assert (tmp_path / "out" / "table.csv").read_bytes() == table


def test_verdicts_that_a_study_has_not_are_refused_before_it_runs(run, tmp_path, here):
    # Catches runs of an hour whose last line is that they were asked for something else.
    write(tmp_path / "s.yaml")
    run("sweep", "s.yaml", "--out", "out", "--junit", "ci.xml").refused("--junit", "netlist")
    assert not (tmp_path / "out" / "table.csv").exists()


# Studies that choose their own points.

TWO = {
    "design.mismatch.resistor_sigma": {"low": "0.2 %", "high": "5 %", "scale": "log"},
    "design.programming.bits": {"low": 6, "high": 10},
}


def test_a_ranking_tells_which_parameter_moves_the_error(run, tmp_path, here):
    parameters = {**TWO, "design.temperature": {"low": 290, "high": 310}}
    asked = {"metric": "relative_error", "samples": 8, "levels": 2, "resamples": 100}
    write(tmp_path / "s.yaml", parameters=parameters, sensitivity=asked, instances=2)
    outcome = run("sweep", "s.yaml", "--out", "out", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)["sensitivity"]
    rows = {row["parameter"]: row for row in found["ranking"]}
    # Without temperature coefficients nothing depends on it in an operating point, and the last place is its.
    assert found["ranking"][-1]["parameter"] == "design.temperature"
    assert rows["design.temperature"]["total"] == rows["design.temperature"]["moves"] == 0
    # The study's bits are exact, and the same chips are drawn: the error grows in proportion to the mismatch to first
    # order, so that from 0.2 to 5 % it moves by 24/25 of what it has at 5 %. Offsets, 0.4 mV of volts, and the second
    # order, 5 % of the first for each of a few resistors, leave a fifth.
    at = {level["value"]: level["metric"] for level in rows["design.mismatch.resistor_sigma"]["levels"]}
    assert rows["design.mismatch.resistor_sigma"]["moves"] == pytest.approx(0.96 * at[0.05], rel=0.2)
    assert (tmp_path / "out" / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "sensitivity.csv").read_text().count("\n") == 4


def test_a_killed_search_goes_on_to_the_same_design(run, tmp_path, here):
    cost = {
        "design.mismatch.resistor_sigma": {"coefficient": 1, "at": "1 %", "exponent": -1},
        "design.programming.bits": {"coefficient": 0.1, "at": 8, "doubles_every": 1},
    }
    limits = [{"metric": "relative_error", "at_most": "5 %", "required_yield": "70 %"}]
    asked = {"cost": cost, "runs": 32, "verify": 6}
    write(tmp_path / "s.yaml", parameters=TWO, limits=limits, optimise=asked, instances=4)
    outcome = run("sweep", "s.yaml", "--out", "out", "--json")
    found = json.loads(outcome.out)
    new = found["optimised"]["verification"]
    assert outcome.code == (0 if new["met"] else 1), outcome.err
    assert found["optimised"]["designs"] <= 8
    assert new["seeds"] == {"first": 4, "last": 9}  # the search has 0 to 3
    kept_designs = (tmp_path / "out" / "designs.csv").read_text()
    assert kept_designs.count("\n") == 1 + found["optimised"]["designs"]
    # Half of the runs are gone, as after a kill in the middle.
    for key in sorted(kept(tmp_path / "out"))[::2]:
        execute(tmp_path / "out", "DELETE FROM runs WHERE key = ?", (key,))
    again = json.loads(run("sweep", "--resume", "out", "--json").out)
    assert (tmp_path / "out" / "designs.csv").read_text() == kept_designs
    assert again["optimised"] == found["optimised"]


def test_a_limit_that_no_design_keeps_ends_with_one(run, tmp_path, here):
    limits = [{"metric": "relative_error", "at_most": 1e-9, "required_yield": "70 %"}]
    cost = {"design.programming.bits": {"coefficient": 1, "at": 8, "exponent": 1}}
    parameters = {"design.programming.bits": [6, 8, 10, 12]}
    asked = {"cost": cost, "runs": 16}
    write(tmp_path / "s.yaml", parameters=parameters, limits=limits, optimise=asked, instances=4)
    outcome = run("sweep", "s.yaml", "--out", "out")
    assert outcome.code == 1
    assert "no design that was tried keeps the limits" in " ".join(outcome.err.split())
    assert "verification" not in json.loads((tmp_path / "out" / "summary.json").read_text())["optimised"]
