"""MNIST from a mirror: all four files with the published content, or none and one line."""

import base64
import contextlib
import functools
import gzip
import hashlib
import http.server
import socketserver
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

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


@contextlib.contextmanager
def serving(handler: Any) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def address(mirror: Path) -> Iterator[str]:
    with serving(functools.partial(_Quiet, directory=str(mirror))) as port:
        yield f"http://127.0.0.1:{port}/"


def test_the_four_files_are_what_the_mirror_has(address: str, mirror: Path, tmp_path: Path) -> None:
    found = fetch_mnist(tmp_path / "data", ["http://127.0.0.1:9/", address], FILES)  # the first one answers nothing
    assert {path.name: gzip.decompress(path.read_bytes()) for path in found} == CONTENTS
    assert fetch_mnist(tmp_path / "again", [mirror.as_uri()], FILES) == [tmp_path / "again" / name for name in MNIST]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"other", mtime=0), "another file: expected content of SHA-256"),
        (gzip.compress(CONTENTS["t10k-labels-idx1-ubyte.gz"], mtime=0)[:-9], "gzip"),
        (None, "cannot be downloaded: HTTP 404: File not found"),
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


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/", "ftp://host/", "nowhere", "file:///no/such/folder/", "", "http://", "file://", "http://["],
)
def test_without_a_mirror_one_line_says_so(tmp_path: Path, address: str) -> None:
    with pytest.raises(TaskError, match=r"cannot be downloaded|expected an address") as caught:
        fetch_mnist(tmp_path / "data", [address], FILES)
    assert "\n" not in str(caught.value)


def test_an_address_may_be_in_capitals(address: str, tmp_path: Path) -> None:
    assert fetch_mnist(tmp_path / "data", [address.replace("http", "HTTP")], FILES)


def test_what_is_missing_of_an_address_is_said_with_the_address_as_given(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"mnist: http://: expected .* the name of a server"):
        fetch_mnist(tmp_path / "data", ["http://"], FILES)


@pytest.mark.parametrize("end", ["127.0.0.1:9", "127.0.0.1:99999", "[", "127.0.0.1:x"])
def test_a_password_is_not_shown(tmp_path: Path, end: str) -> None:
    with pytest.raises(TaskError) as caught:
        fetch_mnist(tmp_path / "data", [f"http://me:s3cret@{end}/"], FILES)
    assert "s3cret" not in str(caught.value)


def test_a_name_and_a_password_reach_the_server(mirror: Path, tmp_path: Path) -> None:
    seen = []

    class Asks(_Quiet):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            super().do_GET()

    with serving(functools.partial(Asks, directory=str(mirror))) as port:
        assert fetch_mnist(tmp_path / "data", [f"http://me:s%40@127.0.0.1:{port}/"], FILES)
    assert seen == ["Basic " + base64.b64encode(b"me:s@").decode()] * 4


@contextlib.contextmanager
def replying(pieces: Iterable[bytes]) -> Iterator[str]:
    """A server that answers with these bytes, whatever they are."""

    class Raw(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            with contextlib.suppress(OSError):
                for piece in pieces:
                    self.wfile.write(piece)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Raw) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def dripping(head: bytes) -> Iterator[bytes]:
    yield head
    for _ in range(100):
        time.sleep(0.05)
        yield b"x"


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nX: "])
def test_a_mirror_that_drips_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """Catches a download that a byte now and then keeps alive for ever, in the content or before it."""
    monkeypatch.setattr("thermospice.training.tasks.readers._download.LONGEST_DOWNLOAD", 0.3)
    with replying(dripping(head)) as address, pytest.raises(TaskError, match=r"not complete after 0.3 s"):
        fetch_mnist(tmp_path / "data", [address], FILES)


@pytest.mark.parametrize(("reply", "words"), [(b"SSH-2.0-x\r\n", "the reply is not HTTP"), (b"", "without a reply")])
def test_what_is_no_mirror_is_told_as_such(tmp_path: Path, reply: bytes, words: str) -> None:
    with replying([reply]) as address, pytest.raises(TaskError, match=words):
        fetch_mnist(tmp_path / "data", [address], FILES)
