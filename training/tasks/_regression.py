"""scikit-learn's diabetes progression data and a two-layer network: squared error, almost instant."""

from torch import nn

from ._diabetes import diabetes
from ._task import Task


def regression() -> Task:
    """310 / 66 / 66 patients for training, validation and test; ten inputs, one standardised output.

    The loss is in units of the target's variance over the training part: always predicting the mean costs one.
    Data: B. Efron et al., "Least angle regression", Annals of Statistics 32 (2004) 407, as in scikit-learn.
    """
    train, validation, test = diabetes()
    return Task(
        name="regression",
        build=network,
        loss_fn=nn.MSELoss(),
        train=train,
        validation=validation,
        test=test,
        steps=200,
        batch_size=31,
        layered=True,
    )


def network() -> nn.Module:
    """193 parameters."""
    return nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
