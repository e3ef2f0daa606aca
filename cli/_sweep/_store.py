"""Finished runs on disk: rows of one SQLite file, each committed when its run is over and found by its task's key."""

import fcntl
import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from .._errors import InputError
from .._folder import plain
from ._tasks import SCHEMA

Record = dict[str, Any]
"""`status` done or failed, `metrics`, `arrays`, `reason` of a failed one, `elapsed_s` [s], `key`."""

_LAYOUT = "CREATE TABLE runs (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID"


class Store:
    """The runs of a folder; see `opened`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator["Store"]:
        """The store of a folder, which is made when there is none.

        A kill at any moment leaves every run that was put; of a loss of power the last ones may be missing.

        Raises:
            InputError: the file is not a store, or cannot be read or written.
        """
        path = folder / "runs.sqlite"
        with _explained(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # A file of unknown origin runs nothing: no other table, view or trigger, and no function in its schema.
            connection.execute("PRAGMA trusted_schema = OFF")
            # Runs are appended to a log that others can read from meanwhile; without it each would wait for the disk.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            schema = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
            if not schema:
                connection.execute(_LAYOUT)
            elif schema != [(_LAYOUT,)]:
                raise sqlite3.DatabaseError("it holds something else")
            yield cls(path, connection)

    def get(self, key: str) -> Record | None:
        """A finished run; None when there is none, or its row is damaged (the run is then done again)."""
        with _explained(self._path):
            row = self._connection.execute("SELECT CAST(record AS BLOB) FROM runs WHERE key = ?", (key,)).fetchone()
        try:
            record = None if row is None else json.loads(row[0])
        except (ValueError, TypeError, RecursionError):
            return None
        return record if _is_record(record, key) else None

    def put(self, record: Mapping[str, Any]) -> Record:
        """Keep a finished run; as it is kept, numbers that are not finite are left out."""
        kept: Record = plain({"schema": SCHEMA, **record})
        row = (record["key"], json.dumps(kept, allow_nan=False))
        with _explained(self._path):
            self._connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?)", row)
        return kept


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise InputError(f"{path}: cannot be read or written: {error}") from None
    except sqlite3.Error as error:
        raise InputError(
            f"{path}: expected the finished runs of a sweep: {error}; move the file away, and its runs are done again"
        ) from None


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
