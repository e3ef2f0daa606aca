"""What a training is said to take before it begins."""

from pathlib import Path

import pytest
import torch
from thermospice.files.forecasts import Forecast
from thermospice.training import ExperimentError, experiment, runs, tune
from thermospice.training.runs import TuningBudget, check_workers, memory, run_experiment, run_forecast

from ..experiments_in_short import ADAM, QUICK


@pytest.fixture
def slow(monkeypatch):
    """Every step, and every look at the data, takes half a second by the clock."""

    def seconds(run):
        run()
        return 0.5

    monkeypatch.setattr(runs._forecast, "_seconds", seconds)


def test_workers_that_do_not_fit_together_are_refused_with_the_number():
    found = Forecast(1.0, 8e9)
    check_workers(found, 4, free=9e9)
    check_workers(found, 1, free=3e9)
    with pytest.raises(ExperimentError, match=r"workers: 4 take about 8 GB of memory, and 3 GB are free"):
        check_workers(found, 4, free=3e9)


def test_a_run_costs_its_steps_and_its_looks_at_the_data(slow):
    made = experiment({**ADAM, "steps": 40, "log_every": 10})
    task = runs._forecast.cached_task("regression", None)
    every = len(task.train) + len(task.validation) + len(task.test)
    looks = 5 * every / min(len(task.train), runs._forecast.SAMPLES)
    assert run_forecast(made).seconds == pytest.approx(0.5 * (40 + looks))
    assert run_forecast(made.replace(steps=2, log_every=2)).seconds == pytest.approx(0.5 * (2 + 2 * looks / 5))


def test_a_long_step_is_counted_and_not_tried(monkeypatch):
    # Catches a forecast that takes a step of minutes before it says that there are many.
    made = experiment({**QUICK, "solver": "woodbury", "curvature": "ggn", "steps": 1000, "batch_size": 31})
    monkeypatch.setattr(runs._forecast, "PER_SECOND", 1e3)
    monkeypatch.setattr(runs._forecast.TrainingState, "advance", None)
    size = memory.StepSize(B=31, N=193, width=4, r=31, stored=True, matrices=True)
    assert run_forecast(made).seconds == pytest.approx(1000 * size.operations / 1e3)


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
    monkeypatch.setattr(memory._out_of_memory, "free_memory_of", lambda processor: 1e4)
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
    task = runs._forecast.cached_task("regression", None)
    made = experiment({**QUICK, "batch_size": 31, "precision": "float64", **fields})
    size = memory.StepSize.of(made, task, task.build())
    assert size.jacobian * size.stored == (31 * 193 * 8 if stored else 0)


def test_a_tuning_says_what_all_its_runs_take_that_are_not_there_yet(tmp_path: Path, slow):
    """Catches finals that are forgotten, and runs that a folder holds and that are counted again."""
    budget = TuningBudget(trials=2, seeds=(1,), finalists=1, final_seeds=(2, 3), steps=200, batch_size=32)
    said: list[str] = []
    tuned = tune("regression", tmp_path, methods=("sgd", "adam"), budget=budget, workers=1, tell=said.append)
    assert [line.split(" takes ")[0].split(" take ")[0] for line in said] == ["8 runs"]
    # Finals were forecast for the first point, and may have been another's: those alone may be left.
    assert tune("regression", tmp_path, methods=("sgd", "adam"), budget=budget, workers=1, tell=said.append) == tuned
    assert all(line.startswith(("2 runs", "4 runs")) for line in said[1:])
