"""Files of studies as plain data, with one-line errors."""

from pathlib import Path
from typing import Any

from ...files import parse_yaml
from .._errors import InputError

_MOST_BYTES = 4_000_000


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        InputError: unreadable, too large, or not YAML as `parse_yaml` reads it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)  # a device such as /dev/zero has no end
    except OSError as error:
        raise InputError(f"{path}: cannot read the study: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path}: expected a study of at most {_MOST_BYTES} bytes, got more")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected UTF-8 text") from None
    try:
        return parse_yaml(text, str(path))
    except ValueError as error:
        raise InputError(str(error)) from None
