"""A run's numbers on disk: one JSON object a line, and TensorBoard's events where it is installed."""

import json
import math
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ...files import FileError, no_link, read_json_lines, write_atomically

Row = Mapping[str, Any]
Entry = dict[str, Any]
_TENSORBOARD = "torch.utils.tensorboard"


@runtime_checkable
class Metrics(Protocol):
    """Where the rows of one run go."""

    def write(self, row: Row) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """Appends rows to a file, one line each, flushed: a killed run leaves at most its last line cut."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "a", encoding="utf-8", opener=no_link)  # noqa: SIM115  # kept, and no link

    def write(self, row: Row) -> None:
        self._file.write(_line(row))
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class TensorBoard:
    """Scalars under the run's name."""

    def __init__(self, folder: Path, first_step: int) -> None:
        # purge_step hides what a resumed run is about to write again.
        self._writer = import_module(_TENSORBOARD).SummaryWriter(str(folder), purge_step=first_step)

    def write(self, row: Row) -> None:
        for key, value in row.items():
            if isinstance(value, float):
                self._writer.add_scalar(key, value, row["step"])

    def close(self) -> None:
        self._writer.close()


def has_tensorboard() -> bool:
    return find_spec("tensorboard") is not None


def finite(row: Row) -> Entry:
    """The row without what was not computed: None, NaN and infinity are not JSON, and no measurement either."""
    return {
        key: value
        for key, value in row.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }


class RowsError(ValueError):
    """A file of rows holds something else; names it, in one line."""


def read_rows(path: Path) -> list[Entry]:
    """The complete lines of a JSON-lines file; none when the file is absent.

    Raises `RowsError` for a line that is no object of finite numbers and words.
    """
    if not path.exists():
        return []
    try:
        rows = list(read_json_lines(path))
    except FileError as error:
        raise RowsError(str(error)) from None
    if not all(isinstance(row, dict) for row in rows):
        raise RowsError(f"{path}: not the rows of a run: expected an object in every line")
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Replaces the file as a whole: a reader sees the old rows or the new ones."""
    write_atomically(path, "".join(map(_line, rows)), synced=True)


def _line(row: Row) -> str:
    return json.dumps(finite(row), allow_nan=False) + "\n"
