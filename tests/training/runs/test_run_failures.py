"""Runs that cannot go on: why, and what is kept."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from thermospice.training import ExperimentError, experiment, load_task, run_experiments
from thermospice.training.runs import load_checkpoint, run_experiment
from torch import Tensor, nn

from ..experiments_in_short import ADAM, QUICK, weights


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"optimizer": "sgd", "lr": 1e3, "loss_bound": 10.0}, r"step \d+: loss .* above the bound"),
        ({"optimizer": "sgd", "lr": 1e20, "loss_bound": 1e300}, r"step \d+: the loss is not finite"),
        ({"solver": "woodbury", "lr": 1e20, "damping": 0.1, "loss_bound": 1e300}, r"step \d+: "),
    ],
)
def test_divergence_stops_with_reason_and_good_checkpoint(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    made = experiment({**QUICK, "name": "bad", "checkpoint_every": 1, "log_every": 1, **fields})
    good = experiment({**ADAM, "name": "good"})
    bad, fine = run_experiments([made, good], tmp_path, workers=1)
    assert bad["steps"] < 12
    assert "train_loss" not in bad
    assert "test_loss" not in bad
    assert fine["steps"] == 12
    assert re.match(reason, bad["stopped"])
    kept = weights(tmp_path / "bad-s0")
    assert all(values.isfinite().all() for values in kept.values())
    for line in (tmp_path / "curves.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


MEMORY = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of ..."),
    "cpu": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 800 bytes."),
    "numpy": MemoryError("Unable to allocate 1.2 GiB for an array"),
}


STORED = {**QUICK, "solver": "ideal-spu", "curvature": "ggn"}


@pytest.mark.parametrize("fields", [ADAM, STORED], ids=["adam", "ideal-spu"])
@pytest.mark.parametrize("kind", MEMORY)
def test_out_of_memory_says_what_to_lower(tmp_path: Path, kind: str, fields: dict[str, Any]) -> None:
    steps = iter(range(100))

    def full(outputs: Tensor, targets: Tensor) -> Tensor:
        if len(outputs) == 31 and next(steps) >= 3:  # the batch, and not an evaluation
            raise MEMORY[kind]
        return nn.functional.mse_loss(outputs, targets)

    task = replace(load_task("regression"), loss_fn=full)
    made = experiment({**fields, "batch_size": 31, "checkpoint_every": 1})
    with pytest.raises(ExperimentError) as caught:
        run_experiment(made, tmp_path, task=task, workers=1)
    message = str(caught.value)
    assert re.match(r"regression, \S+: out of memory in step \d", message)
    asked = {
        "cuda": "(asked for 2.50 GiB more)",
        "cpu": "(asked for 800 bytes more)",
        "numpy": "(asked for 1.2 GiB more)",
    }
    assert asked[kind] in message
    assert "lower batch_size" in message
    assert ("makes J 31 x 193 " in message) == (fields is not ADAM)
    kept = re.search(r"the checkpoint of step (\d) is kept", message)
    assert kept
    (checkpoint,) = tmp_path.glob("*/checkpoint.pt")
    assert load_checkpoint(checkpoint)["counters"]["step"] == int(kept[1])


def test_missing_device_file_is_refused_before_training(tmp_path: Path) -> None:
    made = experiment({**QUICK, "solver": "device-spu", "device": tmp_path / "absent.json"})
    with pytest.raises(ExperimentError, match=r"device: .*absent\.json"):
        run_experiment(made, tmp_path / "out", workers=1)


def test_a_jacobian_that_does_not_fit_is_refused_before_the_first_step(tmp_path: Path) -> None:
    """Catches a process that the kernel ends for its memory, an hour into nothing."""
    inputs = load_task("regression").train.inputs[0].numel()
    task = replace(load_task("regression"), build=lambda: nn.Linear(inputs, 200_000), layered=False)
    made = experiment({**QUICK, "solver": "ideal-spu", "batch_size": 32, "curvature": "ggn"})
    with pytest.raises(ExperimentError, match=r"a step takes \S+ GB of memory at least, and \S+ GB are free") as caught:
        run_experiment(made, tmp_path, task=task, workers=1)
    assert "curvature: fisher" in str(caught.value)
    assert "\n" not in str(caught.value)
