"""Finished runs on disk: rows of one SQLite file, each committed when its run is over and found by its task's key."""

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ...files import LOCK, FileError, check_plain, drafted, parse_json, plain
from ...files.opening import DATABASE
from .._exceptions import StudyError
from ..planning import SCHEMA

Record = dict[str, Any]
"""`status` done or failed, `metrics`, `arrays`, `reason` of a failed one, `elapsed_s` [s], `key`."""

ELSEWHERE = "elsewhere"
"""Of a record: the fault is the machine's, and the run may well be done on another one."""

_WAIT = 30.0
"""For another program that has the file locked [s]."""

_LARGEST = 1e150
_LARGEST_COUNT = 2**53

_LAYOUT = "CREATE TABLE runs (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID"


class Store:
    """The runs of a folder; see `opened`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator["Store"]:
        """The store of a folder, which is made when there is none.

        A kill at any moment leaves every run that was put; of a loss of power the last ones may be missing.

        Raises:
            StudyError: the file is not a store, or cannot be read or written.
        """
        path = folder / "runs.sqlite"
        _make(path)
        with _explained(path):
            connection = _connected(path)
        with closing(connection):
            yield cls(path, connection)

    def check_writable(self) -> None:
        """Raise `StudyError` when nothing can be put."""
        with _explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("ROLLBACK")

    def get(self, key: str) -> Record | None:
        """A finished run; None when there is none, or its row is damaged (the run is then done again)."""
        with _explained(self._path):
            row = self._connection.execute("SELECT CAST(record AS BLOB) FROM runs WHERE key = ?", (key,)).fetchone()
        try:
            record = parse_json(row[0], key) if row is not None and isinstance(row[0], bytes) else None
        except FileError:
            return None
        return record if _is_record(record, key) else None

    def put(self, record: Mapping[str, Any]) -> Record:
        """Keep a finished run; as it is kept, numbers that are not finite and what cannot be printed are left out."""
        kept: Record = plain({"schema": SCHEMA, **record})
        if "reason" in kept:
            kept["reason"] = "".join(c if c.isprintable() else "?" for c in kept["reason"])
        row = (record["key"], json.dumps(kept, allow_nan=False))
        with _explained(self._path):
            self._connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?)", row)
        return kept


def _make(path: Path) -> None:
    """A store without runs, where there is none: whole or not at all, so that no journal of its own is ever left."""
    if path.is_symlink() or path.with_name(f"{path.name}-journal").exists():
        # SQLite follows links, and what a journal tells it to roll back or delete.
        raise StudyError(f"{path}: expected a file of its own without a journal beside it; move them away")
    if path.exists():
        check_plain(path, DATABASE)
    if not path.exists() or path.stat().st_size == 0:
        with drafted(path) as (draft, _):
            with _explained(path), closing(sqlite3.connect(draft, isolation_level=None)) as empty:
                empty.execute(_LAYOUT)
            draft.replace(path)


def _connected(path: Path) -> sqlite3.Connection:
    """Reads before it writes: a file that holds something else stays as it is."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT)
    try:
        # A file of unknown origin runs nothing: no other table, view or trigger, and no function in its schema.
        connection.execute("PRAGMA trusted_schema = OFF")
        schema = connection.execute("SELECT sql FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'").fetchall()
        if schema != [(_LAYOUT,)]:
            raise sqlite3.DatabaseError("it holds something else")
        # Runs are appended to a log that others can read from meanwhile; without it each would wait for the disk.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        # the module's own errors have no code
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
        raise StudyError(f"{path}: cannot be read or written: {error}") from None
    except (sqlite3.Error, UnicodeError) as error:  # SQLite's own messages quote a damaged file
        raise StudyError(
            f"{path}: expected the finished runs of a sweep: {error}; move the file away, and its runs are done again"
        ) from None


def _is_record(record: Any, key: str) -> bool:
    if not isinstance(record, dict) or record.get("key") != key or record.get("schema") != SCHEMA:
        return False
    numbers = record.get("metrics")
    arrays = record.get("arrays")
    return (
        record.get("status") in ("done", "failed")
        and ("reason" in record) == (record["status"] == "failed")
        and all(_is_text(record.get(name, "")) for name in ("reason", "engine"))
        and isinstance(record.get("entry", {}), dict)
        and _is_number(record.get("elapsed_s", 0.0))
        and isinstance(numbers, dict)
        and bool(numbers) == (record["status"] == "done")
        and all(map(_is_number, numbers.values()))
        and isinstance(arrays, dict)
        and all(isinstance(values, list) and len(values) <= len(arrays.get("x", ())) for values in arrays.values())
        and all(value is None or _is_number(value) for values in arrays.values() for value in values)
    )


def _is_number(value: Any) -> bool:
    # JSON's integers have no bound, and squares are summed up in statistics.
    return type(value) in (int, float) and abs(value) <= (_LARGEST if type(value) is float else _LARGEST_COUNT)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One campaign at a time in a folder; the lock goes with the process, however it ends.

    Raises:
        StudyError: another one is at work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StudyError(f"{folder}: another sweep is at work in this folder; wait for it or stop it") from None
        yield
    finally:
        os.close(lock)
