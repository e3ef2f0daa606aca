"""Files written whole or not at all, wherever they are."""

import errno
import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ._json import plain

_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}\.part")


@contextmanager
def replacing(path: str | Path, synced: bool = False) -> Iterator[BinaryIO]:
    """A new file that takes the path's place when the block ends, and is gone when it fails.

    A symbolic link in that place is replaced, not followed.

    Args:
        path: what to write; its folder exists.
        synced: wait until it is on the disk.

    Raises:
        OSError: with the path itself as file name.
    """
    target = Path(path)
    try:
        with drafted(target) as (draft, file):
            yield file
            file.flush()
            if synced:
                os.fsync(file.fileno())
            file.close()  # some file systems say only here that they are full
            draft.replace(target)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(target)) from None


@contextmanager
def drafted(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """An unfinished file beside the target, which may take its place; else it is gone when the block ends.

    It is locked as long as this process works on it: what is not is left over from one that was killed.

    Raises:
        OSError: it cannot be made.
    """
    draft, file, lock = _locked_draft(target)
    try:
        with file:
            yield draft, file
    finally:
        draft.unlink(missing_ok=True)
        os.close(lock)


def _locked_draft(target: Path) -> tuple[Path, BinaryIO, int]:
    while True:
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        file = open(draft, "xb", opener=no_link)  # noqa: SIM115  # the caller's; and Path.open takes no opener
        lock = os.dup(file.fileno())
        with suppress(OSError):  # not every file system has locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        if draft.exists():
            return draft, file, lock
        file.close()  # it was taken for stale in the moment before it was locked
        os.close(lock)


def sweep_drafts(folder: Path) -> None:
    """Remove, in a folder and those in it, the unfinished files of writers that are gone; links are not followed."""
    for where, _, names in os.walk(folder):
        for name in names:
            if _DRAFT.fullmatch(name):
                _sweep_draft(Path(where) / name)


def _sweep_draft(path: Path) -> None:
    with suppress(OSError), open(path, "rb", opener=no_link) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def write_atomically(path: str | Path, text: str, synced: bool = False) -> None:
    """Write a text file whole or not at all; `synced` waits until it is on the disk. Raises OSError."""
    with replacing(path, synced) as file:
        file.write(text.encode("utf-8"))


def no_link(path: str, flags: int) -> int:
    """For `open(..., opener=no_link)`: refuses a symbolic link (OSError, ELOOP), and a pipe or a device (EINVAL)."""
    # A pipe would wait for somebody who reads it.
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "expected a plain file", str(path))
    return descriptor


def write_text(path: Path, text: str) -> None:
    """Write the file whole or not at all: a run that is stopped leaves no half file behind."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, as `write_text` does text."""

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write plain JSON (see `plain`)."""
    write_text(path, json.dumps(plain(value), indent=2, allow_nan=False) + "\n")


def plain_comment(text: str) -> str:
    """One line of a closed alphabet: in no language does anything in it end a comment, or begin something else."""
    return "".join(c if c.isascii() and (c.isalnum() or c in " .,:;=+-_()/%<>^") else "?" for c in text)[:500]
