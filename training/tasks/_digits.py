"""scikit-learn's 8 x 8 digits and a small convolutional network: the default task, trained in a second."""

import numpy as np
import torch
from torch import nn

from ._task import Split, Task, class_accuracy

SPLIT_SEED = 0
HELD_OUT = 270  # samples in each of the validation and the test part: 15 % of 1797


def digits() -> Task:
    """1257 / 270 / 270 images for training, validation and test, stratified by class, always the same ones.

    Pixels are scaled by mean and deviation of the training part. Data: E. Alpaydin, C. Kaynak, "Optical
    Recognition of Handwritten Digits", UCI Machine Learning Repository (1998), as shipped in scikit-learn.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    rest, test = train_test_split(np.arange(len(labels)), test_size=HELD_OUT, stratify=labels, random_state=SPLIT_SEED)
    train, validation = train_test_split(rest, test_size=HELD_OUT, stratify=labels[rest], random_state=SPLIT_SEED)
    pixels = (images - images[train].mean()) / images[train].std()
    inputs = torch.tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8)
    whole = Split(inputs, torch.tensor(labels, dtype=torch.int64))
    return Task(
        name="digits",
        build=network,
        loss_fn=nn.CrossEntropyLoss(),
        train=whole.take(torch.tensor(train)),
        validation=whole.take(torch.tensor(validation)),
        test=whole.take(torch.tensor(test)),
        steps=300,
        batch_size=32,
        accuracy=class_accuracy,
        layered=True,
    )


def network() -> nn.Module:
    """1498 parameters: eight 5 x 5 filters, pooling, one dense layer."""
    return nn.Sequential(nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10))
