"""The finished runs of a campaign: a damaged one is no run, and a folder from elsewhere does no harm."""

import json
import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from thermospice.campaigns import Store, StudyError
from thermospice.campaigns.planning import SCHEMA

from ..stores import execute, kept

RECORD = {
    "key": "ab" * 32,
    "status": "done",
    "metrics": {"m": 0.1, "bad": float("nan")},
    "arrays": {"x": [1.0], "v": [1.0]},
}


def test_a_damaged_row_is_no_run(tmp_path):
    key = RECORD["key"]
    with Store.opened(tmp_path) as store:
        store.put(RECORD)
        assert store.get(key)["metrics"] == {"m": 0.1}
        text = json.dumps(kept(tmp_path)[key])
        for broken in (
            "",
            text[:40],
            "[]",
            "[" * 100_000,
            text.replace(f'"schema": {SCHEMA}', '"schema": -1'),
            text.replace("0.1", '"x"'),
            b"\xff",
            1.5,
        ):
            execute(tmp_path, "UPDATE runs SET record = ?", (broken,))
            assert store.get(key) is None
        store.put(RECORD)
        assert store.get(key) == json.loads(text)


def test_a_run_is_there_for_others_as_soon_as_it_is_put(tmp_path):
    with Store.opened(tmp_path) as store:
        store.put(RECORD)
        assert list(kept(tmp_path)) == [RECORD["key"]]
    with Store.opened(tmp_path) as store:
        assert store.get(RECORD["key"])["status"] == "done"


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (b"not a database, but as long as the header of one would be" * 9, "move the file away"),
        ("CREATE TABLE other (x)", "something else"),
        # a query that never ends, under the name of the table
        (
            "CREATE VIEW runs AS WITH RECURSIVE c(key) AS (SELECT 1 UNION ALL SELECT key + 1 FROM c) "
            "SELECT key, key AS record FROM c",
            "something else",
        ),
    ],
)
def test_a_file_that_is_no_store_is_refused(tmp_path, layout, words):
    if isinstance(layout, bytes):
        (tmp_path / "runs.sqlite").write_bytes(layout)
    else:
        execute(tmp_path, layout)
    with pytest.raises(StudyError, match=words), Store.opened(tmp_path):
        pass


def planted(key: str, **changes: object) -> str:
    record = {"schema": SCHEMA, "key": key, "status": "done", "metrics": {"m": 0.1}, "arrays": {"x": [1.0], "v": [1.0]}}
    return json.dumps(record | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed", "reason": "\033]0;title\007\033[2J", "metrics": {}},
        {"status": "failed", "reason": "\ud800", "metrics": {}},
        {"engine": "ngspice\0"},
        {"arrays": {"x": [1.0], "v": [1.0, 2.0]}},
        {"arrays": {"v": [1.0]}},
        {"metrics": {"m": 1.7e308}},
        {"metrics": {"m": 10**300}},
        {"metrics": {"m": 10**100}},
        {"metrics": {}},
    ],
)
def test_a_planted_row_is_no_run(tmp_path, changes):
    key = RECORD["key"]
    with Store.opened(tmp_path) as store:
        store.put(RECORD | {"arrays": {"x": [1.0]}})
        execute(tmp_path, "UPDATE runs SET record = ?", (planted(key),))
        assert store.get(key) is not None
        execute(tmp_path, "UPDATE runs SET record = ?", (planted(key, **changes),))
        assert store.get(key) is None


def test_a_reason_is_kept_as_it_can_be_printed(tmp_path):
    failed = RECORD | {"status": "failed", "reason": "bell \a, half \ud800", "metrics": {}, "arrays": {}}
    with Store.opened(tmp_path) as store:
        assert store.put(failed)["reason"] == "bell ?, half ?"
        assert store.get(RECORD["key"])["reason"] == "bell ?, half ?"


def hot_journal(database: bytes, named: str, page: int = 4096, sector: int = 512) -> bytes:
    """A rollback journal (SQLite's file format, section 3) that says it belongs to a transaction of several files.

    SQLite rolls it back, and deletes the file that it names as the journal of all of them.
    """
    magic = bytes.fromhex("d9d505f920a163d7")
    header = magic + struct.pack(">IIIII", 1, 0, len(database) // page, sector, page)
    first = database[:page]
    checksum = sum(first[i] for i in range(page - 200, 0, -200)) & 0xFFFFFFFF
    record = struct.pack(">I", 1) + first + struct.pack(">I", checksum)
    name = named.encode()
    tail = struct.pack(">I", 0x40000000 // page + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    return header.ljust(sector, b"\0") + record + tail


def test_a_planted_journal_deletes_nothing(tmp_path):
    victim, folder = tmp_path / "victim.txt", tmp_path / "folder"
    victim.write_text("precious")
    folder.mkdir()
    with Store.opened(folder) as store:
        store.put(RECORD)
    path = folder / "runs.sqlite"
    (folder / "runs.sqlite-journal").write_bytes(hot_journal(path.read_bytes(), str(victim)))
    with pytest.raises(StudyError, match="without a journal"), Store.opened(folder):
        pass
    assert victim.read_text() == "precious"
    with closing(sqlite3.connect(path)) as connection:  # the journal does what it is meant to, unless it is refused
        connection.execute("SELECT * FROM runs").fetchall()
    assert not victim.exists()


def test_a_file_of_another_program_stays_as_it_is(tmp_path):
    execute(tmp_path, "CREATE TABLE bookmarks (url)")
    before = (tmp_path / "runs.sqlite").read_bytes()
    with pytest.raises(StudyError, match="something else"), Store.opened(tmp_path):
        pass
    assert (tmp_path / "runs.sqlite").read_bytes() == before


@pytest.mark.parametrize("damage", [(b"CREATE TABLE", b"\xffREATE TABLE"), (b"record TEXT", b"recor\xff TEXT")])
def test_a_file_whose_fault_is_no_text_is_refused(tmp_path, damage):
    with Store.opened(tmp_path) as store:
        store.put(RECORD)
    path = tmp_path / "runs.sqlite"
    path.write_bytes(path.read_bytes().replace(*damage))
    with pytest.raises(StudyError, match=r"runs.sqlite"), Store.opened(tmp_path):
        pass


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").touch()
    (tmp_path / "runs.sqlite").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StudyError, match="a file of its own"), Store.opened(tmp_path):
        pass
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_store_that_cannot_be_written_is_said_before_anything_runs(tmp_path):
    if os.geteuid() == 0:
        execute(tmp_path, "CREATE TABLE runs (key TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID")
        with Store.opened(tmp_path) as store:
            store._connection.execute("PRAGMA query_only = ON")  # permissions do not count for root
            with pytest.raises(StudyError, match=r"runs.sqlite: cannot be read or written: .*readonly"):
                store.check_writable()
        return
    with Store.opened(tmp_path):
        pass
    (tmp_path / "runs.sqlite").chmod(0o444)
    with Store.opened(tmp_path) as store, pytest.raises(StudyError, match=r"runs.sqlite: cannot be read or written"):
        store.check_writable()


# Folders from elsewhere, through the command.


@pytest.fixture
def folder(run, tmp_path) -> Path:
    """That of a finished campaign."""
    study = {"name": "small", "circuit": {"design": "board-1k-1n", "size": 1}, "instances": 2}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(study))
    assert run("sweep", "s.yaml", "--out", "out", "--workers", 1).code == 0
    return tmp_path / "out"


def test_links_in_a_folder_from_elsewhere_overwrite_nothing(run, folder, tmp_path):
    written = ["state.json", "study.yaml", "table.csv", "results.nc", "summary.json"]
    for name in [".lock", *written, *(f".{name}.part" for name in written)]:
        (tmp_path / f"victim{name}").write_text("precious")
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(tmp_path / f"victim{name}")
    outcome = run("sweep", "s.yaml", "--out", "new", "--workers", 1)
    assert outcome.code == 0
    (folder / "state.json").unlink()
    (folder / "state.json").write_bytes((tmp_path / "new" / "state.json").read_bytes())
    run("sweep", "--resume", "out").refused(".lock")
    (folder / ".lock").unlink()
    assert run("sweep", "--resume", "out").code == 0
    assert {path.read_text() for path in tmp_path.glob("victim*")} == {"precious"}


def test_what_has_no_end_is_refused(run, folder):
    run("sweep", "/dev/zero", "--out", "new").refused("/dev/zero", "bytes, got a device")
    (folder / "state.json").unlink()
    (folder / "state.json").symlink_to("/dev/zero")
    run("sweep", "--resume", "out").refused("state.json", "expected a file", "symbolic link")
    (folder / "state.json").unlink()
    os.mkfifo(folder / "state.json")
    run("sweep", "--resume", "out").refused("state.json", "expected a file")


def test_a_campaign_that_was_killed_as_it_began_can_begin_again(run, folder, tmp_path):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / ".lock").touch()
    assert run("sweep", "s.yaml", "--out", "early", "--workers", 1).code == 0


def test_failed_runs_are_those_of_a_folder(run, folder):
    run("sweep", "s.yaml", "--out", "new", "--retry-failed").refused("--retry-failed", "--resume")
