"""Tasks: their splits, their networks' sizes, and the files that they refuse."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from thermospice.training import Split, TaskError, load_task
from thermospice.training.tasks import TASKS


def test_digits_is_stratified_disjoint_and_always_the_same() -> None:
    task, again = load_task("digits"), load_task("digits")
    assert [len(part) for part in (task.train, task.validation, task.test)] == [1257, 270, 270]
    images = torch.cat([part.inputs for part in (task.train, task.validation, task.test)])
    assert len(images.flatten(1).unique(dim=0)) == 1797  # the data hold no image twice
    assert torch.equal(task.test.inputs, again.test.inputs)
    for part in (task.train, task.validation, task.test):
        share = torch.bincount(part.targets, minlength=10) / len(part)
        # Stratified: each class's count is right within one sample of a tenth (the data hold 9.7 to 10.2 %).
        assert (share - 0.1).abs().max() < 0.003 + 1 / len(part)


def test_digits_scale_comes_from_the_training_part_alone() -> None:
    train = load_task("digits").train.inputs.double()
    assert abs(train.mean().item()) < 1e-6
    assert abs(train.std(correction=0).item() - 1) < 1e-6  # float32 rounding


@pytest.mark.parametrize(
    ("name", "parameters"), [("digits", 1498), ("regression", 193), ("pinn", 1153), ("autoencoder", 5264)]
)
def test_network_size(name: str, parameters: int) -> None:
    task = load_task(name)
    module = task.build()
    assert sum(p.numel() for p in module.parameters()) == parameters
    assert len(module(task.train.inputs[:3])) == 3


def test_regression_predicting_the_mean_costs_one() -> None:
    task = load_task("regression")
    zeros = torch.zeros_like(task.train.targets)
    assert float(task.loss_fn(zeros, task.train.targets)) == pytest.approx(1.0, abs=1e-6)


def test_unknown_task_lists_the_choices() -> None:
    with pytest.raises(TaskError, match=rf"'digit'.*{', '.join(TASKS)}"):
        load_task("digit")


def test_split_refuses_unequal_and_empty() -> None:
    with pytest.raises(TaskError, match="3 inputs but 2 targets"):
        Split(torch.zeros(3, 1), torch.zeros(2))
    with pytest.raises(TaskError, match="at least one sample"):
        Split(torch.zeros(0, 1), torch.zeros(0))


def idx(values: np.ndarray) -> bytes:
    header = struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 30), ("t10k", 8)):
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(idx(rng.integers(0, 256, (count, 28, 28))))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(rng.integers(0, 10, count)))
    return tmp_path


def test_mnist_reads_what_was_written(folder: Path) -> None:
    task = load_task("mnist", folder)
    assert [len(part) for part in (task.train, task.validation, task.test)] == [25, 5, 8]
    raw = (folder / "train-labels-idx1-ubyte").read_bytes()[8:]
    assert torch.cat([task.train.targets, task.validation.targets]).tolist() == list(raw)
    pixels = np.frombuffer((folder / "t10k-images-idx3-ubyte").read_bytes()[16:], np.uint8).astype(float)
    shown = task.test.inputs.double().numpy().ravel()
    # An affine map with positive slope: correlation one, up to float32 rounding.
    assert np.corrcoef(shown, pixels)[0, 1] == pytest.approx(1.0, abs=1e-9)
    module = task.build()
    assert sum(p.numel() for p in module.parameters()) == 10_050
    assert module(task.test.inputs).shape == (8, 10)


def test_the_images_of_a_folder_are_reproduced_as_the_shipped_ones(folder: Path) -> None:
    task = load_task("autoencoder", folder)
    torch.testing.assert_close(task.test.inputs, load_task("mnist", folder).test.inputs.flatten(1))
    assert task.build()(task.test.inputs).shape == task.test.targets.shape == (8, 784)


def test_mnist_gzip_equals_plain(folder: Path) -> None:
    plain = load_task("mnist", folder).train.inputs
    for file in list(folder.iterdir()):
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert torch.equal(load_task("mnist", folder).train.inputs, plain)


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, None, "no train-images-idx3-ubyte; looked for"),
        (IMAGES, b"", "magic number 00000803, got nothing"),
        (IMAGES, idx(np.zeros(30)), "magic number 00000803, got 00000801"),
        (IMAGES, idx(np.zeros((30, 28, 28)))[:12], "cut off inside its header"),
        (IMAGES, idx(np.zeros((30, 28, 28)))[:-1], "promises 30 x 28 x 28 = 23520 values, the file holds 23519"),
        (IMAGES, idx(np.zeros((30, 28, 28))) + b"x", "the file holds 23521"),
        # 2^32 values: the product wraps to zero in 32-bit arithmetic.
        (IMAGES, struct.pack(">4B3I", 0, 0, 8, 3, 2**16, 2**16, 1), "= 4294967296 values"),
        (IMAGES, idx(np.zeros((30, 27, 28))), "expected images of 28 x 28 pixels, got 27 x 28"),
        # Without a fixed time stamp each test worker would collect this case under another name.
        (IMAGES, gzip.compress(idx(np.zeros((30, 28, 28))), mtime=0)[:50], "cannot be read"),
        (LABELS, idx(np.zeros(29)), "29 labels for the 30 images"),
        (LABELS, idx(np.full(30, 10)), "expected labels 0 to 9, got 10"),
    ],
)
def test_mnist_refuses_bad_files(folder: Path, name: str, content: bytes | None, message: str) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(TaskError, match=message) as caught:
        load_task("mnist", folder)
    assert "\n" not in str(caught.value)


def test_mnist_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="got none"):
        load_task("mnist")
    with pytest.raises(TaskError, match="is not a folder"):
        load_task("mnist", tmp_path / "absent")


def test_mnist_needs_enough_images(folder: Path) -> None:
    (folder / IMAGES).write_bytes(idx(np.zeros((5, 28, 28))))
    (folder / LABELS).write_bytes(idx(np.zeros(5)))
    with pytest.raises(TaskError, match="at least 6 training images"):
        load_task("mnist", folder)


def test_more_images_train_than_by_default(folder: Path) -> None:
    """Catches validation images that train, and a default that changes where more are there."""
    labels = np.random.default_rng(1).integers(0, 10, 12_040)
    (folder / IMAGES).write_bytes(idx(np.broadcast_to(labels[:, None, None], (12_040, 28, 28))))
    (folder / LABELS).write_bytes(idx(labels))
    task = load_task("mnist", folder)
    assert (len(task.train), len(task.validation)) == (10_000, 2_000)
    assert task.first(None) is task
    assert task.first(4).train.targets.tolist() == labels[:4].tolist()
    larger = task.first(10_030)
    assert larger.train.targets.tolist() == [*labels[:10_000], *labels[12_000:12_030]]
    assert torch.equal(larger.train.inputs[:10_000], task.train.inputs)
    assert larger.validation.targets.tolist() == labels[10_000:12_000].tolist()
    with pytest.raises(TaskError, match="expected 1 to 10040 training samples"):
        task.first(10_041)
    images = load_task("autoencoder", folder).first(10_030)
    assert torch.equal(images.train.targets, larger.train.inputs.flatten(1))
