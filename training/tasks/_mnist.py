"""MNIST, or any data set in its format, with the published network: one convolution and two dense layers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from .._exceptions import TaskError
from ._task import Split, Task, class_accuracy
from .readers import find_idx, read_idx

TRAIN = 10_000
VALIDATION = 2_000
TEST = 10_000
BATCH = 64
SIDE = 28
CLASSES = 10


def mnist(folder: Path | None) -> Task:
    """The first 10,000 training images, the next 2,000 for validation, 10,000 for test (as many as there are).

    More of them train where that is asked for: those beyond the validation images, to 58,000 in all. `folder` holds
    train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or
    .gz; `fetch_mnist` downloads them. With fewer than 12,000 training images a sixth of them validates.
    Raises `TaskError` for missing or malformed files. Setting after K. Donatella et al., "Thermodynamic natural
    gradient descent" (2024): batches of 64, ten epochs.
    """
    if folder is None:
        raise TaskError(
            "mnist: expected the folder with the four IDX files (data), got none;"
            " `thermospice fetch mnist` downloads them"
        )
    if not folder.is_dir():
        raise TaskError(f"mnist: {folder} is not a folder")
    pixels, labels = _pair(folder, "train")
    held_out = min(VALIDATION, len(labels) // 6)
    train = min(TRAIN, len(labels) - held_out)
    if held_out < 1:
        raise TaskError(f"mnist: expected at least 6 training images in {folder}, got {len(labels)}")
    mean = pixels[:train].mean()
    deviation = max(float(pixels[:train].std()), 1.0)
    images = _Images(pixels, labels, train, held_out, mean, deviation)
    test_pixels, test_labels = _pair(folder, "t10k")
    return Task(
        name="mnist",
        build=network,
        loss_fn=nn.CrossEntropyLoss(),
        train=images.training(train),
        validation=_split(*images.held_out(), mean, deviation),
        test=_split(test_pixels[:TEST], test_labels[:TEST], mean, deviation),
        steps=10 * max(train // BATCH, 1),
        batch_size=min(BATCH, train),
        accuracy=class_accuracy,
        layered=True,
        log_every=50,
        test_every=150,
        most=len(labels) - held_out,
        more=images.training,
    )


def network() -> nn.Module:
    """10,050 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 7 * 7, 48),
        nn.ReLU(),
        nn.Linear(48, CLASSES),
    )


@dataclass(frozen=True, eq=False)
class _Images:
    """All training images: the first `train`, then `validation` ones, then what may train too."""

    pixels: UInt8[np.ndarray, "images side side"]
    labels: UInt8[np.ndarray, " images"]
    train: int
    validation: int
    mean: float
    deviation: float

    def training(self, samples: int) -> Split:
        """The first so many samples that train."""
        beyond = self.train + self.validation
        chosen = np.r_[: min(samples, self.train), beyond : beyond + max(samples - self.train, 0)]
        return _split(self.pixels[chosen], self.labels[chosen], self.mean, self.deviation)

    def held_out(self) -> tuple[np.ndarray, np.ndarray]:
        part = slice(self.train, self.train + self.validation)
        return self.pixels[part], self.labels[part]


def _pair(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray]:
    image_file = find_idx(folder, f"{prefix}-images-idx3-ubyte")
    label_file = find_idx(folder, f"{prefix}-labels-idx1-ubyte")
    images = read_idx(image_file, 3)
    labels = read_idx(label_file, 1)
    if images.shape[1:] != (SIDE, SIDE):
        found = " x ".join(map(str, images.shape[1:]))
        raise TaskError(f"{image_file}: expected images of {SIDE} x {SIDE} pixels, got {found}")
    if len(images) != len(labels):
        raise TaskError(f"{label_file}: {len(labels)} labels for the {len(images)} images of {image_file.name}")
    if len(labels) and labels.max() >= CLASSES:
        raise TaskError(f"{label_file}: expected labels 0 to {CLASSES - 1}, got {labels.max()}")
    return images, labels


def _split(pixels: np.ndarray, labels: np.ndarray, mean: float, deviation: float) -> Split:
    scaled = torch.tensor((pixels.astype(np.float32) - mean) / deviation, dtype=torch.float32)
    return Split(scaled[:, None], torch.tensor(labels, dtype=torch.int64))
