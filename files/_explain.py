"""Any exception, and any warning, in one line."""

import errno
import os
import traceback
import warnings
from typing import Any, cast

DEBUG = "THERMOSPICE_DEBUG"
_OWN = __name__.partition(".")[0] + "."

LONGEST = 990
"""Characters of a message."""

_HINTS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would grow over the allowed size; raise the limit or choose another folder",
    errno.EACCES: "permission denied; choose a place that you may use",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOTDIR: "a folder was expected here",
    errno.EISDIR: "a file was expected here, not a folder",
    errno.ENOENT: "no such file or folder",
}


def explain(error: BaseException) -> str:
    """One line for any exception; an unforeseen one is called a bug, not an input error."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    # A message may repeat what came: control characters would reach the terminal, and megabytes nobody reads.
    text = " ".join("".join(c if c.isprintable() else " " for c in _reason(error)).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST * 2 // 3]} ... {text[-LONGEST // 3 :]}"


def _reason(error: BaseException) -> str:
    if type(error).__module__.startswith(_OWN):  # raised by one of the rooms, with a message written for people
        return str(error)
    if hasattr(error, "format_message"):  # typer: an unknown or malformed option
        return str(error.format_message())
    if isinstance(error, OSError):
        return _file_reason(error)
    if hasattr(error, "errors") and hasattr(error, "error_count"):  # pydantic
        from ._reasons import reasons

        return reasons(cast(Any, error))
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name!r} is missing; install it, or run `make setup`"
    if isinstance(error, MemoryError):
        return "not enough memory for this size; choose a smaller size or fewer samples"
    if isinstance(error, OverflowError):
        return f"a number in the input is too large: {error}"
    message = str(error) or "no message"
    return f"unexpected {type(error).__name__}: {message} (a bug: {DEBUG}=1 shows where it happened)"


def _file_reason(error: OSError) -> str:
    hint = _HINTS.get(error.errno or 0) or error.strerror or str(error)
    return f"{error.filename}: {hint}" if error.filename else hint


def warnings_in_one_line() -> None:
    """Print each warning from here on as a line of its own, without the place in the code that gave it."""
    warnings.formatwarning = lambda message, *_args, **_more: f"warning: {' '.join(str(message).split())}\n"
