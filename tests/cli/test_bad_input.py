"""Whatever is wrong with the input, the answer is one line and exit code 2, and no number."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from thermospice.cli.signals import interrupts_kept

COMMANDS = ("run", "designs", "simulate", "symbolic", "calibrate", "verify", "train", "report")


def csv(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def files(tmp_path: Path):
    """--matrix and --drive of given texts."""

    def write(matrix: str, drive: str = "1\n2\n"):
        return ("--matrix", csv(tmp_path / "A.csv", matrix), "--drive", csv(tmp_path / "b.csv", drive))

    return write


def test_unknown_preset(run):
    run("simulate", "--design", "board").refused("unknown design 'board'", "board-1k-1n")


def test_typo_in_a_design_file(run, tmp_path):
    text = run("designs", "board-1k-1n").out
    path = csv(tmp_path / "mine.yaml", text.replace("\ntemperature: ", "\ntemprature: "))
    run("simulate", "--design", path).refused("mine.yaml", "temprature", "unknown key")


def test_design_file_that_is_not_yaml(run, tmp_path):
    run("simulate", "--design", csv(tmp_path / "mine.yaml", "R0: [1k\n")).refused("mine.yaml")


def test_design_file_that_unfolds_without_end(run, tmp_path):
    # Nine lines that stand for 9^9 words: refused before anything is unfolded.
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9)]
    path = csv(tmp_path / "mine.yaml", "\n".join([*lines, "sources: *a8"]))
    run("simulate", "--design", path).refused("mine.yaml, line 2", "aliases")


def test_files_without_end(run, tmp_path):
    (tmp_path / "mine.yaml").symlink_to("/dev/zero")
    run("simulate", "--design", "mine.yaml").refused("mine.yaml", "at most")
    run("simulate", "--matrix", "/dev/zero", "--drive", "/dev/zero").refused("/dev/zero", "at most")


def test_numbers_beyond_all_bounds(run, tmp_path, files):
    text = run("designs", "board-1k-1n").out
    huge = "1" + "0" * 400
    path = csv(tmp_path / "mine.yaml", text.replace("\ntemperature: ", f"\ntemperature: {huge} #"))
    run("simulate", "--design", path).refused("temperature: expected a finite number", "beyond 1e308")
    path = csv(tmp_path / "mine.yaml", text.replace("\ntemperature: ", f"\ntemperature: '{'x' * 5000}' #"))
    outcome = run("simulate", "--design", path)
    outcome.refused("mine.yaml", "temperature", "...")
    assert len(outcome.err) < 700
    options = files("1e308,1e308\n1e308,1e308\n")
    run("simulate", "--jacobian", *options[1:]).refused("A: expected finite numbers")


def test_control_characters_do_not_reach_the_terminal(run):
    outcome = run("simulate", "--topology", "ring\x1b[2J\x07\r")
    outcome.refused("ring")
    assert not {"\x1b", "\x07", "\r"} & set(outcome.err)


def test_design_file_that_is_not_there(run):
    run("simulate", "--design", "mine.yaml").refused("mine.yaml", "No such file")


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ("1,0\n0\n", ("A.csv, row 2", "expected 2 columns", "got 1")),
        ("1,0\n0,1+2j\n", ("A.csv, row 2, column 2", "real number", "1+2j")),
        ("1,0\n0,one\n", ("A.csv, row 2, column 2", "'one'")),
        ("1,0\n0,nan\n", ("A.csv, row 2, column 2", "'nan'")),
        ("1,inf\n0,1\n", ("A.csv, row 1, column 2", "'inf'")),
        ("1,1e999\n0,1\n", ("A.csv, row 1, column 2", "1e999")),
        ("1,\n0,1\n", ("A.csv, row 1, column 2", "''")),
        ("a,b\n1,0\n0,1\n", ("A.csv, row 1, column 1", "'a'")),
        ("1,0\n\n0,1\n", ("A.csv, row 2", "expected 2 columns")),
        ("", ("A.csv", "empty")),
        ("1,0\n0,1\n0,0\n", ("A.csv", "square", "3 rows")),
        ("1,0,0\n0,1,0\n0,0,1\n", ("b.csv", "expected 3 lines", "got 2")),
        ("1,2\n2,1\n", ("positive real part",)),
        ("1,1\n1,1\n", ("positive real part",)),
    ],
)
def test_matrices_that_are_refused(run, files, matrix, words):
    run("simulate", *files(matrix)).refused(*words)


def test_binary_file(run, tmp_path, files):
    options = files("1,0\n0,1\n")
    (tmp_path / "A.csv").write_bytes(b"\xff\xfe\x00\x01")
    run("simulate", *options).refused("A.csv", "not a text file")


def test_drive_in_one_line(run, files):
    run("simulate", *files("1,0\n0,1\n", "1,2\n")).refused("b.csv", "one value per line")


def test_mesh_with_a_positive_off_diagonal(run, files):
    run("simulate", "--topology", "rc-mesh", *files("2,1\n1,2\n")).refused("A[0, 1] = 1", "off-diagonal")


def test_matrix_without_a_drive(run, files):
    run("simulate", *files("1,0\n0,1\n")[:2]).refused("--matrix and --drive belong together")


def test_size_beside_files(run, files):
    run("simulate", "--size", 2, *files("1,0\n0,1\n")).refused("--size and --matrix")


@pytest.mark.parametrize("kelvin", [-1, 0, "nan", "inf"])
def test_temperatures_that_do_not_exist(run, kelvin):
    run("simulate", f"--temperature={kelvin}").refused("--temperature", "kelvin")


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--topology", "ring", "crossbar"),
        ("--level", "layout", "macro"),
        ("--analysis", "dc", "tran"),
        ("--size", 0, "at least 1"),
        ("--size", "four", "--size"),
        ("--drive-scale", -1, "positive"),
        ("--drive-scale", "big", "auto"),
        ("--duration", -1e-6, "duration"),
        ("--seed", -1, "--seed"),
    ],
)
def test_options_out_of_range(run, option, value, word):
    run("simulate", f"{option}={value}").refused(word)


def test_level_that_the_design_cannot_have(run):
    run("simulate", "--design", "ideal", "--level", "macro").refused("no amplifier")


def test_noise_where_it_means_nothing(run):
    run("simulate", "--analysis", "op", "--noise").refused("--noise", "tran")
    run("simulate", "--analysis", "ac", "--duration", 1e-6).refused("--duration", "tran")


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_option(run, command):
    run(command, "--sise", 3).refused("--sise")


def test_unknown_command(run):
    run("simulte").refused("simulte")


@pytest.mark.usefixtures("no_ngspice")
@pytest.mark.parametrize("arguments", [("simulate",), ("verify", "--size", 1), ("calibrate", "--size", 1)])
def test_ngspice_missing(run, arguments, tmp_path):
    run(*arguments, "--out", "new").refused("ngspice", "install")
    assert not (tmp_path / "new" / "measurement.nc").exists()


@pytest.mark.usefixtures("no_ngspice")
def test_main_job_without_ngspice(run):
    outcome = run("run", "--quiet")
    outcome.refused("ngspice", "install")


@pytest.mark.usefixtures("dying_ngspice")
def test_ngspice_killed(run, tmp_path):
    outcome = run("simulate", "--size", 2, "--out", "new", "--quiet")
    outcome.refused("ngspice was killed")
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("dying_ngspice")
def test_verify_fails_the_rows_of_a_killed_ngspice(run):
    import json

    outcome = run("verify", "--size", 1, "--topology", "crossbar", "--level", "ideal", "--json")
    assert outcome.code == 1
    rows = json.loads(outcome.out)["rows"]
    simulated = [row for row in rows if row["analysis"] != "symbolic"]
    assert simulated
    assert not any(row["passed"] or "value" in row for row in simulated)


def test_output_folder_with_files(run, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "notes.txt").write_text("mine")
    for command in COMMANDS[1:]:
        extra = {"report": ["old"], "train": ["digits"]}.get(command, [])
        run(command, *extra, "--out", "old").refused("old", "--out", "choose another name")
    assert [p.name for p in (tmp_path / "old").iterdir()] == ["notes.txt"]


def test_output_folder_that_is_a_file(run, tmp_path):
    (tmp_path / "old").write_text("mine")
    run("simulate", "--out", "old").refused("old", "this is a file")


def test_empty_output_folder_is_taken(run, tmp_path):
    (tmp_path / "new").mkdir()
    assert run("simulate", "--size", 1, "--analysis", "op", "--out", "new").code == 0
    assert (tmp_path / "new" / "summary.json").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_folder_without_permission(run, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    run("simulate", "--size", 1, "--out", "closed/new", "--quiet").refused("permission denied")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_disk_full(run, monkeypatch, number):
    def full(self: Path, target: Path) -> Path:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "replace", full)
    run("simulate", "--size", 1, "--out", "new", "--quiet").refused("new/circuit.cir", "disk", "--out")
    assert list(Path("new").iterdir()) == []


def test_file_size_limit_in_the_middle_of_a_measurement(tmp_path):
    # A real limit of the system, low enough for the measurement and high enough for ngspice's own files.
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (40000, resource.RLIM_INFINITY));"
        "from thermospice.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    arguments = ["simulate", "--size", "3", "--out", "new", "--quiet"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1
    assert "new/measurement.nc" in done.stderr
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["circuit.cir"]


def test_training_without_a_task(run):
    run("train").refused("TASK", "digits")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("letters",), "letters"),
        (("digits", "--optimizer", "lion"), "lion"),
        (("digits", "--optimizer", "adam", "--solver", "cholesky"), "solver"),
        (("digits", "--optimizer", "adam", "--damping", "1"), "damping"),
        (("digits", "--lr", "-1"), "lr"),
        (("digits", "--optimizer", "tngd", "--solver", "device-spu", "--device", "none.json"), "none.json"),
        (("digits", "--config", "none.yaml"), "none.yaml"),
        (("mnist", "--data", "nowhere"), "nowhere"),
    ],
)
def test_training_that_is_refused(run, arguments, word):
    run("train", *arguments, "--quiet").refused(word)


def test_resume_of_something_else(run, tmp_path):
    (tmp_path / "old").mkdir()
    for command in ("run", "train", "verify"):
        run(command, "--resume", "old").refused("old", "state.json")
    (tmp_path / "old" / "state.json").write_text("{half")
    for command in ("run", "train", "verify"):
        run(command, "--resume", "old").refused("state.json")


def test_report_of_nothing(run, tmp_path):
    run("report", "nowhere").refused("nowhere")
    (tmp_path / "empty").mkdir()
    run("report", "empty").refused("empty", "nothing to report")


def test_measurements_that_are_none(run, tmp_path):
    run("calibrate", "none.nc", "--quiet").refused("none.nc")
    run("calibrate", csv(tmp_path / "text.nc", "no"), "--quiet").refused("text.nc")


def test_device_without_its_chip(run, tmp_path):
    run("verify", "--device", "none.json").refused("none.json")
    assert run("calibrate", "--size", 1, "--out", "c", "--quiet").code == 0
    run("verify", "--device", "c").refused("expected a file, got a folder; give c/device.json")
    (tmp_path / "c" / "instance.json").unlink()
    run("verify", "--device", "c/device.json").refused("instance.json", "--instance")


class Dying:
    def __del__(self):
        raise KeyboardInterrupt  # as one that arrives just then


def drop_and_wait():
    Dying()
    time.sleep(30)


def test_an_interrupt_within_a_finaliser_is_not_lost():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interrupts_kept(), pytest.raises(KeyboardInterrupt):
            drop_and_wait()
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_faults_of_finalisers_are_reported_as_ever(monkeypatch):
    class Broken:
        def __del__(self):
            raise ValueError("broken")

    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    with interrupts_kept():
        Broken()
    assert [type(lost.exc_value) for lost in seen] == [ValueError]


def test_interrupt_leaves_readable_files_and_says_how_to_go_on(tmp_path):
    arguments = ["verify", "--topology", "crossbar", *(x for n in range(2, 30) for x in ("--size", str(n)))]
    code = "import sys; from thermospice.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments, "--out", "new"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    state = tmp_path / "new" / "state.json"
    deadline = time.monotonic() + 60
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "--resume new" in err
    import json

    assert json.loads(state.read_text())["cases"]


def test_unforeseen_errors_are_one_line_too(run, monkeypatch):
    def broken(*_: object) -> None:
        raise np.linalg.LinAlgError("one\ntwo")

    monkeypatch.setattr("thermospice.circuits.trials.get_design", broken)
    outcome = run("designs", "ideal")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1
    assert "THERMOSPICE_DEBUG" in outcome.err


def test_a_time_limit_that_is_too_short_is_refused_with_the_number(run):
    """Catches a limit that nobody can set, and a run that is known to end at it."""
    outcome = run("simulate", "--size", "64", "--analysis", "tran", "--timeout", "1ms")
    outcome.refused("--timeout: the simulator takes about", "its limit is 0.001 s")
    run("simulate", "--size", "2", "--timeout", "0").refused("timeout", "positive")


def test_a_warning_is_one_line_without_a_place_in_the_code(tmp_path):
    # Catches Python's own form, which tells a user a path and a line of the source.
    code = "from thermospice.files import warnings_in_one_line as w; import warnings; w(); warnings.warn('two\\nlines')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    assert told == "warning: two lines\n"
