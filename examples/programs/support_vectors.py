"""Handwritten threes and eights told apart by a support vector machine that a drawn chip trains."""

import numpy as np
from sklearn.datasets import load_digits
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import ModelDevice
from thermospice.behavioral.programs.quadratic import Settings, support_vectors
from thermospice.circuits import Crossbar, Design

POINTS = 16

X, y = load_digits(return_X_y=True)
chosen = np.isin(y, (3, 8))
X, y = X[chosen] / 16, y[chosen].astype(float)
rng = np.random.default_rng(0)
chip = Design.preset("board-1k-1n").sample(Crossbar(POINTS), rng)
device = ModelDevice(DeviceModel.nominal(chip, "ideal"), converters=True)
machine = support_vectors(X[:POINTS], y[:POINTS], device, rng, Settings(tolerance=1e-6), gamma=0.1)
accuracy = np.mean((machine.decision(X[POINTS:]) > 0) == (y[POINTS:] == 8))
print(f"{machine.answer.status}: {machine.support} support vectors, {accuracy:.1%} of {len(X) - POINTS} others right")
print(f"{machine.answer.bill.analog_s:.3g} s of analog time, {machine.answer.bill.energy_J:.3g} J")
assert machine.answer.status == "solved"
assert accuracy > 0.85
