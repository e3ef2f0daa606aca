"""scikit-learn's breast cancer data and a linear classifier: small enough for a circuit simulator in the loop."""

import torch
from torch import nn

from ._parts import random_parts, standardised
from ._task import Split, Task, class_accuracy

HELD_OUT = 85  # samples in each of the validation and the test part: 15 % of 569
COMPONENTS = 7


def logistic() -> Task:
    """399 / 85 / 85 tumours for training, validation and test; seven inputs, two classes.

    The inputs are the first principal components of the 30 standardised measurements, each scaled to a variance of
    one; all of it by the training part. Data: W. N. Street, W. H. Wolberg, O. L. Mangasarian, "Nuclear feature
    extraction for breast tumor diagnosis", SPIE 1905 (1993), as shipped in scikit-learn.
    """
    from sklearn.datasets import load_breast_cancer

    values, labels = load_breast_cancer(return_X_y=True)
    train, validation, test = random_parts(len(labels), HELD_OUT)
    whole = Split(_components(torch.tensor(values), train), torch.tensor(labels, dtype=torch.int64))
    return Task(
        name="logistic",
        build=network,
        loss_fn=nn.CrossEntropyLoss(),
        train=whole.take(train),
        validation=whole.take(validation),
        test=whole.take(test),
        steps=50,
        batch_size=64,
        accuracy=class_accuracy,
        layered=True,
    )


def network() -> nn.Module:
    """16 parameters."""
    return nn.Linear(COMPONENTS, 2)


def _components(values: torch.Tensor, train: torch.Tensor) -> torch.Tensor:
    standard = standardised(values, train)
    _, _, V = torch.linalg.svd(standard[train], full_matrices=False)
    # A singular vector has no sign of its own.
    V = V * torch.sign(V.sum(dim=1, keepdim=True))
    return standardised(standard @ V[:COMPONENTS].T, train).float()
