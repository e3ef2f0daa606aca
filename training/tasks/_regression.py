"""scikit-learn's diabetes progression data and a two-layer network: squared error, almost instant."""

import torch
from torch import nn

from ._parts import random_parts, standardised
from ._task import Split, Task

HELD_OUT = 66  # samples in each of the validation and the test part: 15 % of 442


def regression() -> Task:
    """310 / 66 / 66 patients for training, validation and test; ten inputs, one standardised output.

    The loss is in units of the target's variance over the training part: always predicting the mean costs one.
    Data: B. Efron et al., "Least angle regression", Annals of Statistics 32 (2004) 407, as in scikit-learn.
    """
    from sklearn.datasets import load_diabetes

    values, targets = load_diabetes(return_X_y=True)
    inputs = torch.tensor(values)
    outputs = torch.tensor(targets)[:, None]
    train, validation, test = random_parts(len(inputs), HELD_OUT)
    whole = Split(standardised(inputs, train).float(), standardised(outputs, train).float())
    return Task(
        name="regression",
        build=network,
        loss_fn=nn.MSELoss(),
        train=whole.take(train),
        validation=whole.take(validation),
        test=whole.take(test),
        steps=200,
        batch_size=31,
        layered=True,
    )


def network() -> nn.Module:
    """193 parameters."""
    return nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
