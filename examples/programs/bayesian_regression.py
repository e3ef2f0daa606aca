"""The posterior of a linear regression as the law of a chip's voltages, with intervals that know of its mismatch.

The covariance is that of noise which is injected, equal and white, into every cell. Thermal noise would not do: a
passive network at one temperature has the covariance kT/C whatever its conductances.
"""

import numpy as np
from sklearn.datasets import load_diabetes
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import Budget, ModelDevice
from thermospice.behavioral.programs.bayesian import linear_regression, posterior
from thermospice.circuits import Crossbar, Design

X, y = load_diabetes(return_X_y=True)
X = X[:, [2, 3, 8]]
X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
problem = linear_regression(X, y, noise_variance=0.5, prior_variance=1.0)
rng = np.random.default_rng(0)
chip = Design.preset("board-1k-1n").sample(Crossbar(3), rng)
found = posterior(problem, ModelDevice(DeviceModel.nominal(chip, "ideal")), rng, Budget(duration=50.0, runs=12))
mean, covariance = problem.exact
low, high = found.interval(0.95)
for k, name in enumerate(("body mass", "blood pressure", "s5")):
    print(f"{name}: {found.mean[k]:.3f} in [{low[k]:.3f}, {high[k]:.3f}], exactly {mean[k]:.3f}")
assert np.abs((found.mean - mean) / found.mean_error).max() < 5
assert ((low < mean) & (mean < high)).all()
