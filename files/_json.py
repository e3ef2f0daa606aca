"""JSON as this package writes it: read from bytes of unknown origin, within bounds, and written without NaN."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ._exceptions import FileError
from .opening import JSON, ROWS, FileKind, UnreadableFile, read_bytes

MOST_VALUES = 20_000_000
"""Of lists and objects in one text: a cascade of 2000 cells has half as many. Each takes up to 100 bytes as a value."""

_LONGEST_INTEGER = 308
"""Digits: a longer one is beyond every floating-point number."""


def parse_json(content: bytes | str, where: str, finite: bool = True) -> Any:
    """Plain data of a JSON text.

    Args:
        content: UTF-8.
        where: for the message, as `FILE`.
        finite: refuse NaN and infinite numbers here; a reader that checks every number names its field as well.

    Raises:
        FileError: not UTF-8, not JSON, nested too deep, too many values, or a number that is not finite.
    """
    text = _text(content, where)
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        raise FileError(f"{where}: expected at most {MOST_VALUES:,} values")
    try:
        return (_DECODER if finite else _LENIENT_DECODER).decode(text)
    except RecursionError:
        raise FileError(f"{where}: not valid JSON: nested too deep") from None
    except ValueError as error:
        raise FileError(f"{where}: not valid JSON: {error}") from None


def read_json(path: str | Path, kind: FileKind = JSON, finite: bool = True) -> Any:
    """Plain data of a JSON file.

    Raises:
        UnreadableFile: missing, not a plain file, or too large.
        FileError: as `parse_json`.
    """
    return parse_json(read_bytes(path, kind), str(path), finite)


def read_json_lines(path: str | Path) -> Iterator[Any]:
    """Plain data of each line of a file, but for a last one without its end, which a killed program leaves.

    Raises:
        UnreadableFile: as `read_json`.
        FileError: as `parse_json`, with the number of the line.
    """
    lines = read_bytes(path, ROWS).split(b"\n")[:-1]
    for number, line in enumerate(lines, start=1):
        yield parse_json(line, f"{path}, line {number}")


def _text(content: bytes | str, where: str) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UnreadableFile(where, "not UTF-8 text") from None


def _refused(name: str) -> float:
    raise ValueError(f"expected a finite number, got {name}")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {_short(digits)}")
    return value


def _bounded(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise ValueError(f"expected a number of at most {_LONGEST_INTEGER} digits, got {_short(digits)}")
    return int(digits)


def _short(digits: str) -> str:
    return digits if len(digits) <= 20 else f"{digits[:17]}..."


# Made once: a decoder for each of a million lines would cost more than the lines.
_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_finite, parse_int=_bounded)
_LENIENT_DECODER = json.JSONDecoder(parse_int=_bounded)


class Whole(dict[str, Any]):
    """A mapping of which `plain` leaves nothing out: null is a value of it."""


def plain(value: Any) -> Any:
    """JSON values of numpy values; what is not a finite number is left out of an object, and null in a list."""
    if isinstance(value, Whole):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Mapping):
        items = ((str(key), plain(item)) for key, item in value.items())
        return {key: item for key, item in items if item is not None}
    if hasattr(value, "tolist"):  # numpy arrays and numbers; numpy itself stays out of `--help`
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)
