"""A verdict does not depend on who reads it: whatever becomes of standard output, summary and exit code stay."""

import io
import json
import os
import sys

import pytest
from thermospice.cli import main
from thermospice.cli.frame import Stream

MESH = ("--topology", "rc-mesh", "--level", "ideal", "--size", 1)
FALLS_SHORT = ("verify", *MESH, "--quick", "--no-second-opinion")
TRAIN = ("train", "regression", "--optimizer", "sgd", "--steps", 1, "--seeds", 1, "--workers", 1)
COMMANDS = {
    "verify": (FALLS_SHORT, 1),
    "verify --json": ((*FALLS_SHORT, "--json"), 1),
    "simulate": (("simulate", "--analysis", "op", "--size", 2), 0),
    "train": (TRAIN, 0),
    "symbolic": (("symbolic", "--size", 1), 0),
}


@pytest.fixture
def broken():
    """A pipe whose reader has gone, as after `| true`."""
    read, write = os.pipe()
    os.close(read)
    with io.TextIOWrapper(os.fdopen(write, "wb"), encoding="utf-8") as stream:
        yield stream


@pytest.fixture
def ascii_only():
    """PYTHONIOENCODING=ascii."""
    with io.TextIOWrapper(io.BytesIO(), encoding="ascii") as stream:
        yield stream


@pytest.fixture
def full():
    with open("/dev/full", "w", encoding="utf-8") as stream:  # noqa: PTH123  # a device
        yield stream


def called(arguments, out, monkeypatch, tmp_path, capfd):
    """Exit code, summary and standard error of a command whose standard output is the stream."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", out)
    code = main([*map(str, arguments), "--out", "new"])
    monkeypatch.undo()
    return code, json.loads((tmp_path / "new" / "summary.json").read_text()), capfd.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kind", ["broken", "ascii_only"])
def test_a_verdict_is_not_lost(name, kind, request, monkeypatch, tmp_path, capfd):
    """Catches a table that is shown before the summary is on disk, and an exit code of who could not print."""
    arguments, expected = COMMANDS[name]
    if expected:
        request.getfixturevalue("dying_ngspice")
    out = request.getfixturevalue(kind)
    code, summary, err = called(arguments, out, monkeypatch, tmp_path, capfd)
    assert code == expected, err
    assert "bug" not in err
    assert summary["command"] == arguments[0]
    if expected:
        assert summary["failed"] > 0


def test_an_answer_that_finds_no_space_is_no_success(full, monkeypatch, tmp_path, capfd):
    """The disk behind `>` is full: the summary is there, and the caller hears that its copy is not."""
    arguments = ("symbolic", "--size", 1, "--json")
    code, summary, err = called(arguments, full, monkeypatch, tmp_path, capfd)
    assert code == 2
    assert err.splitlines()[-1].startswith("thermospice symbolic: error: standard output: the disk is full")
    assert "choose another folder with --out" in err
    assert summary["command"] == "symbolic"


def test_a_failed_check_stays_one_where_nothing_can_be_printed(full, dying_ngspice, monkeypatch, tmp_path, capfd):
    code, summary, _ = called((*FALLS_SHORT, "--json"), full, monkeypatch, tmp_path, capfd)
    assert code == 1
    assert summary["failed"] > 0


@pytest.mark.parametrize("arguments", [("--help",), ("simulate", "--help"), ("--version",), ("designs",)])
@pytest.mark.parametrize("kind", ["broken", "ascii_only"])
def test_what_is_only_printed_does_not_mind_either(arguments, kind, request, monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdout", request.getfixturevalue(kind))
    code = main(arguments)
    monkeypatch.undo()
    assert (code, capfd.readouterr().err) == (0, "")


def test_a_closed_standard_error_is_no_obstacle(broken, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", broken)
    assert main(["simulate", "--size", "none"]) == 2


def test_a_message_is_no_answer_where_standard_error_is_closed(monkeypatch, tmp_path, capsys):
    """Catches `print(..., file=None)`, which prints to standard output: after `2>&-` Python has no standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["designs", "no-such-board"]) == 2
    assert main(["simulate", "--size", "none"]) == 2
    monkeypatch.undo()
    assert capsys.readouterr().out == ""


def test_text_for_a_file_is_whole_where_the_terminal_lacks_a_letter():
    """`designs NAME > mine.yaml` is read again as UTF-8."""
    inner = io.BytesIO()
    stream = Stream(io.TextIOWrapper(inner, encoding="ascii"))
    stream.write("± first\n")
    stream.write_whole("R0: 1 kΩ\n")
    stream.write("last\n")
    stream.flush()
    assert inner.getvalue().decode("utf-8") == "? first\nR0: 1 kΩ\nlast\n"


def test_a_pipe_that_breaks_is_not_written_to_again(broken):
    stream = Stream(broken)
    for _ in range(3):
        stream.write("x" * 100_000)
        stream.flush()
    assert isinstance(stream.lost, BrokenPipeError)
