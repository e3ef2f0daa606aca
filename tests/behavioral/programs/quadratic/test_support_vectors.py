"""Support vector machines against scikit-learn, on handwritten digits."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from thermospice.behavioral import DeviceModel, ProblemError
from thermospice.behavioral.linear_algebra import IdealDevice, ModelDevice
from thermospice.behavioral.programs.quadratic import Settings, support_vectors
from thermospice.circuits import Crossbar, Design


def threes_and_eights(points):
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, (3, 8))
    X, y = X[chosen] / 16, y[chosen].astype(float)
    return X[:points], y[:points], X[points:], y[points:]


def check(points, device, gamma):
    X, y, others, labels = threes_and_eights(points)
    machine = support_vectors(X, y, device, np.random.default_rng(0), Settings(1e-7), gamma=gamma)
    kind = {"kernel": "linear"} if gamma is None else {"kernel": "rbf", "gamma": gamma}
    reference = SVC(C=1.0, tol=1e-8, **kind).fit(X, y)
    assert machine.answer.status == "solved"
    # Decisions are of order one; a gap of 1e-7 of the objective leaves the square root of it.
    assert np.abs(machine.decision(others) - reference.decision_function(others)).max() < 1e-3
    assert np.mean((machine.decision(others) > 0) == (labels == 8)) > 0.9


@pytest.mark.parametrize("gamma", [None, 0.1])
def test_a_hundred_digits_are_told_apart_as_scikit_learn_does(gamma):
    check(100, IdealDevice(), gamma)


def device(points):
    instance = Design.preset("board-1k-1n").sample(Crossbar(points), np.random.default_rng(0))
    return ModelDevice(DeviceModel.nominal(instance, "ideal"), converters=True)


def test_a_chip_with_mismatch_trains_end_to_end():
    check(24, device(24), 0.1)


@pytest.mark.slow
def test_a_chip_of_a_hundred_cells_trains_end_to_end():
    check(100, device(100), 0.1)


@pytest.mark.parametrize(
    ("labels", "settings", "message"),
    [
        ([1, 1, 1], {}, "two classes, got 1"),
        ([1, 2, 3], {}, "two classes, got 3"),
        ([1, 2], {}, "labels: expected 3 values"),
        ([1, 2, 2], {"C": 0.0}, "C: expected a positive number"),
        ([1, 2, 2], {"gamma": -1.0}, "gamma: expected a positive number"),
    ],
)
def test_what_cannot_be_trained_is_refused(labels, settings, message):
    with pytest.raises(ProblemError, match=message):
        support_vectors(np.eye(3), labels, IdealDevice(), np.random.default_rng(0), **settings)
