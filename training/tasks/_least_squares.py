"""scikit-learn's diabetes data and a linear network: a task whose optimum is known in closed form."""

import torch
from torch import nn

from ._parts import random_parts, standardised
from ._task import Split, Task

HELD_OUT = 66  # samples in each of the validation and the test part: 15 % of 442


def least_squares() -> Task:
    """310 / 66 / 66 patients for training, validation and test; ten inputs, one standardised output.

    The loss is quadratic in eleven parameters, and one exact step of natural gradient descent with the whole
    training part ends in its minimum. What a run is short of that is the device's doing, and eleven cells
    are few enough for a circuit simulator in the loop.
    Data: B. Efron et al., "Least angle regression", Annals of Statistics 32 (2004) 407, as in scikit-learn.
    """
    from sklearn.datasets import load_diabetes

    values, targets = load_diabetes(return_X_y=True)
    inputs = torch.tensor(values)
    outputs = torch.tensor(targets)[:, None]

    train, validation, test = random_parts(len(inputs), HELD_OUT)
    whole = Split(standardised(inputs, train).float(), standardised(outputs, train).float())
    return Task(
        name="least-squares",
        build=network,
        loss_fn=nn.MSELoss(),
        train=whole.take(train),
        validation=whole.take(validation),
        test=whole.take(test),
        steps=50,
        batch_size=len(train),
        layered=True,
    )


def network() -> nn.Module:
    """11 parameters."""
    return nn.Linear(10, 1)
