"""Tuning: one budget for all, validation data alone, resumable, and what was chosen is what is used."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from thermospice.files import read_json_lines
from thermospice.training import (
    Experiment,
    ExperimentError,
    Split,
    experiment,
    load_experiment,
    load_task,
    run_experiments,
    tune,
)
from thermospice.training.experiments import FOLDER, RANGES, Choice, Range, budgets, fields_of_method, with_defaults
from thermospice.training.runs import METHODS, Tuned, TuningBudget, search_points
from thermospice.training.runs.tuning import Reached, TargetWatch, reached

TINY = TuningBudget(trials=3, seeds=(100,), finalists=2, final_seeds=(101,), steps=4, batch_size=31)


def test_range_is_uniform_in_the_logarithm() -> None:
    assert [Range(0.01, 1.0).at(u) for u in (0.0, 0.5, 1.0)] == pytest.approx([0.01, 0.1, 1.0], rel=5e-3)
    from_one = [Range(0.0, 0.99, from_one=True).at(u) for u in (0.0, 0.5, 1.0)]
    assert from_one == pytest.approx([0.0, 0.9, 0.99], abs=5e-3)  # three digits are kept


@pytest.mark.parametrize("method", METHODS)
def test_points_lie_in_the_ranges_and_a_larger_budget_continues(method: str) -> None:
    few, many = search_points(method, TuningBudget(trials=5)), search_points(method, TuningBudget(trials=40))
    assert many[:5] == few
    for name, wanted in RANGES[method].items():
        if isinstance(wanted, Choice):
            counts = np.bincount([wanted.values.index(point[name]) for point in many], minlength=len(wanted.values))
            assert (np.abs(counts - 40 / len(counts)) <= 4).all()
            continue
        values = np.array([_rho(point) if name == "rho" else point[name] for point in many])
        if name == "rho":  # from rates of three digits
            values = values.clip(wanted.low, wanted.high)
        assert (values >= wanted.low).all()
        assert (values <= wanted.high).all()
        # Low discrepancy: every quarter of the range gets close to its ten points of forty.
        quarters = [wanted.at(u) for u in (0.25, 0.5, 0.75)]
        counts = np.bincount(np.searchsorted(quarters, values), minlength=4)
        assert (np.abs(counts - 10) <= 3).all()


def _rho(point: dict[str, Any]) -> float:
    """`lr reach / (1 - momentum)`, where a warm device comes to 1/damping and another to min(t, 1/damping)."""
    rest = 1 / point["damping"]
    reach = rest if point.get("start") == "warm" else min(rest, point.get("t", np.inf))
    return float(point["lr"] * reach / (1 - point["momentum"]))


@pytest.fixture(scope="module")
def tuned_regression(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tuned]]:
    folder = tmp_path_factory.mktemp("tuned")
    return folder, tune("regression", folder, methods=("sgd", "adam"), budget=TINY, workers=1)


def test_every_method_gets_the_same_budget(tuned_regression: tuple[Path, list[Tuned]]) -> None:
    tmp_path, tuned = tuned_regression
    assert [best.method for best in tuned] == ["sgd", "adam"]
    for best in tuned:
        assert len(best.trials) == 3
        assert sorted(map(len, best.losses)) == [1, 2, 2]
        assert best.validation_loss == min(np.mean(losses) for losses in best.losses if len(losses) == 2)
        assert best.chosen in best.trials
    entries = [json.loads(path.read_text()) for path in tmp_path.glob("*/entry.jsonl")]
    assert len(entries) == 2 * (3 * 1 + 2 * 1)
    assert {entry["steps"] for entry in entries} == {4}
    assert {entry["seed"] for entry in entries} == {100, 101}


def test_what_was_tuned_is_a_file_that_trains_as_the_trial_did(
    tuned_regression: tuple[Path, list[Tuned]], tmp_path: Path
) -> None:
    # Catches a file that says too little: settings of another tuning, batches or schedule in the place of the trial's.
    folder, tuned = tuned_regression
    for best in tuned:
        made = load_experiment(folder / "regression.yaml", optimizer=best.method, seeds=(101,))
        assert (made.steps, made.batch_size, made.schedule) == (4, 31, "cosine")
        (entry,) = run_experiments([made], tmp_path / best.method, workers=1, quiet=True)
        assert entry["validation_loss"] == best.losses[best.trials.index(best.chosen)][-1]
    with pytest.raises(ExperimentError, match=r"regression.yaml: optimizer: expected one .*\(sgd, adam\), got none"):
        load_experiment(folder / "regression.yaml")


def test_test_part_is_out_of_reach(tmp_path: Path) -> None:
    task = load_task("regression")
    poisoned = replace(task, test=Split(task.test.inputs * torch.nan, task.test.targets))
    a, b = (
        tune("regression", tmp_path / name, methods=("sgd",), budget=TINY, task=data, workers=1)
        for name, data in (("clean", task), ("poisoned", poisoned))
    )
    assert a == b
    for row in (tmp_path / "poisoned").glob("*/entry.jsonl"):
        entry = json.loads(row.read_text())
        assert entry.get("test_loss") == entry.get("validation_loss")


def test_goes_on_where_it_was(tmp_path: Path) -> None:
    first = tune("regression", tmp_path, methods=("sgd",), budget=TINY, workers=1)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/entry.jsonl")}
    assert tune("regression", tmp_path, methods=("sgd",), budget=TINY, workers=1) == first
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/entry.jsonl")}


def test_divergence_never_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RANGES, "sgd", {"lr": Range(1e-3, 1e30)})  # type: ignore[arg-type]
    (best,) = tune("regression", tmp_path, methods=("sgd",), budget=replace(TINY, trials=6), workers=1)
    assert np.isfinite(best.validation_loss)
    assert any(np.isinf(losses[0]) for losses in best.losses)
    monkeypatch.setitem(RANGES, "sgd", {"lr": Range(1e29, 1e30)})  # type: ignore[arg-type]
    with pytest.raises(ExperimentError, match="every finalist of sgd diverged"):
        tune("regression", tmp_path / "all", methods=("sgd",), budget=TINY, workers=1)


def test_rows_are_sampled_over_as_many_steps_as_fill_the_same_arrays(tmp_path: Path) -> None:
    # Ten classes: one row of each sample in ten steps, in the place of ten rows in one.
    (best,) = tune("digits", tmp_path, methods=("ideal-spu",), budget=TINY, workers=1)
    assert {(point["curvature_rows"], point.get("curvature_average")) for point in best.trials} == {
        ("all", None),
        ("sampled", 10),
    }


def test_says_when_the_loss_of_the_last_was_reached_and_who_cannot_train(tmp_path: Path) -> None:
    # K-FAC needs layers that the differential equation's network does not show it.
    found = tune("pinn", tmp_path, methods=("kfac", "sgd", "adam"), budget=replace(TINY, batch_size=128), workers=1)
    assert [best.method for best in found] == ["sgd", "adam"]
    written = yaml.safe_load((tmp_path / "pinn.yaml").read_text())
    assert list(written["left_out"]) == ["kfac"]
    assert "\n" not in written["left_out"]["kfac"]
    target = max(best.validation_loss for best in found)
    assert {best.target_loss for best in found} == {target}
    assert written["budget"]["steps"] == 4
    assert written["reproduce"].endswith("--tune --steps 4 --batch-size 128 --trials 3")
    for best in found:
        (when,) = best.reached
        rows = read_json_lines(tmp_path / f"{best.method}-{best.trials.index(best.chosen):02d}-s101" / "curves.jsonl")
        there = [row["step"] for row in rows if row["validation_loss"] <= target]
        assert (when.step if when else None) == (there[0] if there else None)
    with pytest.raises(ExperimentError, match="no method can train pinn"):
        tune("pinn", tmp_path / "none", methods=("kfac",), budget=replace(TINY, batch_size=128), workers=1)


def test_a_run_says_at_which_step_it_came_to_its_target(tmp_path: Path) -> None:
    # Catches a target that is seen at logged steps alone.
    asked = experiment({"task": "regression", "optimizer": "sgd", "lr": 0.1, "steps": 12, "seeds": [0, 1]})
    every = run_experiments([asked.replace(log_every=1, test_every=1)], tmp_path / "all", workers=1, quiet=True)
    seldom = asked.replace(log_every=5, test_every=12, target_loss=0.8)
    steps = []
    for whole, entry in zip(every, run_experiments([seldom], tmp_path, workers=1, quiet=True), strict=True):
        rows = list(read_json_lines(tmp_path / "all" / whole["run"] / "curves.jsonl"))
        first = next(row["step"] for row in rows if row["validation_loss"] <= 0.8)
        assert entry["target_loss"] == 0.8
        assert (entry["steps_to_target"], entry["last_step_above_target"]) == (first, first - 1)
        logged = list(read_json_lines(tmp_path / entry["run"] / "curves.jsonl"))
        assert [row["step"] for row in logged] == sorted({0, 5, 10, 12, first})
        there = next(row for row in logged if row["step"] == first)
        assert entry["modelled_time_to_target_s"] == there["modelled_time_s"]
        assert entry["train_loss"] == whole["train_loss"]  # a look changes nothing
        steps.append(first)
    assert any(step % 5 for step in steps)  # or the test could not fail


def test_a_step_between_two_looks_is_known_to_lie_between_them() -> None:
    rows = [{"step": 0, "validation_loss": 3.0}, {"step": 4}, {"step": 8, "validation_loss": 2.0},
            {"step": 12, "validation_loss": 0.5, "modelled_time_s": 1.5}]  # fmt: skip
    assert reached(rows, 1.0) == Reached(12, 1.5, above=8)
    assert reached(rows, 3.0) == Reached(0, 0.0, above=None)
    assert reached(rows, 0.1) is None


def test_nobody_looks_again_at_a_target_that_was_reached() -> None:
    # Catches a run that goes on after a stop, and looks at every step for ever, or forgets where it had been.
    watch = TargetWatch.of(1.0, [{"step": 3, "validation_loss": 0.9}])
    assert not watch.met(lambda: pytest.fail("asked"))
    assert not TargetWatch.of(None, []).met(lambda: pytest.fail("asked"))
    fresh = TargetWatch.of(1.0, [{"step": 3, "validation_loss": 1.1}])
    assert [fresh.met(lambda: 1.2), fresh.met(lambda: 1.0)] == [False, True]
    fresh.look({"step": 5, "validation_loss": 1.0})
    assert not fresh.met(lambda: pytest.fail("asked"))


def test_unknown_method() -> None:
    with pytest.raises(ExperimentError, match=r"got 'device-spu' \(shares the settings of ideal-spu\)"):
        search_points("device-spu", TINY)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_settings_are_used(path: Path) -> None:
    table = yaml.safe_load(path.read_text())
    assert table["task"] == path.stem
    task = replace(load_task("regression"), name=path.stem)  # only its sizes matter
    for tuned in budgets(table):
        budget = tuned.get("budget", {})
        if "trials" in budget:  # tuned here, rather than published
            if "methods=" not in tuned["reproduce"]:  # which asks for some of them
                assert {*tuned["methods"], *tuned.get("left_out", {})} == set(METHODS)
            assert not set(budget["seeds"] + budget["final_seeds"]) & set(Experiment().seeds)
        for method, found in tuned["methods"].items():
            asked = Experiment(task=path.stem, steps=budget.get("steps"), **fields_of_method(method))
            made = with_defaults(asked, task)
            assert {name: getattr(made, name) for name in found["chosen"]} == found["chosen"]
            assert made.tuned_for == budget.get("steps")
            loaded = with_defaults(load_experiment(path, steps=budget.get("steps"), **fields_of_method(method)), task)
            assert loaded.replace(tuned_for=made.tuned_for, batch_size=made.batch_size) == made
            for name, searched in found.get("ranges", {}).items():
                assert _lies_in(searched, _rho(found["chosen"]) if name == "rho" else found["chosen"][name])


def _lies_in(searched: list[Any], value: Any) -> bool:
    if isinstance(value, str):
        return value in searched
    return bool(searched[0] * 0.99 <= value <= searched[1] * 1.01)  # rates have three digits
