"""Files of studies as plain data, with one-line errors."""

from pathlib import Path
from typing import Any

from ...files import DESCRIPTION, UnreadableFile, parse_yaml, read_text
from .._errors import InputError


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises:
        InputError: unreadable, too large, or not YAML as `parse_yaml` reads it.
    """
    try:
        return parse_yaml(read_text(path, DESCRIPTION), str(path))
    except UnreadableFile as error:
        raise InputError(f"{path}: cannot read the study: {error.reason}") from None
    except ValueError as error:
        raise InputError(str(error)) from None
