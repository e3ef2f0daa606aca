"""One canonical description."""

import difflib
import hashlib
import json
from pathlib import Path
from typing import Any

from ...files import UnreadableFile, read_bytes
from ...files.opening import JSON
from .._exceptions import StudyError

SCHEMA = 2
"""Raised whenever a change of the code changes what a run means; older results are then not taken for new ones."""

_FIELDS_TOLD = 30

RunTask = dict[str, Any]
"""Plain JSON values: all that a run depends on, and nothing else."""


def key_of(task: RunTask) -> str:
    """SHA-256 of the canonical description."""
    text = json.dumps(task, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def path_of(name: str, block: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(f"{block}.").split("."))


def get(plain: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of nested mappings."""
    for part in path:
        plain = plain[part]
    return plain


def put(plain: Any, path: tuple[str, ...], value: Any, where: str) -> None:
    """Replace the value at a path of nested mappings.

    Raises:
        StudyError: there is no such field.
    """
    for k, part in enumerate(path):
        if not isinstance(plain, dict) or part not in plain:
            inside = ".".join(path[:k])
            missing = _known(part, plain, inside) if isinstance(plain, dict) else f"; {inside} is {plain}"
            raise StudyError(f"{where}: unknown field {part!r}{missing}")
        if k == len(path) - 1:
            if isinstance(plain[part], dict) and not isinstance(value, dict):
                raise StudyError(f"{where}: expected one of its fields: {', '.join(plain[part])}")
            plain[part] = value
        else:
            plain = plain[part]


def _known(name: str, fields: dict[str, Any], inside: str) -> str:
    """The fields that there are; of very many only those that are spelled like the name."""
    if len(fields) <= _FIELDS_TOLD:
        return f"; the fields of {inside or 'a run'} are {', '.join(fields)}"
    near = difflib.get_close_matches(name, fields)
    return f"; the nearest to it: {', '.join(near)}" if near else "; no field is spelled like it"


def digest_of(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        StudyError: it cannot be read.
    """
    try:
        return hashlib.sha256(read_bytes(path, JSON)).hexdigest()
    except UnreadableFile as error:
        raise StudyError(f"{path}: cannot be read: {error.reason}") from None
