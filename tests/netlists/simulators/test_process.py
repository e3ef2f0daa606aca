"""What a simulator's process may do to us, and what is left of it when we are gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest
from thermospice.netlists import SimulationFailed, SimulatorMissing, find_ngspice
from thermospice.netlists.simulators import Limits, Ngspice, private_folder, run_deck
from thermospice.netlists.simulators import _private_folder as private

from .test_ngspice import DIVIDER, program

SOON = 20.0
"""Far more than it takes, on a machine that is busy with other things [s]."""


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# What it writes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    ["mkfifo out.raw", "mkdir out.raw", "ln -s /dev/zero out.raw", "echo x > other; ln -s other out.raw"],
    ids=["pipe", "folder", "device", "link"],
)
def test_a_raw_file_that_is_no_plain_file_is_not_opened(tmp_path, script):
    with pytest.raises(SimulationFailed, match=r"out\.raw is not a plain file"):
        run_deck(DIVIDER, program(tmp_path, script))


def test_a_sparse_raw_file_is_no_larger_than_the_limit(tmp_path):
    script = "ulimit -f unlimited 2>/dev/null; truncate -s 3M out.raw"
    with pytest.raises(SimulationFailed, match=r"output grew|larger than the limit"):
        run_deck(DIVIDER, program(tmp_path, script), Limits(output=1 << 20))


def test_a_log_without_end_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("thermospice.netlists.simulators._process._LONGEST_LOG", 1 << 22)
    began = time.monotonic()
    with pytest.raises(SimulationFailed, match="its log grew beyond 4 MiB") as caught:
        run_deck(DIVIDER, program(tmp_path, "exec yes warning"), Limits(timeout=60.0))
    assert time.monotonic() - began < SOON
    assert caught.value.log.startswith("warning")


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exec yes '** ngspice-39'", "log grew"), ("sleep 60", "time limit"), ("kill -9 $$", "SIGKILL")],
    ids=["endless", "hanging", "killed"],
)
def test_the_banner_has_limits_too(tmp_path, monkeypatch, script, reason):
    monkeypatch.setattr("thermospice.netlists.simulators._ngspice._BANNER_LIMITS", Limits(timeout=1.0))
    fake = program(tmp_path, script)
    with pytest.raises(SimulatorMissing, match=reason):
        find_ngspice(fake.path)


def test_what_a_simulator_has_started_ends_with_it(tmp_path):
    marker = tmp_path / "pid"
    run_deck(DIVIDER, program(tmp_path, f"sleep 60 & echo $! > {marker}; exit 0"))
    child = int(marker.read_text())
    wait_until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


# What is left of it --------------------------------------------------------------------------------------------------

OWNER = """
import sys, tempfile
from thermospice.netlists import Ngspice, run_deck
tempfile.tempdir = sys.argv[1]
run_deck("title", Ngspice(sys.argv[2], 39))
"""


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_killed_process_leaves_neither_simulators_nor_folders(tmp_path):
    """The simulator, what it has started itself, and their folder: none outlives the process that wanted it."""
    place, pids = tmp_path / "with a space", tmp_path / "pids"
    place.mkdir()
    fake = program(tmp_path, f"sleep 600 & echo $! > {pids}; echo $$ >> {pids}; sleep 600")
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(place), fake.path], cwd=tmp_path)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    (folder,) = place.iterdir()
    assert (folder / "circuit.cir").exists()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    started = [int(pid) for pid in pids.read_text().split()]
    wait_until(lambda: not any(map(alive, started)) and not list(place.iterdir()))


def test_stale_folders_are_swept_and_living_ones_stay(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    private._sweep.cache_clear()
    stale, foreign = tmp_path / "thermospice-run-0123-x", tmp_path / "thermospice-runs"
    young, old = tmp_path / ".thermospice-run-young", tmp_path / ".thermospice-run-old"
    for folder in (stale, foreign, young, old):
        folder.mkdir()
        (folder / "file").touch()
    os.utime(old, (0, 0))
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "thermospice-run-link").symlink_to(target)
    with private_folder() as (first, _):
        private._sweep.cache_clear()
        with private_folder() as (second, _):
            found = {path.name for path in tmp_path.iterdir()}
    assert found == {foreign.name, young.name, target.name, "thermospice-run-link", first.name, second.name}
    assert not first.exists()
    assert not second.exists()


def test_a_fork_has_a_reaper_of_its_own(tmp_path, monkeypatch):
    """Catches a child that holds the pipe of its parent: then nobody would learn of the parent's end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with private_folder() as (_, keeper):
        child = os.fork()
        if child == 0:
            try:
                with private_folder() as (_, other):
                    os._exit(0 if other.token != keeper.token else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# Where it runs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "reason"), [("touch", "no folder"), ("nothing", "no folder")])
def test_a_tmpdir_that_cannot_be_used_is_named(tmp_path, monkeypatch, make, reason):
    place = tmp_path / "place"
    if make == "touch":
        place.touch()
    monkeypatch.setenv("TMPDIR", str(place))
    with pytest.raises(SimulationFailed, match=f"cannot run ngspice: TMPDIR is {reason}: {place}"):
        run_deck(DIVIDER, Ngspice("/usr/bin/ngspice", 39))


def test_a_full_tmpdir_is_named(tmp_path, monkeypatch):
    simulator = find_ngspice()
    monkeypatch.setattr("thermospice.netlists.simulators._process.is_full", lambda folder: True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SimulationFailed, match=f"No space left on device: {tmp_path}; .* TMPDIR"):
        run_deck(DIVIDER, simulator)
