"""Standard output and standard error that end no command: whoever read them may have gone, or know no such letters."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class Stream:
    """A text stream that replaces what it cannot encode, and goes on in silence when it cannot be written to."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner
        self.lost: OSError | None = None
        """Why it could not be written to; `BrokenPipeError` where the reader has gone."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, text: str) -> int:
        encoding = self._inner.encoding or "utf-8"
        shown = text.encode(encoding, "replace").decode(encoding)
        if self.lost is None:
            try:
                self._inner.write(shown)
            except OSError as error:
                self._lose(error)
        return len(text)

    def write_whole(self, text: str) -> None:
        """Text that is to be read again: in UTF-8 where the encoding lacks one of its letters."""
        try:
            text.encode(self._inner.encoding or "utf-8")
        except UnicodeEncodeError:
            self.flush()
            self._inner.buffer.write(text.encode("utf-8"))
            return
        self.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.lost is None:
            try:
                self._inner.flush()
            except OSError as error:
                self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost = error
        # What is still in its buffer would be written at the end of the process, and fail again.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._inner.fileno())
            os.close(nowhere)


@contextmanager
def kept_streams() -> Iterator[None]:
    """Standard output and standard error as `Stream`s."""
    before = sys.stdout, sys.stderr
    # In place of a stream that was closed from the start: `print` to none at all would print to standard output.
    streams = [stream if isinstance(stream, Stream) else Stream(stream or io.StringIO()) for stream in before]
    sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in streams)
    try:
        yield
    finally:
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = before


def write_whole(text: str) -> None:
    """Print text that may be redirected into a file, as it is."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.write_whole(text)
    else:
        print(text, end="")


def lost_answer() -> OSError | None:
    """Why the command's answer has not got to where it should, unless nobody wanted it."""
    if sys.stdout is not None:
        sys.stdout.flush()
    lost = getattr(sys.stdout, "lost", None)
    return None if isinstance(lost, BrokenPipeError) else lost


def open_descriptors() -> None:
    """A standard stream that is closed gives its number to the next file, and prints would go into that."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
