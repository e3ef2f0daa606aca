"""Going on in the folder of an interrupted run: whose it is, and that it is nothing but a folder of its own."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from ...files import plain, read_json, write_json
from .._exceptions import InputError

_STATE = "state.json"
_WRITTEN = re.compile(r"study\.yaml|\.lock|.*\.csv|results\.nc|summary\.json|report\.html|.*\.png|\..*\.part")
"""What is never read again: a link in such a place is replaced, or refused by whoever writes there."""

Kind = TypeVar("Kind")


def state_file(folder: Path) -> Path:
    """Where what a command was asked for is kept."""
    return folder / _STATE


def save_state(folder: Path, command: str, state: Mapping[str, Any]) -> None:
    """Leave what `--resume` needs: what the command was asked for."""
    write_json(folder / _STATE, {"command": command, **state})


def load_state(folder: Path, command: str, what: str | None = None) -> dict[str, Any]:
    """What a command was asked for in a folder.

    Args:
        folder: of the interrupted run.
        command: whose folder it has to be.
        what: how the command was called, for the message.

    Raises:
        InputError: it is not a folder of this command.
    """
    path = folder / _STATE
    found = read_json(path) if os.path.lexists(path) else {}
    if not isinstance(found, dict) or found.get("command") != command:
        raise InputError(f"{folder}: --resume expects a folder of `thermospice {what or command}`, with its {_STATE}")
    return found


def check_folder(folder: Path) -> None:
    """Make a folder ready to go on in: what killed writers have left unfinished goes.

    Raises:
        InputError: there is none, or it holds a link, by which something else would be read or written to.
    """
    from ...files import sweep_drafts

    if not folder.is_dir():
        raise InputError(f"{folder}: --resume expects a folder, and there is none")
    for where, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(where) / name
            if path.is_symlink() and (path.is_dir() or path.parent != folder or not _WRITTEN.fullmatch(name)):
                raise InputError(
                    f"{path}: expected a file or folder of its own, and this is a symbolic link, which --resume does"
                    " not follow: remove it, or put a copy there"
                )
    sweep_drafts(folder)


def checked(kind: type[Kind], value: Any, path: Path) -> Kind:
    """A value from a file as what it has to be, by the configuration of that class.

    Raises:
        InputError: it is something else, or lacks a field that would get its default.
    """
    from pydantic import TypeAdapter

    with interpreting(path):
        found = TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
        if is_dataclass(found) and plain(asdict(cast(Any, found))) != plain(value):
            raise ValueError("some of its fields are missing")
        return found


@contextmanager
def interpreting(path: Path) -> Iterator[None]:
    """What the block cannot make sense of is no file that a run has left.

    Raises:
        InputError: in one line, what is wrong.
    """
    from ...files import Refusal, reasons

    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        if type(error).__module__.startswith(__name__.partition(".")[0]):
            raise  # written for people
        if isinstance(error, Refusal):
            raise _malformed(path, reasons(error)) from None
        raise _malformed(path, f"{type(error).__name__}: {error}") from None


def _malformed(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: not as a run leaves it: {' '.join(reason.split())}; begin a new one")
