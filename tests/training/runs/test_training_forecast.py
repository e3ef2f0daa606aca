"""What a training is said to take before it begins."""

from pathlib import Path

import pytest
import torch
from thermospice.training import ExperimentError, experiment
from thermospice.training.runs import RunCost, TrainingForecast, _forecast, memory, run_cost, run_experiment, together

from ..experiments_in_short import ADAM, QUICK

HOUR = RunCost(3600.0, 4e9)


@pytest.fixture
def slow(monkeypatch):
    """Every step, and every look at the data, takes half a second by the clock."""

    def seconds(run):
        run()
        return 0.5

    monkeypatch.setattr(_forecast, "_seconds", seconds)


def test_time_is_that_of_all_runs_over_the_workers_and_never_below_the_longest():
    assert together([HOUR] * 6, 3).seconds == pytest.approx(7200.0)
    assert together([HOUR] * 2, 8).seconds == pytest.approx(3600.0)
    assert together([HOUR, RunCost(60.0, 0.0)], 2).seconds == pytest.approx(3600.0)
    assert together([HOUR] * 6, 3).memory == pytest.approx(12e9)
    assert together([], 3) is None


def test_what_is_long_or_large_is_said_and_nothing_else():
    assert together([HOUR] * 6, 3).text == "6 runs take about 2 h and 12 GB of memory on 3 processes"
    assert together([RunCost(90.0, 0.0)], 3).text == "1 run takes about 90 s"
    assert together([RunCost(0.0, 2e9)], 1).text == "1 run takes 2 GB of memory"
    assert together([RunCost(50.0, 5e8)], 1).text is None


def test_workers_that_do_not_fit_together_are_refused_with_the_number():
    found = TrainingForecast(runs=4, workers=4, seconds=1.0, memory=8e9)
    found.check(free=9e9)
    with pytest.raises(ExperimentError, match=r"workers: 4 take about 8 GB of memory together, and 3 GB are free"):
        found.check(free=3e9)


def test_a_run_costs_its_steps_and_its_looks_at_the_data(slow):
    made = experiment({**ADAM, "steps": 40, "log_every": 10})
    task = _forecast.cached_task("regression", None)
    every = len(task.train) + len(task.validation) + len(task.test)
    looks = 5 * every / min(len(task.train), _forecast.SAMPLES)
    assert run_cost(made).seconds == pytest.approx(0.5 * (40 + looks))
    assert run_cost(made.replace(steps=10)).seconds == 0.0


def test_a_long_step_is_counted_and_not_tried(monkeypatch):
    # Catches a forecast that takes a step of minutes before it says that there are many.
    made = experiment({**QUICK, "solver": "woodbury", "curvature": "ggn", "steps": 1000, "batch_size": 31})
    monkeypatch.setattr(_forecast, "PER_SECOND", 1e3)
    monkeypatch.setattr(_forecast.TrainingState, "advance", None)
    size = memory.StepSize(B=31, N=193, width=4, r=31, stored=True, matrices=True)
    assert run_cost(made).seconds == pytest.approx(1000 * size.operations / 1e3)


def test_it_is_said_before_a_run_and_changes_nothing_in_it(tmp_path: Path, slow):
    made = experiment({**ADAM, "steps": 200})
    said: list[str] = []
    torch.manual_seed(1)
    before = torch.get_rng_state()
    told = run_experiment(made, tmp_path / "told", workers=1, tell=said.append)[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert said[0].startswith("1 run takes about ")
    silent = run_experiment(made, tmp_path / "silent", workers=1)[0]
    assert told["train_loss"] == silent["train_loss"]


def test_a_step_that_does_not_fit_is_refused_with_its_size(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(memory._out_of_memory, "free_memory", lambda processor: 1e4)
    made = experiment({**QUICK, "solver": "woodbury", "curvature": "ggn", "batch_size": 31})
    with pytest.raises(
        ExperimentError, match=r"woodbury: a step takes .* GB of memory at least, and 1e-05 GB are free"
    ):
        run_experiment(made, tmp_path, workers=1)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"solver": "woodbury", "curvature": "layers"}, False),
        ({"solver": "device-spu", "design": "board-1k-1n", "curvature": "layers"}, True),
        ({"solver": "conjugate-gradient", "curvature": "ggn"}, True),
        ({"solver": "conjugate-gradient", "curvature": "products"}, False),
    ],
)
def test_a_jacobian_is_counted_where_it_is_stored(fields, stored):
    task = _forecast.cached_task("regression", None)
    made = experiment({**QUICK, "batch_size": 31, "precision": "float64", **fields})
    size = memory.StepSize.of(made, task, task.build())
    assert size.jacobian * size.stored == (31 * 193 * 8 if stored else 0)
