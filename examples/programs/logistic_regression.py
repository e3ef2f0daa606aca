"""Benign or not: logistic regression, its mode and its curvature from a drawn chip."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import ModelDevice
from thermospice.behavioral.programs.bayesian import laplace
from thermospice.circuits import Crossbar, Design

X, y = load_breast_cancer(return_X_y=True)
X = X[:, [1, 7, 20]]
X = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])
rng = np.random.default_rng(0)
chip = Design.preset("board-1k-1n").sample(Crossbar(4), rng)
found = laplace(X, y, ModelDevice(DeviceModel.nominal(chip, "ideal"), converters=True), rng)
low, high = found.posterior.interval(0.95)
right = np.mean((found.probability(X) > 0.5) == y)
print(f"{found.iterations} Newton steps, {right:.1%} right; weights {found.posterior.mean.round(2)}")
assert found.settled
assert right > 0.9
assert (low < high).all()
