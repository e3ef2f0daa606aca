"""The one way to open a file that a user names: a plain file, of a bounded size, read without waiting for anybody."""

import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .._exceptions import FileError

_CHUNK = 1 << 20

_KINDS_OF_NODES = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class UnreadableFile(FileError):
    """A file that was not read at all: missing, not a plain file, too large, or not text.

    `reason` is the message without the path, for callers who say what they wanted to read.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        # What the system says begins with a capital letter.
        super().__init__(f"{path}: {reason[:1].lower()}{reason[1:]}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file should be, in words for a message, and how many bytes the largest sensible one has."""

    what: str
    most_bytes: int


# A bound lies far above the largest file of its kind that this package writes, and below what a small machine can hold
# after parsing, which takes some ten bytes for each byte of text.
DESCRIPTION = FileKind("a description", 4_000_000)  # designs, studies and experiments, written by hand
NUMBERS = FileKind("a table of numbers", 100_000_000)  # a dense matrix of 2000 cells with all its digits has half
JSON = FileKind("a JSON file", 1 << 30)  # a calibrated chip of 96 cells has half, as one value
ROWS = FileKind("a file of JSON lines", 1 << 28)
NETLIST = FileKind("a netlist", 1 << 20)
MEASUREMENT = FileKind("a measurement", 1 << 30)
PICTURE = FileKind("a picture", 1 << 25)
CHECKPOINT = FileKind("a checkpoint", 1 << 33)
IMAGES = FileKind("a data set", 1 << 30)
WEIGHTS = FileKind("a file of a language model", 1 << 33)
DATABASE = FileKind("a database of runs", 1 << 34)  # not read into memory


@contextmanager
def opened(path: str | Path, kind: FileKind) -> Iterator[BinaryIO]:
    """An open file of bytes; it is plain and not larger than its kind.

    A pipe or a device has no end and may wait for somebody for ever, so neither is opened.

    Raises:
        UnreadableFile: missing, not a plain file, too large, or an error of the file system.
    """
    with _explained(path):
        # Before it is opened, since opening a device may already do something.
        _check_plain(path, Path(path).stat(), kind)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        # And after, since another file may stand there by now.
        _check_plain(path, os.fstat(descriptor), kind)
        yield file


def check_plain(path: str | Path, kind: FileKind) -> None:
    """Refuse what `opened` refuses, for files that a library opens by their names.

    Raises:
        UnreadableFile: as `opened`.
    """
    with opened(path, kind):
        pass


def read_bytes(path: str | Path, kind: FileKind) -> bytes:
    """The content of a file.

    Raises:
        UnreadableFile: as `opened`.
    """
    parts: list[bytes] = []
    size = 0
    with opened(path, kind) as file, _explained(path):
        # In pieces: Ctrl-C is heard between them, and a file that grows while it is read still has an end.
        while part := file.read(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > kind.most_bytes:
                raise _too_large(path, kind)
    return b"".join(parts)


def read_text(path: str | Path, kind: FileKind, encoding: str = "utf-8") -> str:
    r"""The content of a text file, its lines ended by `\n` whatever system it comes from.

    Raises:
        UnreadableFile: as `opened`, or not text in this encoding.
    """
    try:
        text = read_bytes(path, kind).decode(encoding)
    except UnicodeDecodeError:
        name = "ASCII" if encoding == "ascii" else "UTF-8"
        raise UnreadableFile(path, f"not {name} text") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def gunzipped(content: bytes, path: str | Path, kind: FileKind) -> bytes:
    """Content that gzip has packed, unpacked as far as the kind allows; as it is when it is not packed.

    Raises:
        UnreadableFile: damaged, or larger than its kind when unpacked.
    """
    if content[:2] != b"\x1f\x8b":
        return content
    parts: list[bytes] = []
    size = 0
    try:
        while content:
            # A member with its header and trailer, whose checksum zlib compares; members may follow each other.
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                part = member.decompress(content, _CHUNK)
                content = member.unconsumed_tail
                if not part and not content and not member.eof:
                    raise UnreadableFile(path, "cut off inside its gzip data")
                parts.append(part)
                size += len(part)
                if size > kind.most_bytes:
                    raise _too_large(path, kind, " when unpacked")
            content = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise UnreadableFile(path, f"not readable as gzip: {error}") from None
    return b"".join(parts)


def _check_plain(path: str | Path, found: os.stat_result, kind: FileKind) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise UnreadableFile(path, "expected a file, got a folder")
    if not stat.S_ISREG(found.st_mode):
        what = next((name for is_kind, name in _KINDS_OF_NODES if is_kind(found.st_mode)), "something else")
        raise UnreadableFile(path, f"expected a file of at most {kind.most_bytes:,} bytes, got {what}")
    if found.st_size > kind.most_bytes:
        raise _too_large(path, kind)


def _too_large(path: str | Path, kind: FileKind, when: str = "") -> UnreadableFile:
    return UnreadableFile(path, f"expected {kind.what} of at most {kind.most_bytes:,} bytes, got more{when}")


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        # A name with a null character.
        raise UnreadableFile(path, str(error)) from None
    except OSError as error:
        raise UnreadableFile(path, error.strerror or type(error).__name__) from None
