"""Runs whose device rings up on the way, and what their results tell."""

import math
from pathlib import Path
from typing import Any

import pytest
from thermospice.circuits import Design
from thermospice.training import ExperimentError, experiment, load_task
from thermospice.training.experiments import with_defaults
from thermospice.training.runs import Interrupted, run_experiment, train

from ..experiments_in_short import QUICK, rows

BOARD: dict[str, Any] = Design.preset("board-1k-1n").to_dict()


def board(sigma: float, bits: int | None = None) -> dict[str, Any]:
    programming = {**BOARD["programming"], "bits": bits}
    return {**BOARD, "mismatch": {**BOARD["mismatch"], "resistor_sigma": sigma}, "programming": programming}


@pytest.mark.parametrize(("unstable", "ends"), [("raise-damping", True), ("shorten-t", True), ("stop", False)])
def test_a_run_goes_on_by_its_policy_and_counts_it(tmp_path: Path, unstable: str, ends: bool) -> None:
    asked = {**QUICK, "solver": "device-spu", "design": board(0.15), "damping": 1e-3, "log_every": 1}
    made = experiment({**asked, "unstable": unstable})
    (entry,) = run_experiment(made, tmp_path, workers=1, quiet=True)
    assert ("stopped" not in entry) == ends
    if not ends:
        assert "unstable" in entry["stopped"]
        return
    assert entry["steps"] == 12
    assert 1 <= entry["policy_acted"] <= 12
    assert math.isfinite(entry["test_loss"])
    told = rows(tmp_path / "curves.jsonl")
    assert all({"lambda_max", "growth", "damping", "policy_acted"} <= row.keys() for row in told[1:])
    acted = [row["policy_acted"] for row in told[1:]]
    assert acted == sorted(acted)
    assert (max(row["damping"] for row in told[1:]) > 1e-3) == (unstable == "raise-damping")


def test_an_exact_device_is_told_to_be_stable(tmp_path: Path) -> None:
    made = experiment({**QUICK, "solver": "device-spu", "design": BOARD, "steps": 3})
    (entry,) = run_experiment(made, tmp_path, workers=1, quiet=True)
    assert entry["policy_acted"] == 0
    assert entry["growth"] < 0
    assert 0 < entry["damping_slack"] <= 1


def test_a_damping_goes_by_equal_factors_and_is_resumed(tmp_path: Path) -> None:
    # Catches a resume that refuses what moves: the damping of a schedule, and what an unstable loop has added.
    asked = {**QUICK, "solver": "device-spu", "design": board(0.15), "log_every": 1, "unstable": "raise-damping"}
    made = experiment({**asked, "damping": 4e-3, "damping_last": 1e-3, "steps": 4, "curvature": "layers"})
    calls = iter(range(100))
    with pytest.raises(Interrupted):
        train(load_task("regression"), with_defaults(made, load_task("regression")), 0, tmp_path / "a",
              stop=lambda: next(calls) > 2)  # fmt: skip
    whole, parts = (
        train(load_task("regression"), with_defaults(made, load_task("regression")), 0, tmp_path / name, resume=True)
        for name in ("b", "a")
    )
    moved = {key for key in whole if whole[key] != parts[key] and not key.endswith(("_s", "_J", "_spread"))}
    assert moved == set()
    plain = experiment({**QUICK, "solver": "woodbury", "log_every": 1, "damping": 4e-3, "damping_last": 5e-4})
    (entry,) = run_experiment(plain.replace(steps=4), tmp_path / "c", workers=1, quiet=True)
    told = [row["damping"] for row in rows(tmp_path / "c" / "curves.jsonl")[1:]]
    assert told == pytest.approx([4e-3, 2e-3, 1e-3, 5e-4])
    assert "policy_acted" not in entry


def test_a_damping_that_the_chip_does_not_serve_is_adapted_or_refused(tmp_path: Path) -> None:
    # Catches a range that is looked at and not taken, one of another chip or batch, and an order of data that it moves.
    asked = {**QUICK, "solver": "device-spu", "design": board(0.15), "damping": 1e-3, "steps": 3}
    (entry,) = run_experiment(experiment({**asked, "served": "adapt"}), tmp_path / "a", workers=1, quiet=True)
    assert entry["served_damping"] > 1e-3
    with pytest.raises(ExperimentError, match=r"served: damping: expected .* got 0.001"):
        run_experiment(experiment({**asked, "served": "refuse"}), tmp_path / "b", workers=1, quiet=True)
    same = {**asked, "damping": entry["served_damping"]}
    (plain,) = run_experiment(experiment(same), tmp_path / "c", workers=1, quiet=True)
    assert plain["train_loss"] == entry["train_loss"]
    assert "served_damping" not in plain


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"served": "adapt", "solver": "ideal-spu"}, "served: means nothing to ideal-spu"),
        ({"unstable": "hope"}, "unstable: .*'raise-damping', 'shorten-t' or 'stop'"),
        ({"unstable": "stop", "solver": "ideal-spu"}, "unstable: means nothing to ideal-spu"),
        ({"damping_last": 0.1, "levenberg_marquardt": True}, "damping_last: Levenberg-Marquardt chooses"),
        ({"beta1": 0.9, "momentum": 0.5}, "momentum: goes with neither beta1 nor beta2"),
        ({"damping_last": 0}, "damping_last: "),
        ({"beta1": 1.0}, "beta1: "),
    ],
)
def test_settings_that_do_not_go_together_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        experiment({"solver": "device-spu", **fields})


@pytest.mark.slow
def test_resistors_of_three_percent_and_six_bits_train_digits_to_the_end(tmp_path: Path) -> None:
    # All five chips were unstable between steps 82 and 279 once, and their loss rose ten times before that.
    asked = {"task": "digits", "solver": "device-spu", "device_seed": "seed", "steps": 300, "test_every": 300}
    made = experiment({**asked, "design": board(0.03, 6)})
    entries = run_experiment(made, tmp_path, workers=2, quiet=True)
    assert [entry["steps"] for entry in entries] == [300] * 5
    assert all("stopped" not in entry for entry in entries)
    assert all(entry["policy_acted"] > 0 for entry in entries)
    # the ideal device ends at about 0.09, and what a training without the policy lost was 0.5
    assert all(entry["test_loss"] < 0.2 for entry in entries)
