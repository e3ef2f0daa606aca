"""Rows of a table parted for training, validation and test, and its columns put on one scale."""

import torch
from torch import Tensor

# The parts are always the same ones: figures of different runs are compared.
_SEED = 0


def random_parts(samples: int, held_out: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the training, validation and test part, the last two of `held_out` samples each."""
    order = torch.randperm(samples, generator=torch.Generator().manual_seed(_SEED))
    return order[2 * held_out :], order[held_out : 2 * held_out], order[:held_out]


def standardised(values: Tensor, train: Tensor) -> Tensor:
    """Every column with mean zero and variance one over the training part."""
    reference = values[train]
    return (values - reference.mean(dim=0)) / reference.std(dim=0, correction=0)
