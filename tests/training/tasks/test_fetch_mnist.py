"""MNIST from a mirror: all four files with the published content, or none and one line."""

import functools
import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from thermospice.training import TaskError
from thermospice.training.tasks import MNIST, fetch_mnist

CONTENTS = {name: name.encode() * 3 for name in MNIST}
FILES = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder with four small files in the place of the real ones, packed by another gzip than anybody's."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(gzip.compress(content, compresslevel=1))
    return folder


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(mirror: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_the_four_files_are_what_the_mirror_has(address: str, mirror: Path, tmp_path: Path) -> None:
    found = fetch_mnist(tmp_path / "data", ["http://127.0.0.1:9/", address], FILES)  # the first one answers nothing
    assert {path.name: gzip.decompress(path.read_bytes()) for path in found} == CONTENTS
    assert fetch_mnist(tmp_path / "again", [mirror.as_uri()], FILES) == [tmp_path / "again" / name for name in MNIST]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"other"), "another file: expected content of SHA-256"),
        (gzip.compress(CONTENTS["t10k-labels-idx1-ubyte.gz"])[:-9], "gzip"),
        (None, "cannot be downloaded: File not found"),
    ],
)
def test_wrong_content_leaves_nothing(
    address: str, mirror: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Catches a folder with three files and a page of an error, which the next command would take for data."""
    if content is None:
        (mirror / "t10k-labels-idx1-ubyte.gz").unlink()
    else:
        (mirror / "t10k-labels-idx1-ubyte.gz").write_bytes(content)
    with pytest.raises(TaskError, match=message) as caught:
        fetch_mnist(tmp_path / "data", [address], FILES)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "ftp://host/", "nowhere", "file:///no/such/folder/"])
def test_without_a_mirror_one_line_says_so(tmp_path: Path, address: str) -> None:
    with pytest.raises(TaskError, match=r"cannot be downloaded|expected an address") as caught:
        fetch_mnist(tmp_path / "data", [address], FILES)
    assert "\n" not in str(caught.value)
