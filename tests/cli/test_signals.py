"""Whatever asks a command to end, it ends as by Ctrl-C, and nothing that it started is left."""

import json
import os
import signal
import subprocess

import pytest
from thermospice.cli import main

from .processes import SOON, alive, start, wait_until, waiting_ngspice

CHIP = ("--size", 2, "--quiet")
TRAIN = ("train", "logistic", "--solver", "spice-spu", "--seeds", 1, "--steps", 3, "--quiet")
COMMANDS = {
    "simulate": (("simulate", *CHIP), signal.SIGTERM),
    "verify": (("verify", "--topology", "crossbar", "--size", 1, "--quiet"), signal.SIGHUP),
    "calibrate": (("calibrate", *CHIP), signal.SIGQUIT),
    "train": ((*TRAIN, "--workers", 1), signal.SIGINT),
}
MORE = {
    "solve": (("solve", "--problem", "inverse", "--size", 1, "--on", "spice", "--quiet"), signal.SIGHUP),
    "run": (("run", "--quick", "--quiet"), signal.SIGTERM),
    "train in two processes": ((*TRAIN[:5], 2, *TRAIN[6:], "--workers", 2), signal.SIGTERM),
    **{f"simulate {number.name}": (COMMANDS["simulate"][0], number) for number in (signal.SIGINT, signal.SIGQUIT)},
}


@pytest.fixture
def interrupted(tmp_path):
    """Start commands together, send each its signal in the middle of a simulation; code, standard error, folder."""

    def make(commands):
        started = {}
        for name, (arguments, number) in commands.items():
            folder = tmp_path / name.replace(" ", "-")
            (folder / "tmp").mkdir(parents=True)
            ngspice, pids = waiting_ngspice(folder)
            environment = {"THERMOSPICE_NGSPICE": str(ngspice), "TMPDIR": str(folder / "tmp")}
            process = start(folder, (*arguments, "--out", "out"), environment=environment)
            started[name] = (process, number, pids, folder)
        found = {}
        for name, (process, number, pids, folder) in started.items():
            wait_until(lambda pids=pids, process=process: pids.exists() or process.poll() is not None)
            assert process.poll() is None, process.communicate()
            process.send_signal(number)
            _, err = process.communicate(timeout=SOON)
            wait_until(lambda pids=pids: not any(alive(int(pid)) for pid in pids.read_text().split()))
            found[name] = (process.returncode, err, folder)
        return found

    return make


def check(found):
    for name, (code, err, folder) in found.items():
        assert code == 130, (name, code, err)
        assert len(err.splitlines()) == 1, (name, err)
        assert "interrupted" in err
        wait_until(lambda folder=folder: not list((folder / "tmp").glob("thermospice*")))


def test_a_signal_ends_a_command_and_its_simulators(interrupted):
    """Catches a signal that kills Python alone, and an interrupt that waits for the simulator of a training step."""
    check(interrupted(COMMANDS))


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_the_same_of_other_commands(interrupted, name):
    check(interrupted({name: MORE[name]}))


@pytest.mark.slow
def test_a_killed_training_leaves_no_worker_and_no_simulator(tmp_path):
    ngspice, pids = waiting_ngspice(tmp_path)
    (tmp_path / "tmp").mkdir()
    environment = {"THERMOSPICE_NGSPICE": str(ngspice), "TMPDIR": str(tmp_path / "tmp")}
    process = start(tmp_path, (*MORE["train in two processes"][0], "--out", "out"), environment=environment)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))
    wait_until(lambda: not list((tmp_path / "tmp").glob("thermospice*")))


def test_a_command_in_the_background_of_a_shell_can_be_ended(tmp_path):
    """Such a command is deaf to SIGINT from the start; after `nohup`, to SIGHUP, which stays so."""
    ngspice, pids = waiting_ngspice(tmp_path)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = start(tmp_path, ("simulate", *CHIP), environment={"THERMOSPICE_NGSPICE": str(ngspice)})
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    wait_until(pids.exists)
    for number in (signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(SOON) == 130
    process.communicate()


@pytest.mark.slow
def test_what_was_done_stays_readable(interrupted):
    found = interrupted({"run": (("run", "--quick", "--quiet"), signal.SIGTERM)})
    code, err, folder = found["run"]
    assert code == 130
    assert "thermospice run --resume out" in err
    assert set(json.loads((folder / "out" / "state.json").read_text())["done"]) == {"draw", "symbolic"}


def test_children_are_heard_though_whoever_started_this_ignores_them():
    """Catches "cannot run ngspice: No child processes" under a service manager that ignores SIGCHLD."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert main(["--version"]) == 0
        assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_an_interrupt_while_the_application_loads_is_one_line(monkeypatch, capsys):
    """Catches a traceback for those who change their mind within the first tenths of a second."""
    import builtins

    whole = builtins.__import__

    def interrupted(name, *arguments):
        if name == "_app":
            os.kill(os.getpid(), signal.SIGTERM)
        return whole(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", interrupted)
    assert main(["--version"]) == 130
    assert capsys.readouterr().err == "thermospice: interrupted\n"
