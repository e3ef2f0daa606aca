"""Files written whole or not at all, wherever they are."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


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
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with open(draft, "xb", opener=no_link) as file:  # Path.open takes no opener
            yield file
            if synced:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(target)) from None
    finally:
        draft.unlink(missing_ok=True)


def write_atomically(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all. Raises OSError."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))


def no_link(path: str, flags: int) -> int:
    """For `open(..., opener=no_link)`: refuses a symbolic link (OSError, ELOOP), and a pipe or a device (EINVAL)."""
    # A pipe would wait for somebody who reads it.
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "expected a plain file", str(path))
    return descriptor
