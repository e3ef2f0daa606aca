"""The finished runs of a campaign's folder, looked at from outside, as anybody could with SQLite."""

import json
import sqlite3
from contextlib import closing


def kept(folder):
    """Records by key."""
    path = folder / "runs.sqlite"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return {key: json.loads(text) for key, text in connection.execute("SELECT * FROM runs")}
        except sqlite3.OperationalError:
            return {}  # it is only just being made


def execute(folder, *statement):
    with closing(sqlite3.connect(folder / "runs.sqlite", isolation_level=None)) as connection:
        connection.execute(*statement)
