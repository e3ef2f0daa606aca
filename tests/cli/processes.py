"""Commands in processes of their own, whose signals, streams and surroundings a test chooses."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from thermospice.netlists import find_ngspice

SOON = 60.0
"""Far more than it takes, on a machine that is busy with other things [s]."""

_WAITS = """#!/bin/sh
[ "$1" = --version ] || grep -q 'answers are known' circuit.cir || {{ echo $$ >> {pids}; sleep 600; }}
exec {ngspice} "$@"
"""


def waiting_ngspice(folder: Path) -> tuple[Path, Path]:
    """One that answers the known circuit and then never again, and the file of its processes' numbers."""
    path, pids = folder / "ngspice", folder / "pids"
    path.write_text(_WAITS.format(pids=pids, ngspice=find_ngspice("ngspice").path))
    path.chmod(0o755)
    return path, pids


def start(folder: Path, arguments: Sequence[object], **options: Any) -> "subprocess.Popen[str]":
    """A command in a session of its own."""
    program = "import sys; from thermospice.cli import main; sys.exit(main())"
    environment = {**os.environ, "COLUMNS": "200", **options.pop("environment", {})}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        env=environment,
        text=True,
        start_new_session=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
