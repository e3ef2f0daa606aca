"""scikit-learn's diabetes data: a year's progression of a disease, from ten measurements of a patient."""

import torch

from ._parts import random_parts, standardised
from ._task import Split

HELD_OUT = 66  # samples in each of the validation and the test part: 15 % of 442


def diabetes() -> tuple[Split, Split, Split]:
    """310 / 66 / 66 patients for training, validation and test; ten inputs, one output, standardised over training.

    B. Efron et al., "Least angle regression", Annals of Statistics 32 (2004) 407, as in scikit-learn.
    """
    from sklearn.datasets import load_diabetes

    values, targets = load_diabetes(return_X_y=True)
    inputs = torch.tensor(values)
    outputs = torch.tensor(targets)[:, None]
    train, validation, test = random_parts(len(inputs), HELD_OUT)
    whole = Split(standardised(inputs, train).float(), standardised(outputs, train).float())
    return whole.take(train), whole.take(validation), whole.take(test)
