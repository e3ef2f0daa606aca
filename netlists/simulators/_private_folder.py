"""The folder in which one simulator runs: nobody else's, gone with the run, and known as stale when its owner is."""

import contextlib
import errno
import fcntl
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ._reaper import PREFIX, Reaper, reaper

_NAMELESS = 3600.0
"""Age of a folder that never got its name, from which on nobody is about to give it one [s]."""


@contextmanager
def private_folder() -> Iterator[tuple[Path, Reaper]]:
    """An empty folder for files of a moment, and who clears up when this process is killed.

    Raises:
        OSError: `TMPDIR`, or whatever stands for it, cannot be used; with its name.
    """
    place = _place()
    _sweep(place)
    keeper = reaper(place)
    path = tempfile.mkdtemp(prefix=f".{PREFIX}", dir=place)
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _locked(lock)
        # It has its name only now: without a lock it would be taken for stale.
        path = _renamed(path, keeper.token)
        yield Path(path), keeper
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def is_full(folder: Path) -> bool:
    """Is there no space left in the file system?"""
    found = os.statvfs(folder)
    return found.f_blocks > 0 and found.f_bavail == 0


def _place() -> str:
    """Where such folders are made; a `TMPDIR` that the user gave is used or refused, and not passed over."""
    named = os.environ.get("TMPDIR")
    if named and not Path(named).is_dir():
        raise OSError(errno.ENOTDIR, "TMPDIR is no folder", named)
    if named and not os.access(named, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, "TMPDIR cannot be written to", named)
    if named and is_full(Path(named)):
        raise OSError(errno.ENOSPC, "TMPDIR is full", named)
    try:
        return str(Path(named or tempfile.gettempdir()).absolute())
    except FileNotFoundError:
        raise OSError(errno.ENOSPC, "no folder for temporary files can be written to; set TMPDIR to one") from None


def _renamed(path: str, token: str) -> str:
    inner = f"{PREFIX}{token}-{Path(path).name.removeprefix(f'.{PREFIX}')}"
    return str(Path(path).rename(Path(path).with_name(inner)))


def _locked(folder: int) -> bool:
    """A lock that goes with the process, however it ends; false where another has it, or there are no locks."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@functools.lru_cache(maxsize=8)
def _sweep(place: str) -> None:
    """Remove, once, the folders of processes that are gone and had nobody left to clear up."""
    for path in (*Path(place).glob(f"{PREFIX}*"), *Path(place).glob(f".{PREFIX}*")):
        with contextlib.suppress(OSError):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if _is_stale(path, os.fstat(folder)) and _locked(folder):
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(folder)


def _is_stale(path: Path, found: os.stat_result) -> bool:
    named = path.name.startswith(PREFIX)
    return found.st_uid == os.getuid() and (named or time.time() - found.st_mtime > _NAMELESS)
