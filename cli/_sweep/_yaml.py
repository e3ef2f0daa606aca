"""YAML files as plain data, with one-line errors."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...circuits import parse_yaml
from .._errors import InputError

_MOST_BYTES = 4_000_000
_ALTERNATIVES = ("literal[", "constrained-", "function-", "float", "StopAfter")


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        InputError: unreadable, too large, or not YAML as `parse_yaml` reads it.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read the study: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path}: expected a study of at most {_MOST_BYTES} bytes, got {len(content)}")
    try:
        return parse_yaml(text, str(path))
    except ValueError as error:
        raise InputError(str(error)) from None


def first_reason(error: ValidationError) -> str:
    """Field, what was expected and what came, of the first thing that is wrong."""
    first = error.errors()[0]
    # Names of the alternatives of a union are pydantic's, not the user's.
    parts = [str(part) for part in first["loc"]]
    field = ".".join(part for part in parts if not part.startswith(_ALTERNATIVES))
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    lead = f"{field}: " if field else ""
    if first["type"] == "extra_forbidden":
        return f"{lead}unknown key; remove it or check its spelling{more}"
    if first["type"] == "missing":
        return f"{lead}missing; add it{more}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and "got" in message:
        return f"{lead}{message}{more}"
    shown = repr(first["input"])
    came = "" if first["type"] == "value_error" else f", got {shown if len(shown) < 60 else shown[:57] + '...'}"
    return f"{lead}{message}{came}{more}"
