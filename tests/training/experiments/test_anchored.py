"""A run is the same run from every folder that it is resumed from."""

from pathlib import Path

import pytest
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Cascade, Design
from thermospice.training import ExperimentError, experiment
from thermospice.training.experiments import anchored
from thermospice.training.runs import run_experiment

from ..experiments_in_short import QUICK


def test_paths_are_told_absolutely_and_nothing_else_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    monkeypatch.chdir(tmp_path)
    made = experiment({"solver": "device-spu", "design": "board-1k-1n", "data": "link/x"})
    assert anchored(made) == made.replace(data=tmp_path.resolve() / "there" / "x")
    named = experiment({"solver": "device-spu", "design": "link/mine.yaml"})
    assert anchored(named).design == str(tmp_path.resolve() / "there" / "mine.yaml")


def test_a_device_by_another_path_is_the_same_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (tmp_path / "link").symlink_to("there")
    for name in ("device.json", "other.json"):
        DeviceModel.nominal(Design.preset("board-1k-1n").nominal(Cascade(2, 2))).save(folder / name)
    fields = {**QUICK, "steps": 1, "solver": "device-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "name": "x"}
    for where, device, out in (
        (tmp_path, "there/device.json", "there/out"),
        (folder, "device.json", "out"),
        (tmp_path, "link/device.json", "link/out"),
    ):
        monkeypatch.chdir(where)
        made = experiment({**fields, "device": device})
        assert run_experiment(made, Path(out), workers=1, resume=True)[0]["steps"] == 1
    with pytest.raises(ExperimentError, match="device was"):
        run_experiment(made.replace(device="link/other.json"), Path("link/out"), workers=1, resume=True)
