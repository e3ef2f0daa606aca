"""Files are written whole or not at all, and nothing outside their place is touched."""

import errno
import resource

import pytest
from thermospice.files import no_link, replacing, write_atomically


def test_a_file_takes_the_place_of_the_old_one_at_the_end(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    with replacing(path, synced=True) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")

    def half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_the_fault_of_a_write_names_the_file_itself(tmp_path):
    path = tmp_path / "f"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OSError, match="/f") as caught:
            write_atomically(path, 5000 * "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert caught.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "f").symlink_to(tmp_path / "victim")
    write_atomically(tmp_path / "f", "new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "f").read_text() == "new"
    (tmp_path / "log").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        open(tmp_path / "log", "a", opener=no_link)  # noqa: SIM115  # it never opens
    assert (tmp_path / "victim").read_text() == "precious"
