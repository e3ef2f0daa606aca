"""Runs: what they compute and what they write."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from thermospice.training import ExperimentError, Split, Task, experiment, load_task, run_experiments
from thermospice.training.runs import DataOrder, Interrupted, evaluate, run_experiment, train
from torch import nn

from ..experiments_in_short import ADAM, QUICK, complete, dropout_network, rows, same, weights


def test_adam_equals_a_plain_loop(tmp_path: Path) -> None:
    task = load_task("regression")
    e = complete({**ADAM, "schedule": "constant", "batch_size": 31}, task)
    train(task, e, 0, tmp_path)

    torch.manual_seed(0)
    module = task.build()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01, betas=(e.beta1 or 0.9, 0.999))
    generator = torch.Generator().manual_seed(0)
    order = torch.cat([torch.randperm(310, generator=generator) for _ in range(2)])
    for step in range(12):
        index = order[31 * step : 31 * (step + 1)]  # 31 divides 310: no sample is left out
        optimizer.zero_grad()
        task.loss_fn(module(task.train.inputs[index]), task.train.targets[index]).backward()
        optimizer.step()
    assert same(weights(tmp_path), module.state_dict())


def test_tngd_at_t_zero_equals_sgd(tmp_path: Path) -> None:
    common = {**QUICK, "lr": 0.05, "precision": "float64"}
    gradient = {"solver": "ideal-spu", "t": 0.0, "start": "gradient", "name": "t0"}
    entries = run_experiments(
        [experiment({**common, "optimizer": "sgd"}), experiment({**common, **gradient})], tmp_path, workers=1
    )
    # The two sum the same gradient in another order.
    assert entries[0]["train_loss"] == pytest.approx(entries[1]["train_loss"], rel=1e-12)


def test_cholesky_equals_woodbury(tmp_path: Path) -> None:
    common = {**QUICK, "lr": 0.2, "damping": 0.1, "precision": "float64"}
    made = [experiment({**common, "solver": solver}) for solver in ("cholesky", "woodbury")]
    entries = run_experiments(made, tmp_path, workers=1)
    assert entries[0]["train_loss"] == pytest.approx(entries[1]["train_loss"], rel=1e-10)


def test_order_draws_every_sample_once_an_epoch() -> None:
    order = DataOrder(10, 3, seed=0)
    epoch = torch.cat([order.draw() for _ in range(3)])
    assert len(epoch.unique()) == 9
    assert len(torch.cat([order.draw() for _ in range(3)]).unique()) == 9
    with pytest.raises(ExperimentError, match="batch_size: 11 is more than the 10"):
        DataOrder(10, 11, seed=0)


def test_evaluation_is_the_whole_mean_without_dropout() -> None:
    task = replace(load_task("regression"), build=dropout_network)
    many = Split(task.train.inputs.repeat(5, 1), task.train.targets.repeat(5, 1))  # more than one evaluation batch
    torch.manual_seed(0)
    module = task.build()
    loss, accuracy = evaluate(module, task, many)
    module.eval()
    with torch.no_grad():
        expected = (module(many.inputs) - many.targets).square().double().mean().item()
    assert loss == pytest.approx(expected, rel=1e-5)  # float32 sums of 1550 terms
    assert accuracy is None
    module.train()
    evaluate(module, task, many)
    assert module.training


# What is written -----------------------------------------------------------------------------------------------------


def test_entries_and_curves(tmp_path: Path) -> None:
    made = experiment({**QUICK, "task": "digits", "optimizer": "sgd", "lr": 0.1})
    (entry,) = run_experiment(made, tmp_path, workers=1)
    wanted = {"task", "optimizer", "seed", "steps", "train_loss", "test_loss", "test_accuracy", "elapsed_s"}
    assert wanted | {"modelled_time_s", "run"} <= entry.keys()
    # Neither computed, hence neither there.
    assert not {"solver", "modelled_energy_J"} & entry.keys()
    assert rows(tmp_path / "runs.jsonl") == [entry]
    curve = rows(tmp_path / "curves.jsonl")
    assert [row["step"] for row in curve] == [0, 5, 10, 12]
    assert [len(row["batch_losses"]) for row in curve] == [0, 5, 5, 2]
    assert ["test_loss" in row for row in curve] == [True, False, True, True]
    assert curve[-1]["train_loss"] == entry["train_loss"]
    assert {row["run"] for row in curve} == {"digits-sgd-s0"}
    times = [row["modelled_time_s"] for row in curve]
    assert times == sorted(times)
    assert 0 < entry["modelled_time_s"] <= entry["elapsed_s"]


def test_modelled_time_has_its_parts(tmp_path: Path) -> None:
    fields = {**QUICK, "steps": 3, "batch_size": 31, "lr": 0.1, "damping": 0.1, "t": 2.0, "delay": 0.5}
    made = [experiment({**fields, "solver": solver}) for solver in ("ideal-spu", "device-spu")]
    ideal, device = run_experiments(made, tmp_path, workers=1)
    # tau = 1 us; the first step has nothing stale to relax on.
    assert ideal["modelled_relaxation_s"] == pytest.approx((3 * 2.0 + 2 * 0.5) * 1e-6, rel=1e-12)
    # Published model: 16 bits for each of r (r + 2 N) resistors at 50 Gb/s, r = 31, N = 193.
    assert ideal["modelled_loading_s"] == pytest.approx(3 * 16 * 31 * (31 + 2 * 193) / 50e9, rel=1e-12)
    # One drive and one readout a step; a delay reads nothing out.
    assert ideal["modelled_drive_s"] == pytest.approx(3 * 16 * 193 / 50e9, rel=1e-12)
    for entry in (ideal, device):
        parts = [entry[f"modelled_{part}_s"] for part in ("digital", "loading", "drive", "relaxation", "readout")]
        assert entry["modelled_time_s"] == pytest.approx(sum(parts), rel=1e-12)
        assert 0 < entry["modelled_digital_s"] < entry["elapsed_s"]
    assert "modelled_energy_J" not in ideal
    assert device["modelled_energy_J"] > 0


def test_tensorboard_shows_what_the_curves_have_also_after_a_resume(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    task, e = load_task("regression"), complete(ADAM, load_task("regression"))
    calls = iter(range(100))
    with pytest.raises(Interrupted):
        train(task, e, 0, tmp_path, stop=lambda: next(calls) >= 11)
    train(task, e, 0, tmp_path, resume=True)
    events = accumulators.EventAccumulator(str(tmp_path))
    events.Reload()
    curve = rows(tmp_path / "curves.jsonl")
    for name in ("train_loss", "test_loss"):
        wanted = [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in curve if name in row]  # single precision
        assert [(event.step, event.value) for event in events.Scalars(name)] == wanted


def test_no_accuracy_where_there_is_none(tmp_path: Path) -> None:
    (entry,) = run_experiment(experiment(ADAM), tmp_path, workers=1)
    assert "test_accuracy" not in entry
    assert entry["parameters"] == 193


def test_test_part_does_not_touch_training(tmp_path: Path) -> None:
    task = load_task("regression")
    poisoned = replace(task, test=Split(task.test.inputs * torch.nan, task.test.targets))
    for name, data in (("clean", task), ("poisoned", poisoned)):
        run_experiment(experiment({**ADAM, "name": name}), tmp_path / name, task=data, workers=1)
    assert same(weights(tmp_path / "clean/clean-s0"), weights(tmp_path / "poisoned/poisoned-s0"))


def test_a_users_own_module(tmp_path: Path) -> None:
    x = torch.linspace(-1, 1, 40)[:, None]
    part = Split(x, 3 * x + 1)
    task = Task("line", lambda: nn.Linear(1, 1), nn.MSELoss(), part, part, part, steps=20, batch_size=40)
    made = experiment({"solver": "woodbury", "lr": 1.0, "damping": 1e-6, "seeds": (0,), "name": "line"})
    (entry,) = run_experiment(made, tmp_path, task=task, workers=1)
    assert entry["train_loss"] < 1e-9  # a natural-gradient step of one solves least squares
