"""Surroundings that no command can work in are named in one line."""

import socket
from datetime import timedelta

import pytest

TRAIN = ("train", "regression", "--optimizer", "sgd", "--steps", 1, "--seeds", 1, "--workers", 1, "--quiet")
MASTER = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
RANKS = {
    "no master": ({"RANK": "0", "WORLD_SIZE": "2"}, ("WORLD_SIZE=2 without MASTER_ADDR, MASTER_PORT", "torchrun")),
    "no rank": ({"WORLD_SIZE": "2", **MASTER}, ("WORLD_SIZE=2 without RANK",)),
    "no world": ({"RANK": "1"}, ("RANK=1 and WORLD_SIZE=1",)),
    "a rank too many": ({"RANK": "2", "WORLD_SIZE": "2", **MASTER}, ("RANK=2 and WORLD_SIZE=2",)),
    "none at all": ({"RANK": "0", "WORLD_SIZE": "0"}, ("RANK=0 and WORLD_SIZE=0",)),
    "a negative rank": ({"RANK": "-1", "WORLD_SIZE": "2", **MASTER}, ("RANK=-1: expected a number",)),
    "words": ({"RANK": "first"}, ("RANK=first: expected a number",)),
    "a world of words": ({"WORLD_SIZE": "two"}, ("WORLD_SIZE=two: expected a number",)),
    "a huge world": ({"RANK": "0", "WORLD_SIZE": "9" * 5000}, ("WORLD_SIZE=99", "expected a number")),
    "no port": ({"RANK": "0", "WORLD_SIZE": "2", **MASTER, "MASTER_PORT": "http"}, ("MASTER_PORT=http",)),
    "a port too far": ({"RANK": "0", "WORLD_SIZE": "2", **MASTER, "MASTER_PORT": "70000"}, ("MASTER_PORT=70000",)),
}


def set_variables(monkeypatch, variables):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", RANKS)
def test_variables_of_torchrun_that_are_not_whole(run, tmp_path, monkeypatch, name):
    variables, words = RANKS[name]
    set_variables(monkeypatch, variables)
    run(*TRAIN, "--out", "r").refused(*words)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("rank", [0, 1])
def test_processes_that_do_not_meet_are_not_waited_for_without_end(run, monkeypatch, rank):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    set_variables(monkeypatch, {"RANK": str(rank), "WORLD_SIZE": "2", **MASTER, "MASTER_PORT": port})
    monkeypatch.setattr("thermospice.training.parallel._ranks._MEETING", timedelta(seconds=1))
    outcome = run(*TRAIN, "--out", "r")
    assert outcome.code == 2
    # what torch's own threads say is switched off before it is loaded, which may have happened in this process
    last = outcome.err.splitlines()[-1]
    assert last.startswith("thermospice")
    assert f"error: process {rank} of 2 has not met the others at 127.0.0.1:{port}" in last


def test_a_working_folder_that_is_gone(run, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for command in (("simulate", "--size", 1), TRAIN, ("designs",), ("report", "x"), ("run", "--resume", "x")):
        run(*command).refused("the folder that this was started in is gone")


def test_a_tmpdir_that_cannot_be_used(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    run("simulate", "--size", 1, "--quiet").refused("TMPDIR is no folder", "nowhere")
