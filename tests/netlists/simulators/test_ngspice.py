"""Finding ngspice, and running it: limits, cancellation, and whatever can go wrong with the process."""

import stat
import threading
import time
from pathlib import Path

import pytest
from thermospice.netlists import SimulationFailed, SimulatorMissing, find_ngspice
from thermospice.netlists.simulators import Cancellation, Limits, Ngspice, run_deck

DIVIDER = """.title thermospice
Vin a 0 dc 1.0
Rtop a b 1000.0
Rlow b 0 1000.0
.save v(b)
.op
.print op v(b)
.end
"""


def program(folder: Path, script: str) -> Ngspice:
    path = folder / "fake"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Ngspice(str(path), 39)


def test_finds_the_simulator_on_the_path():
    found = find_ngspice()
    assert Path(found.path).is_absolute()
    assert found.version >= 30


def test_the_environment_variable_wins(tmp_path, monkeypatch):
    fake = program(tmp_path, 'echo "** ngspice-77 : nothing"')
    monkeypatch.setenv("THERMOSPICE_NGSPICE", fake.path)
    assert find_ngspice() == Ngspice(fake.path, 77)


BANNER = """******
** ngspice-{version} : Circuit level simulation program
** {solver}The U. C. Berkeley CAD Group
** Copyright 1985-1994, Regents of the University of California.
******"""
KLU = "Compiled with KLU Direct Linear Solver\n** "


@pytest.mark.parametrize(
    ("version", "solver", "expected"),
    [
        ("39", "", (39, False)),
        ("39+", "", (39, False)),
        ("41", "", (41, False)),
        ("42", KLU, (42, True)),
        ("43", "Compiled with Sparse Direct Linear Solver\n** ", (43, False)),
        ("44.2", KLU, (44, True)),
        ("45.2", KLU, (45, True)),
    ],
)
def test_versions_and_their_solver(tmp_path, version, solver, expected):
    """As the versions from 39 on say it; a build of 42 or newer may be without KLU."""
    text = BANNER.format(version=version, solver=solver)
    found = find_ngspice(program(tmp_path, f"cat << END\n{text}\nEND").path)
    assert (found.version, found.klu) == expected


def test_too_old_a_version_is_refused(tmp_path):
    text = BANNER.format(version="36", solver="")
    with pytest.raises(SimulatorMissing, match="is ngspice 36, and 39 or newer is needed") as caught:
        find_ngspice(program(tmp_path, f"cat << END\n{text}\nEND").path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wanted", ["/nowhere/ngspice", "/etc/passwd", "no-such-ngspice"])
def test_missing_says_how_to_install(wanted, monkeypatch):
    monkeypatch.setenv("THERMOSPICE_NGSPICE", wanted)
    with pytest.raises(SimulatorMissing, match="apt-get install ngspice") as caught:
        find_ngspice()
    assert wanted in str(caught.value)


def test_a_program_that_is_not_ngspice(tmp_path):
    with pytest.raises(SimulatorMissing, match="version"):
        find_ngspice(program(tmp_path, "echo hello").path)


def test_runs_a_deck_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = run_deck(DIVIDER, find_ngspice())
    assert b"Operating Point" in run.raw
    assert list(tmp_path.iterdir()) == []


def test_a_start_up_file_is_not_read(tmp_path, monkeypatch):
    """`.spiceinit` runs commands; neither the home nor the current folder's may count."""
    (tmp_path / ".spiceinit").write_text("shell touch ran\necho started-up\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert "started-up" not in run_deck(DIVIDER, find_ngspice()).log
    assert not (tmp_path / "ran").exists()


def test_the_environment_is_minimal(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "value")
    log = run_deck(DIVIDER, program(tmp_path, "env; readlink /proc/self/fd/0; echo $0 $@")).log
    assert "SECRET" not in log
    assert {"OMP_NUM_THREADS=1", "OMP_THREAD_LIMIT=1"} <= set(log.split())
    assert "-n -b -r out.raw circuit.cir" in log


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo last words; kill -9 $$", "SIGKILL"),
        ("kill -SEGV $$", "crashed"),
        ("kill -ABRT $$", "aborted"),
        ("kill -TERM $$", "SIGTERM"),
        ("sh -c 'kill -SEGV $$'; exit 139", "crashed"),
        ("head -c 5000000 /dev/zero > out.raw; kill -XFSZ $$", "output grew"),
    ],
)
def test_killed_by_a_signal(tmp_path, script, reason):
    with pytest.raises(SimulationFailed, match=reason) as caught:
        run_deck(DIVIDER, program(tmp_path, script), Limits(output=1 << 20))
    assert "\n" not in str(caught.value)


def test_the_log_rides_along(tmp_path):
    with pytest.raises(SimulationFailed) as caught:
        run_deck(DIVIDER, program(tmp_path, "echo last words; kill -9 $$"))
    assert caught.value.log == "last words"


def test_time_limit_kills_the_whole_group(tmp_path):
    marker = tmp_path / "alive"
    fake = program(tmp_path, f"(sleep 3; touch {marker}) & sleep 60")
    started = time.perf_counter()
    with pytest.raises(SimulationFailed, match=r"time limit of 0\.3 s"):
        run_deck(DIVIDER, fake, Limits(timeout=0.3))
    assert time.perf_counter() - started < 30
    time.sleep(3.2)
    assert not marker.exists()


def test_the_size_of_output_is_limited(tmp_path):
    fake = program(tmp_path, "exec head -c 5000000 /dev/zero > out.raw")
    with pytest.raises(SimulationFailed, match="output grew"):
        run_deck(DIVIDER, fake, Limits(output=1 << 20))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="ulimit -v is not honoured everywhere")
def test_memory_is_limited(tmp_path):
    log = run_deck(DIVIDER, program(tmp_path, "ulimit -v; ulimit -t"), Limits(timeout=5.0, memory=1 << 30)).log
    assert log.split() == [str(1 << 20), "15"]


def test_cancellation_ends_what_runs_and_what_comes(tmp_path):
    cancellation = Cancellation()
    fake = program(tmp_path, "sleep 60")
    threading.Timer(0.2, cancellation.cancel).start()
    started = time.perf_counter()
    for _ in range(2):
        with pytest.raises(SimulationFailed, match="killed"):
            run_deck(DIVIDER, fake, cancellation=cancellation)
    assert time.perf_counter() - started < 30


def test_a_full_or_missing_disk_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(SimulationFailed, match="cannot run ngspice: No such file"):
        run_deck(DIVIDER, find_ngspice())


def test_a_vanished_simulator(tmp_path):
    run = run_deck(DIVIDER, Ngspice(str(tmp_path / "gone"), 39))
    assert run.raw == b""
    assert "not found" in run.log
