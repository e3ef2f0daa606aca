"""What a process leaves behind when it is killed: a shell of its own ends the simulators and removes the folders.

A simulator has a process group of its own, so that a time limit ends all that it started, and no signal of the terminal
reaches it. Nothing would end it with its parent then. The shell reads a pipe that only the parent holds, in which each
simulator announces itself before it starts; when the parent is gone, however it went, the pipe ends and the shell acts.
"""

import atexit
import contextlib
import os
import secrets
import subprocess
import threading
from dataclasses import dataclass

PREFIX = "thermospice-run-"
"""Of the names of the folders in which simulators run."""

# Names that a kill leaves for a moment longer are tried again.
_SCRIPT = f"""
alive=
while read -r what pid; do
  kept=
  for one in $alive; do [ "$one" = "$pid" ] || kept="$kept $one"; done
  [ "$what" = "+" ] && kept="$kept $pid"
  alive=$kept
done
for one in $alive; do kill -9 -"$one" 2>/dev/null; done
for try in 1 2 3 4 5; do
  rm -rf -- "$0/{PREFIX}$1-"*
  for left in "$0/{PREFIX}$1-"*; do [ -e "$left" ] || exit 0; done
  sleep 0.1
done
"""
_GOODBYE = 2.0
"""Time for the shell to end with this process [s]."""


@dataclass(frozen=True, slots=True)
class Reaper:
    """The shell, and the name that the folders of its simulators have in common."""

    token: str
    process: "subprocess.Popen[bytes]"

    @property
    def pipe(self) -> int:
        """The end to which a simulator writes `+ PID` before it starts."""
        assert self.process.stdin is not None
        return self.process.stdin.fileno()

    def forget(self, pid: int) -> None:
        """The simulator with this process group is over."""
        # somebody may have killed the shell; simulators go on without
        with contextlib.suppress(OSError):
            os.write(self.pipe, f"- {pid}\n".encode())

    def leave(self) -> None:
        """Close this process's end of the pipe."""
        assert self.process.stdin is not None
        self.process.stdin.close()


_lock = threading.Lock()
_current: dict[str, Reaper] = {}


def reaper(folder: str) -> Reaper:
    """That of this process for simulators in folders of `folder`; started when it is first asked for."""
    with _lock:
        if folder not in _current:
            _current[folder] = _started(folder)
        return _current[folder]


def _started(folder: str) -> Reaper:
    token = secrets.token_hex(4)
    process = subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, folder, token],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Reaper(token, process)


def _after_fork() -> None:
    # A child of `fork` must not keep the pipe of its parent open, and needs a shell of its own.
    global _lock
    _lock = threading.Lock()
    for one in _current.values():
        one.leave()
    _inherited.extend(_current.values())
    _current.clear()


_inherited: list[Reaper] = []
"""Held, so that nobody waits for a process that is another's child."""


@atexit.register
def _end() -> None:
    for one in _current.values():
        one.leave()
        with contextlib.suppress(subprocess.TimeoutExpired):
            one.process.wait(_GOODBYE)


os.register_at_fork(after_in_child=_after_fork)
