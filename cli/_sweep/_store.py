"""Finished runs on disk: a file for each, named after the content of its task, written whole at once."""

import fcntl
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._errors import InputError
from .._folder import plain, read_json, write_text
from ._tasks import SCHEMA

Record = dict[str, Any]
"""`status` done or failed, `metrics`, `arrays`, `reason` of a failed one, `elapsed_s` [s], `key`."""


class Store:
    """The runs of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "runs"

    def path(self, key: str) -> Path:
        """Of a run's file; sub-folders keep directories small."""
        return self._folder / key[:2] / f"{key}.json"

    def get(self, key: str) -> Record | None:
        """A finished run; None when there is none, or its file is damaged (the run is then done again)."""
        path = self.path(key)
        if not path.exists():
            return None
        try:
            record = read_json(path)
        except (InputError, OSError):
            return None
        return record if _is_record(record, key) else None

    def put(self, record: Mapping[str, Any]) -> Record:
        """Keep a finished run; as it is kept, numbers that are not finite are left out."""
        kept: Record = plain({"schema": SCHEMA, **record})
        write_text(self.path(str(record["key"])), json.dumps(kept, allow_nan=False) + "\n")
        return kept


def _is_record(record: Any, key: str) -> bool:
    if not isinstance(record, dict) or record.get("key") != key or record.get("schema") != SCHEMA:
        return False
    numbers, arrays = record.get("metrics"), record.get("arrays")
    return (
        record.get("status") in ("done", "failed")
        and ("reason" in record) == (record["status"] == "failed")
        and all(isinstance(record.get(name, ""), str) for name in ("reason", "engine"))
        and isinstance(record.get("entry", {}), dict)
        and _is_number(record.get("elapsed_s", 0.0))
        and isinstance(numbers, dict)
        and all(map(_is_number, numbers.values()))
        and isinstance(arrays, dict)
        and all(isinstance(values, list) for values in arrays.values())
        and all(value is None or _is_number(value) for values in arrays.values() for value in values)
    )


def _is_number(value: Any) -> bool:
    # JSON's integers have no bound.
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One campaign at a time in a folder; the lock goes with the process, however it ends.

    Raises:
        InputError: another one is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{folder}: another sweep is at work in this folder; wait for it or stop it") from None
        yield
