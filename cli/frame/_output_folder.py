"""The output folder: refused when it would mix two runs, made when the first file is written, files written whole."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from ...files import LOCK
from .._exceptions import InputError

STATE = "state.json"
"""File that keeps what a command was asked for, so that it can go on."""

_ASKED = (STATE, LOCK, "experiment.yaml")
"""Files that say what is wanted, and not what was found."""


class Folder:
    """An output folder as a command finds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.was_there = path.exists()

    def forget_what_was_only_asked(self) -> None:
        """Where a command failed before it did anything, leave nothing that would refuse the next try."""
        if self.path.is_symlink() or not self.path.is_dir():
            return
        found = sorted(self.path.rglob("*"), reverse=True)  # what is in a folder comes before it
        if any(_holds_results(path) for path in found) or not any(path.is_file() for path in found):
            return
        with suppress(OSError):
            for path in found:
                path.rmdir() if path.is_dir() else path.unlink()
            if not self.was_there:
                self.path.rmdir()


def _holds_results(path: Path) -> bool:
    if path.is_symlink():
        return True
    return not path.is_dir() and path.name not in _ASKED and path.stat().st_size > 0


def new_folder(command: str, out: Path | None) -> Path:
    """The folder to write to; it is made by the first file.

    Raises:
        InputError: `out` exists and is not an empty folder.
    """
    if out is None:
        return _unused(Path("results") / f"{command}-{datetime.now():%Y%m%d-%H%M%S}")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: --out expects a folder, and this is a file; choose another name")
    # a campaign that was killed as it began leaves its lock
    if out.exists() and any(path.name != LOCK for path in out.iterdir()):
        raise InputError(f"{out}: --out expects a new or empty folder, and this one holds files; choose another name")
    return out


def _unused(folder: Path) -> Path:
    candidates = [folder, *(folder.with_name(f"{folder.name}-{k}") for k in range(2, 1000))]
    return next(f for f in candidates if not f.exists())
