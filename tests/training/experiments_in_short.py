"""Short runs, and what they leave behind."""

import json
from pathlib import Path
from typing import Any

import torch
from thermospice.training import Experiment, Task, experiment
from thermospice.training.experiments import with_defaults
from thermospice.training.runs import load_checkpoint
from torch import Tensor, nn

QUICK: dict[str, Any] = {"task": "regression", "steps": 12, "seeds": (0,), "log_every": 5, "test_every": 10}
ADAM = {**QUICK, "optimizer": "adam", "lr": 0.01}


def dropout_network() -> nn.Module:
    return nn.Sequential(nn.Linear(10, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def weights(folder: Path) -> dict[str, Tensor]:
    return load_checkpoint(folder / "checkpoint.pt")["module"]  # type: ignore[no-any-return]


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def complete(fields: dict[str, Any], task: Task) -> Experiment:
    return with_defaults(experiment(fields), task)
