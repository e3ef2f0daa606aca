"""Surroundings in which any command may find itself: streams, variables, limits, folders and simulators.

A new one is a row of `ENVIRONMENTS`, a new command a row of `COMMANDS`. In each the command gives the very numbers that
it gives elsewhere, or says in one line why it cannot.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from folders import FILES

ROOT = Path(tempfile.mkdtemp(prefix="thermospice-fuzz-environments-"))

PATIENCE = 600.0
"""Seconds that a command may take on a busy machine."""

_PROGRAM = "import sys; from thermospice.cli import main; sys.exit(main())"


@dataclass(frozen=True)
class Environment:
    """What surrounds a command; `{folder}` stands for an empty folder of its own, from which it is started.

    first: what the shell does before it becomes the command. last: redirections. python: options of the interpreter.
    deaf, mute: no standard output, no standard error is to be read. ngspice: a script in its place.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    first: str = ":"
    last: str = ""
    python: Sequence[str] = ()
    deaf: bool = False
    mute: bool = False
    ngspice: str | None = None
    without: Sequence[str] = ()


def _lies(script: str) -> Environment:
    """An ngspice that says what it is, and then does something else."""
    return Environment(ngspice=f'[ "$1" = --version ] && {{ echo "ngspice-39"; exit 0; }}\n{script}')


# ngspice itself, and then a change of what it has found
_HONEST = 'ngspice "$@"\n'
_TMPFS = "mkdir small && mount -t tmpfs -o size=64k none small"

ENVIRONMENTS: Mapping[str, Environment] = {
    # streams
    "no standard input": Environment(last="<&-"),
    "no standard output": Environment(last=">&-", deaf=True),
    "no standard error": Environment(last="2>&-", mute=True),
    "no streams": Environment(last="<&- >&- 2>&-", deaf=True, mute=True),
    "output to nobody": Environment(last="| true", deaf=True),
    "output to a full disk": Environment(last=">/dev/full", deaf=True),
    "errors to a full disk": Environment(last="2>/dev/full", mute=True),
    "input without end": Environment(last="</dev/zero"),
    # letters and languages
    "ASCII": Environment({"PYTHONIOENCODING": "ascii"}),
    "Latin-1": Environment({"PYTHONIOENCODING": "latin-1"}),
    "UTF-16": Environment({"PYTHONIOENCODING": "utf-16-le"}, deaf=True, mute=True),
    "plain C": Environment({"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
    "Turkish": Environment({"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
    "German": Environment({"LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"}),
    "no such language": Environment({"LC_ALL": "xx_XX.UTF-16", "LANGUAGE": "xx"}),
    "no such time": Environment({"TZ": "Nowhere/Never"}),
    "time of nonsense": Environment({"TZ": ":/dev/zero"}),
    # terminals
    "one column": Environment({"COLUMNS": "1", "LINES": "1"}),
    "no column": Environment({"COLUMNS": "0"}),
    "columns of words": Environment({"COLUMNS": "many", "LINES": "-3"}),
    "no colour": Environment({"NO_COLOR": "1", "TERM": "dumb"}),
    "colours forced": Environment({"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}),
    "an unknown terminal": Environment({"TERM": "\x1b[31m"}),
    # Python
    "optimised": Environment(python=("-OO",)),
    "warnings as errors": Environment({"PYTHONWARNINGS": "error"}),
    "development mode": Environment(python=("-X", "dev")),
    "other hashes": Environment({"PYTHONHASHSEED": "1234"}),
    "isolated": Environment(python=("-I",)),
    "no byte code": Environment({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/proc/none"}),
    "threads without number": Environment({"OMP_NUM_THREADS": "many", "MKL_NUM_THREADS": "0"}),
    "another back end": Environment({"MPLBACKEND": "module://nowhere"}),
    "no configuration of matplotlib": Environment({"MPLCONFIGDIR": "/proc/none"}),
    "other arrays": Environment({"XARRAY_KEEP_ATTRS": "1", "NPY_PROMOTION_STATE": "legacy"}),
    # folders
    "no home": Environment(without=("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")),
    "a home that is none": Environment({"HOME": "/proc/none"}),
    "no folder to work in": Environment(first='mkdir gone && cd gone && rmdir "$PWD"'),
    "no folder for temporary files": Environment({"TMPDIR": "/proc/none"}),
    "temporary files among processes": Environment({"TMPDIR": "/proc"}),
    "temporary files in a file": Environment({"TMPDIR": "/etc/passwd"}),
    "temporary files beside": Environment({"TMPDIR": "."}),
    "temporary files in a full place": Environment(
        first=f"{_TMPFS} && {{ cat /dev/zero > small/full 2>/dev/null; export TMPDIR=$PWD/small; }}"
    ),
    "temporary files in a small place": Environment(first=f"{_TMPFS} && export TMPDIR=$PWD/small"),
    "nothing may be read": Environment(first="umask 777"),
    "an ngspice that is a folder": Environment({"THERMOSPICE_NGSPICE": "/tmp"}),
    "no search path": Environment({"PATH": "/nowhere"}),
    "an empty search path": Environment({"PATH": ""}),
    # limits
    "twenty files": Environment(first="ulimit -n 20"),
    "six files": Environment(first="ulimit -n 6"),
    "files of 2 kB": Environment(first="ulimit -f 4; trap '' XFSZ"),
    "no core": Environment(first="ulimit -c 0"),
    "a small stack": Environment(first="ulimit -s 512"),
    "two gigabytes": Environment(first="ulimit -v 2000000"),
    # signals that are ignored, as after nohup
    "deaf to signals": Environment(first="trap '' HUP INT QUIT TERM PIPE CHLD"),
    # processes side by side
    "one of two": Environment({"RANK": "0", "WORLD_SIZE": "2"}, without=("MASTER_ADDR", "MASTER_PORT")),
    "the only one": Environment({"RANK": "0", "WORLD_SIZE": "1"}),
    "ranks of words": Environment({"RANK": "first", "WORLD_SIZE": "all"}),
    "graphics cards of nobody": Environment({"CUDA_VISIBLE_DEVICES": "7,nonsense"}),
    # simulators
    "no simulator": Environment({"THERMOSPICE_NGSPICE": "/nowhere/ngspice"}),
    "a simulator that is empty": Environment(ngspice=""),
    "a simulator without version": Environment(ngspice="exit 0"),
    "a simulator of long ago": Environment(ngspice="echo ngspice-26"),
    "a simulator of the far future": Environment(ngspice=f"echo ngspice-{'9' * 400}"),
    "a simulator that says its version for ever": Environment(ngspice="yes ngspice-39"),
    "a simulator that talks for ever": _lies("yes"),
    "a simulator that does nothing": _lies("exit 0"),
    "a simulator that dies": _lies("kill -9 $$"),
    "a simulator that fails": _lies("echo 'Error: no'; exit 1"),
    "a simulator whose answer is a pipe": _lies("mkfifo out.raw"),
    "a simulator whose answer is a link": _lies("ln -s /etc/passwd out.raw"),
    "a simulator whose answer is a folder": _lies("mkdir out.raw"),
    "a simulator whose answer is noise": _lies("head -c 5000 /dev/urandom > out.raw"),
    "a simulator that stops half way": _lies(f"{_HONEST} head -c 2000 out.raw > half; mv half out.raw"),
    "a simulator that says too much": _lies(f"{_HONEST} cat out.raw out.raw > new; mv new out.raw"),
    "a simulator that swaps its outputs": _lies(
        f"{_HONEST} sed -b 's/v(out0)/v(outX)/; s/v(out1)/v(out0)/; s/v(outX)/v(out1)/' out.raw > new; mv new out.raw"
    ),
    "a simulator that calculates with twice the resistance": _lies(
        "sed -E 's/^(R[^ ]* [^ ]* [^ ]*) ([0-9.e+-]+)/\\1 {2*\\2}/' circuit.cir > new; mv new circuit.cir\n" + _HONEST
    ),
    "a simulator with warnings alone": _lies(f"echo 'Warning: nothing'; {_HONEST}"),
}  # fmt: skip

STUDY = {"name": "one", "circuit": {"design": "ideal", "level": "ideal", "size": 1, "analyses": ["op"]}}

ONE = ("--size", "1", "--seed", "3")
COMMANDS: Mapping[str, Sequence[str]] = {
    "version": ("--version",),
    "help": ("simulate", "--help"),
    "designs": ("designs", "board-1k-1n"),
    "refused": ("designs", "no-such-board"),
    "simulate": ("simulate", *ONE, "--analysis", "op"),
    "simulate noise": ("simulate", *ONE, "--analysis", "noise"),
    "symbolic": ("symbolic", *ONE),
    "solve": ("solve", *ONE, "--runs", "2"),
    "solve in the simulator": ("solve", *ONE, "--runs", "2", "--on", "spice"),
    "calibrate": ("calibrate", *ONE, "--held-out", "1"),
    "verify": ("verify", *ONE, "--quick", "--topology", "rc-mesh", "--level", "ideal", "--no-second-opinion"),
    "train": ("train", "regression", "--optimizer", "sgd", "--lr", "0.1", "--steps", "2", "--workers", "1"),
    "train on a device": (
        "train", "regression", "--optimizer", "tngd", "--solver", "device-spu", "--lr", "0.1", "--damping", "0.1",
        "--t", "1", "--steps", "2", "--workers", "2", "--seeds", "2",
    ),
    "sweep": ("sweep", "{given}/study.yaml", "--workers", "1"),
    "report": ("report", "{given}/results"),
}  # fmt: skip
"""All but the first two are asked for `--json` and an output folder."""

_TIMES = (
    "elapsed",
    "started",
    "time_s",
    "digital_s",
    "loading_s",
    "versions",
    "spread",
    "folder",
    "report",
    "arguments",
)
"""Parts of the names of what differs from run to run."""


def try_environment(environment: str, command: str) -> str:
    """What came of it: `same` numbers as elsewhere, the line of a refusal, or `unsupported` by this machine.

    Raises AssertionError for a crash, another number, a verdict without its line, or a line that is none.
    """
    given = ENVIRONMENTS[environment]
    folder = Path(tempfile.mkdtemp(dir=ROOT))
    code, out, err = call(given, COMMANDS[command], folder)
    said = f"{environment}, {command}: {code}: {out[-300:]!r} {err[-1500:]!r}"
    if "small" in given.first and "mount" in err and "thermospice" not in err:
        return "unsupported"
    assert code in (0, 1, 2), said
    assert "(a bug" not in err, said
    assert "Traceback" not in err, said
    if code == 2:
        _check_refusal(given, out, err, said)
        return err.strip() or "refused"
    if command in ("version", "help"):
        return "same"
    expected_code, expected = elsewhere(command)
    assert code == expected_code, said
    if not given.deaf:
        assert _steady(json.loads(out)) == expected, said
    return "same"


@functools.cache
def elsewhere(command: str) -> tuple[int, Any]:
    """Exit code and summary of a command where nothing is in its way."""
    code, out, err = call(Environment(), COMMANDS[command], Path(tempfile.mkdtemp(dir=ROOT)))
    if code == 2:
        return code, None
    assert code in (0, 1), err
    return code, _steady(json.loads(out))


def call(given: Environment, words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Exit code and streams of a command in these surroundings."""
    more = () if words[0] == "--version" or "--help" in words else ("--json", "--quiet", "--out", f"{folder}/out")
    command = [word.format(given=_given()) for word in words]
    script = f'{given.first}; "$@" {given.last}'
    if "|" not in given.last:
        script = f'{given.first}; exec "$@" {given.last}'
    arguments = ["/bin/bash", "-c", script, "sh", sys.executable, *given.python, "-c", _PROGRAM, *command, *more]
    if "mount" in given.first:
        arguments = ["unshare", "-rm", *arguments]
    if "|" in given.last:
        arguments[1:2] = ["-o", "pipefail", "-c"]
    found = subprocess.run(
        arguments, cwd=folder, env=_variables(given, folder), capture_output=True, timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return found.returncode, found.stdout.decode("utf-8", "replace"), found.stderr.decode("utf-8", "replace")


def _variables(given: Environment, folder: Path) -> dict[str, str]:
    found = {**os.environ, "COLUMNS": "200", **given.variables}
    if given.ngspice is not None:
        path = folder / "simulator"
        path.write_text(f"#!/bin/sh\n{given.ngspice}\n" if given.ngspice else "")
        path.chmod(0o755)
        found["THERMOSPICE_NGSPICE"] = str(path)
    return {name: value for name, value in found.items() if name not in given.without}


def _check_refusal(given: Environment, out: str, err: str, said: str) -> None:
    if not given.deaf:
        assert out == "", said
    if given.mute:
        return
    assert len(err.splitlines()) == 1, said
    assert err.startswith("thermospice"), said
    assert err.strip().isprintable(), said


@functools.cache
def _given() -> Path:
    """The files that commands are given."""
    folder = Path(tempfile.mkdtemp(dir=ROOT))
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    (folder / "results").mkdir()
    (folder / "results" / "summary.json").write_bytes(FILES["run summary"].dump(FILES["run summary"].plain))
    return folder


def _steady(summary: Any) -> Any:
    """A summary without what differs from run to run."""
    if isinstance(summary, dict):
        return {name: _steady(value) for name, value in summary.items() if not any(part in name for part in _TIMES)}
    if isinstance(summary, list):
        return [_steady(value) for value in summary]
    return summary


CASES: Sequence[tuple[str, str]] = [(name, command) for name in ENVIRONMENTS for command in COMMANDS]
