"""What a user names is a plain file of a bounded size, or it is not opened."""

import gzip
import os
import socket
import time
from pathlib import Path

import pytest
from thermospice.files import FileKind, UnreadableFile, opened, read_bytes, read_text
from thermospice.files.opening import gunzipped

SMALL = FileKind("a note", 100)


def a_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


def a_socket(path: Path) -> Path:
    # The name of a socket may have 107 bytes, which those of test folders exceed.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)
    return path


def a_link_to_a_device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def a_sparse_file(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(1 << 40)
    return path


NODES = {
    "pipe": (a_pipe, "bytes, got a pipe"),
    "folder": (a_folder, "expected a file, got a folder"),
    "socket": (a_socket, "bytes, got a socket"),
    "device": (lambda path: Path("/dev/zero"), "bytes, got a device"),
    "link": (a_link_to_a_device, "bytes, got a device"),
    "sparse": (a_sparse_file, "expected a note of at most 100 bytes, got more"),
    "missing": (lambda path: path, "no such file"),
    "null": (lambda path: Path("a\0b"), "null"),
    "endless": (lambda path: Path("/proc/self/pagemap"), "a note of at most 100 bytes|Permission|Input/output"),
}


@pytest.mark.parametrize("node", NODES)
def test_what_is_no_plain_file_of_its_size_is_refused_at_once(node, tmp_path):
    # Catches an open that waits for somebody to write into a pipe, and a read without an end.
    make, message = NODES[node]
    path, started = make(tmp_path / "x"), time.perf_counter()
    with pytest.raises(UnreadableFile, match=message) as caught:
        read_bytes(path, SMALL)
    assert time.perf_counter() - started < 1
    assert str(caught.value).lower() == f"{path}: {caught.value.reason}".lower()


def test_a_pipe_with_a_writer_is_refused_as_well(tmp_path):
    path = a_pipe(tmp_path / "x")
    keeper = os.open(path, os.O_RDWR)
    try:
        with pytest.raises(UnreadableFile, match="a pipe"):
            read_bytes(path, SMALL)
    finally:
        os.close(keeper)


def test_a_file_may_have_as_many_bytes_as_its_kind(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a" * 100)
    assert read_bytes(path, SMALL) == b"a" * 100
    path.write_bytes(b"a" * 101)
    with pytest.raises(UnreadableFile, match="at most 100 bytes"):
        read_bytes(path, SMALL)


def test_an_error_of_the_reader_is_not_one_of_the_file(tmp_path):
    # Catches an `opened` that explains whatever happens inside its block.
    path = tmp_path / "x"
    path.write_bytes(b"a")
    with pytest.raises(ValueError, match="of my own"), opened(path, SMALL):
        raise ValueError("of my own")


def test_lines_end_alike_wherever_a_text_comes_from(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a\r\nb\rc\n")
    assert read_text(path, SMALL) == "a\nb\nc\n"


@pytest.mark.parametrize(("encoding", "name"), [("utf-8", "UTF-8"), ("ascii", "ASCII")])
def test_bytes_that_are_no_text_are_refused(encoding, name, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableFile, match=f"not {name} text"):
        read_text(path, SMALL, encoding)


def test_gzip_unpacks_to_no_more_than_its_kind():
    # A million zeros pack to a thousand bytes.
    with pytest.raises(UnreadableFile, match="at most 100 bytes, got more when unpacked"):
        gunzipped(gzip.compress(bytes(1_000_000)), "x.gz", SMALL)


def test_gzip_unpacks_members_and_padding_as_the_library_does():
    packed = gzip.compress(b"one, ") + gzip.compress(b"two") + bytes(8)
    assert gunzipped(packed, "x.gz", SMALL) == gzip.decompress(packed) == b"one, two"
    assert gunzipped(b"plain", "x", SMALL) == b"plain"


@pytest.mark.parametrize("cut", [3, 12, 20, -1])
def test_damaged_gzip_is_refused(cut):
    with pytest.raises(UnreadableFile, match="gzip"):
        gunzipped(gzip.compress(b"a good deal of text")[:cut], "x.gz", SMALL)
    with pytest.raises(UnreadableFile, match="gzip"):
        gunzipped(gzip.compress(b"text") + b"rubbish", "x.gz", SMALL)
