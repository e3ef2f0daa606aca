"""A folder of a run that no run has left is refused in one line, and nothing in it changes."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from thermospice.training import CheckpointError, Task, load_task
from thermospice.training.runs import Interrupted, RowsError, load_checkpoint, save_checkpoint, train

from ..experiments_in_short import QUICK, complete

METHODS: dict[str, dict[str, Any]] = {
    "adam": {"optimizer": "adam", "lr": 0.01},
    "delayed": {
        "solver": "ideal-spu",
        "curvature": "ggn",
        "lr": 0.1,
        "damping": 0.1,
        "t": 2.0,
        "delay": 0.5,
        "kappa0": 1e-4,
    },
    "delayed by layers": {"solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "delay": 0.5, "kappa0": 1e-4},
    "kfac": {"optimizer": "kfac", "lr": 0.1, "damping": 0.1, "momentum": 0.5},
}
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task("regression")


@pytest.fixture(scope="module")
def begun(task: Task, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Path]]:
    """Runs that were stopped before step 2."""
    found = {}
    for name, fields in METHODS.items():
        folder = tmp_path_factory.mktemp(name)
        e = complete({**QUICK, **fields}, task)
        asked = iter(range(100))
        with pytest.raises(Interrupted):
            train(task, e, 0, folder, stop=lambda asked=asked: next(asked) >= 5)  # type: ignore[misc]
        found[name] = (e, folder)
    return found


def at(*place: Any, value: Any = ...) -> Change:
    """Puts a value in a place of the state, or takes away what is there."""

    def change(state: dict[str, Any]) -> None:
        inner: Any = state
        for key in place[:-1]:
            inner = inner[key]
        if value is ...:
            del inner[place[-1]]
        else:
            inner[place[-1]] = value(inner[place[-1]]) if callable(value) else value

    return change


def nan(tensor: Any) -> Any:
    return tensor * float("nan")


def short(tensor: Any) -> Any:
    return tensor[:1].clone()


FORGED: dict[str, tuple[str, Change]] = {
    **{f"without {name}": ("adam", at(name)) for name in ("module", "stepper", "order", "random", "counters")},
    **{
        f"counter {name}": ("adam", at("counters", name))
        for name in ("step", "batch_losses", "initial_loss", "elapsed", "time", "energy")
    },
    "new key": ("adam", lambda state: state.update(colour="red")),
    "step huge": ("adam", at("counters", "step", value=10**30)),
    "step negative": ("adam", at("counters", "step", value=-1)),
    "step a word": ("adam", at("counters", "step", value="2")),
    "step true": ("adam", at("counters", "step", value=True)),
    "loss NaN": ("adam", at("counters", "initial_loss", value=float("nan"))),
    "elapsed infinite": ("adam", at("counters", "elapsed", value=float("inf"))),
    "time negative": ("adam", at("counters", "time", "digital", value=-1.0)),
    "batch losses NaN": ("adam", at("counters", "batch_losses", value=[float("nan")])),
    "module a list": ("adam", at("module", value=[1])),
    "weight gone": ("adam", at("module", "0.weight")),
    "weight NaN": ("adam", at("module", "0.weight", value=nan)),
    "weight short": ("adam", at("module", "0.weight", value=short)),
    "weight double": ("adam", at("module", "0.weight", value=lambda w: w.double())),
    "weight a word": ("adam", at("module", "0.weight", value="heavy")),
    "optimiser empty": ("adam", at("stepper", value={})),
    "moment gone": ("adam", at("stepper", "state", 0, "exp_avg")),
    "moment short": ("adam", at("stepper", "state", 0, "exp_avg", value=short)),
    "moment NaN": ("adam", at("stepper", "state", 0, "exp_avg_sq", value=nan)),
    "another setting": ("adam", at("stepper", "param_groups", 0, "betas", value=(0.5, 0.5))),
    "rate NaN": ("adam", at("stepper", "param_groups", 0, "lr", value=float("nan"))),
    "group gone": ("adam", at("stepper", "param_groups", value=[])),
    "order floats": ("adam", at("order", "left", value=torch.ones(3))),
    "order beyond": ("adam", at("order", "left", value=lambda left: left + 10**6)),
    "order generator short": ("adam", at("order", "generator", value=short)),
    "random short": ("adam", at("random", "cpu", value=short)),
    "readout short": ("delayed", at("stepper", "analog", "vectors", "readout", value=short)),
    "readout gone": ("delayed", at("stepper", "analog", "vectors", value={})),
    "damping forged": ("delayed", at("stepper", "param_groups", 0, "damping", value=-5.0)),
    "analog gone": ("delayed", at("stepper", "analog")),
    "stale gone": ("delayed", at("stepper", "analog", "stale", value=None)),
    "stale J short": ("delayed", at("stepper", "analog", "stale", "J", value=short)),
    "stale layer short": ("delayed by layers", at("stepper", "analog", "stale", "layers", 0, 0, value=short)),
    "stale damping": ("delayed", at("stepper", "analog", "stale", "damping", value=float("inf"))),
    "solver's generator": ("delayed", at("stepper", "analog", "solver", "generator", value=b"x")),
    "average short": ("kfac", at("stepper", "analog", "averages", 0, value=lambda two: tuple(map(short, two)))),
    "velocity gone": ("kfac", at("stepper", "analog", "velocity", value=[])),
    "velocity NaN": ("kfac", at("stepper", "analog", "velocity", 0, value=nan)),
    "steps a word": ("kfac", at("stepper", "analog", "stats", "steps", value="many")),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_checkpoint_is_refused(
    tmp_path: Path, task: Task, begun: dict[str, tuple[Any, Path]], name: str
) -> None:
    method, change = FORGED[name]
    e, folder = begun[method]
    state = copy.deepcopy(load_checkpoint(folder / "checkpoint.pt"))
    change(state)
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, state)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="not a checkpoint of this run") as caught:
        train(task, e, 0, tmp_path, resume=True)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", METHODS)
def test_another_runs_checkpoint_is_refused(
    tmp_path: Path, task: Task, begun: dict[str, tuple[Any, Path]], name: str
) -> None:
    other = next(method for method in METHODS if method != name)
    (tmp_path / "checkpoint.pt").write_bytes((begun[other][1] / "checkpoint.pt").read_bytes())
    with pytest.raises(CheckpointError, match="not a checkpoint of this run"):
        train(task, begun[name][0], 0, tmp_path, resume=True)


@pytest.mark.parametrize(
    "rows",
    [
        "nothing\n",
        "[1]\n",
        '{"step": NaN}\n',
        '{"step": 1e999}\n',
        '{"loss": 1}\n',
        '{"step": "2"}\n',
        "9" * 5000 + "\n",
    ],
)
def test_forged_rows_are_refused(tmp_path: Path, task: Task, begun: dict[str, tuple[Any, Path]], rows: str) -> None:
    e, folder = begun["adam"]
    (tmp_path / "checkpoint.pt").write_bytes((folder / "checkpoint.pt").read_bytes())
    (tmp_path / "curves.jsonl").write_text(rows)
    with pytest.raises(RowsError, match=r"curves\.jsonl(: not the rows of a run|, line 1: not valid JSON)") as caught:
        train(task, e, 0, tmp_path, resume=True)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "curves.jsonl").read_text() == rows


def test_what_is_not_forged_goes_on(tmp_path: Path, task: Task, begun: dict[str, tuple[Any, Path]]) -> None:
    for name, (e, folder) in begun.items():
        (tmp_path / name).mkdir()
        for file in ("checkpoint.pt", "curves.jsonl"):
            (tmp_path / name / file).write_bytes((folder / file).read_bytes())
        assert train(task, e, 0, tmp_path / name, resume=True)["steps"] == 12
        rows = [json.loads(line) for line in (tmp_path / name / "curves.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows] == [0, 5, 10, 12]
