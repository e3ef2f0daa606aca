"""scikit-learn's diabetes data and a linear network: a task whose optimum is known in closed form."""

from torch import nn

from ._diabetes import diabetes
from ._task import Task


def least_squares() -> Task:
    """310 / 66 / 66 patients for training, validation and test; ten inputs, one standardised output.

    The loss is quadratic in eleven parameters, and one exact step of natural gradient descent with the whole
    training part ends in its minimum. What a run is short of that is the device's doing, and eleven cells
    are few enough for a circuit simulator in the loop.
    Data: B. Efron et al., "Least angle regression", Annals of Statistics 32 (2004) 407, as in scikit-learn.
    """
    train, validation, test = diabetes()
    return Task(
        name="least-squares",
        build=network,
        loss_fn=nn.MSELoss(),
        train=train,
        validation=validation,
        test=test,
        steps=50,
        batch_size=len(train),
        layered=True,
    )


def network() -> nn.Module:
    """11 parameters."""
    return nn.Linear(10, 1)
