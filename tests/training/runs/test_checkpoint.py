"""Checkpoints: whole or refused, and never code."""

import copy
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from thermospice.training import CheckpointError
from thermospice.training.runs import load_checkpoint, save_checkpoint


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    state = {"weights": torch.arange(3.0), "step": 7, "nested": {"random": torch.get_rng_state(), "none": None}}
    save_checkpoint(path, state)
    back = load_checkpoint(path)
    assert back["step"] == 7
    assert back["nested"]["none"] is None
    assert torch.equal(back["weights"], state["weights"])  # type: ignore[arg-type]
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace")])
def test_failed_write_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, name, full)
    with pytest.raises(CheckpointError, match=r"cannot be written.*No space left"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path)["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", pickle.dumps(Evil(), protocol=2)])
def test_unreadable_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_cut_off_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weights": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        load_checkpoint(path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    torch.save({"schema": 99}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="schema 1, got 99"):
        load_checkpoint(tmp_path / "a.pt")


def test_nothing_unpacks_to_more_than_the_file_has(tmp_path: Path) -> None:
    # Catches an archive whose parts are packed: 256 MB of zeros in 260 kB.
    path = tmp_path / "checkpoint.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 28))
    with pytest.raises(CheckpointError, match="expected parts that are not compressed"):
        load_checkpoint(path)


def test_parts_that_lie_upon_each_other_are_refused(tmp_path: Path) -> None:
    # Catches an archive that lists the same bytes many times: as many numbers from one part as it likes.
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weights": torch.zeros(10_000)})
    with zipfile.ZipFile(path, "a") as archive:
        largest = max(archive.infolist(), key=lambda part: part.file_size)
        for k in range(3):
            again = copy.copy(largest)
            again.filename = f"archive/data/{100 + k}"
            archive.filelist.append(again)
        archive._didModify = True  # type: ignore[attr-defined]  # writes the list again
    with pytest.raises(CheckpointError, match="its parts are larger than the file"):
        load_checkpoint(path)


def test_a_shape_needs_as_many_numbers(tmp_path: Path) -> None:
    # Catches a single number with strides of zero, which a copy makes four terabytes of.
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weights": torch.zeros(1).expand(1_000_000, 1_000_000)})
    with pytest.raises(CheckpointError, match="expected tensors that fill at most"):
        load_checkpoint(path)


def test_a_part_of_a_tensor_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    whole = torch.arange(12.0).reshape(3, 4)
    save_checkpoint(
        path, {"turned": whole.T, "part": whole[1:, ::2], "none": whole[:0], "same": whole[:1].expand(5, 4)}
    )
    back = load_checkpoint(path)
    assert torch.equal(back["turned"], whole.T)
    assert torch.equal(back["part"], whole[1:, ::2])
    assert torch.equal(back["same"], whole[:1].expand(5, 4))
    assert back["none"].shape == (0, 4)


def test_values_that_double_are_counted(tmp_path: Path) -> None:
    # Catches lists in lists, each twice in the next: 2^60 values to whoever looks at all of them.
    path, value = tmp_path / "checkpoint.pt", [0]
    for _ in range(60):
        value = [value, value]  # type: ignore[list-item]
    save_checkpoint(path, {"nested": value})
    with pytest.raises(CheckpointError, match="at most 1,000,000 values"):
        load_checkpoint(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match="bytes, got a pipe"):
        load_checkpoint(tmp_path / "checkpoint.pt")
