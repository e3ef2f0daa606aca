"""Images through a bottleneck and back: many outputs per sample, and a loss that first order leaves early."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ._digits import digits
from ._mnist import mnist
from ._task import Split, Task

CODE = 16  # numbers that an image is told by


def autoencoder(folder: Path | None) -> Task:
    """Digits, or with a folder MNIST, reproduced from sixteen numbers by two dense layers each way.

    Parts, pixels and their scale are those of the tasks `digits` and `mnist`; a loss of one is that of a network which
    always answers the mean gray. Every pixel is an output of its own, so that a batch has as many rows as pixels:
    curvature "products" or "layers" keeps none of them. Raises `TaskError` as `mnist` does. After G. E. Hinton,
    R. R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313 (2006) 504.
    """
    images = digits() if folder is None else mnist(folder)
    pixels = images.train.inputs[0].numel()
    return Task(
        name="autoencoder",
        build=lambda: network(pixels),
        loss_fn=nn.MSELoss(),
        train=_onto_itself(images.train),
        validation=_onto_itself(images.validation),
        test=_onto_itself(images.test),
        steps=images.steps,
        batch_size=images.batch_size,
        layered=True,
        log_every=images.log_every,
        test_every=images.test_every,
        most=images.most,
        more=_MoreOnto(images.more) if images.more is not None else None,
    )


def network(pixels: int) -> nn.Module:
    """5264 parameters for 64 pixels: 64-32-16-32-64; for others the hidden layers have half of them, at most 128."""
    hidden = min(pixels // 2, 128)
    return nn.Sequential(
        nn.Linear(pixels, hidden),
        nn.Tanh(),
        nn.Linear(hidden, CODE),
        nn.Linear(CODE, hidden),
        nn.Tanh(),
        nn.Linear(hidden, pixels),
    )


@dataclass(frozen=True)
class _MoreOnto:
    """More images, onto themselves."""

    images: Callable[[int], Split]

    def __call__(self, samples: int) -> Split:
        return _onto_itself(self.images(samples))


def _onto_itself(part: Split) -> Split:
    flat = _flat(part.inputs)
    return Split(flat, flat)


def _flat(images: Float[Tensor, "samples 1 side side"]) -> Float[Tensor, "samples pixels"]:
    return torch.flatten(images, 1)
