"""
Run a whole program on a device
===============================

Larger programs are made of the small ones: quadratic programs, filters, regressions. A digital loop
asks the device for one solution after the other, and the bill says how often. Here: shares of a
portfolio, and intervals of a Bayesian regression.
"""

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import Budget, ModelDevice
from thermospice.behavioral.programs.bayesian import linear_regression, posterior
from thermospice.behavioral.programs.quadratic import QuadraticProgram, Settings, minimise
from thermospice.circuits import Crossbar, Design

rng = np.random.default_rng(0)
design = Design.preset("board-1k-1n")

# %%
# A quadratic program
# -------------------
# Least risk for four shares that sum to one, none negative.
factors = rng.standard_normal((4, 6))
risk = factors @ factors.T / 6 + 0.1 * np.eye(4)
problem = QuadraticProgram(risk, np.zeros(4), np.ones((1, 4)), [1.0], 0.0, 1.0)
device = ModelDevice(DeviceModel.nominal(design.sample(Crossbar(4), rng), "ideal"), converters=True)
answer = minimise(problem, device, rng, Settings(tolerance=1e-6))
print(answer.status, "in", answer.iterations, "steps,", answer.bill.drives, "drives of the device")
print("shares:", answer.x.round(4))
assert answer.status == "solved"
assert abs(answer.x.sum() - 1) < 1e-4
# No neighbour within the limits is better.
for k in range(4):
    for j in range(4):
        move = 0.01 * (np.eye(4)[j] - np.eye(4)[k])
        moved = answer.x + move
        if (moved >= 0).all():
            assert moved @ risk @ moved >= answer.x @ risk @ answer.x - 1e-6

# %%
# A posterior
# -----------
# The law of the voltages is the posterior itself. Its intervals know the chip's tolerances.
X = rng.standard_normal((60, 3))
y = X @ np.array([0.8, -0.4, 0.0]) + 0.5 * rng.standard_normal(60)
regression = linear_regression(X, y, noise_variance=0.25, prior_variance=1.0)
chip = ModelDevice(DeviceModel.nominal(design.sample(Crossbar(3), rng), "ideal"))
found = posterior(regression, chip, rng, Budget(duration=50.0, runs=12))
mean, covariance = regression.exact
low, high = found.interval(0.95)

# %%
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
weights = np.arange(3)
axes.errorbar(
    weights,
    found.mean,
    np.array([found.mean - low, high - found.mean]),
    fmt="o",
    capsize=4,
    label="device",
)
axes.errorbar(weights + 0.15, mean, 1.96 * np.sqrt(np.diag(covariance)), fmt="x", capsize=4, label="exact")
axes.set_xticks(weights, [f"weight {k}" for k in weights])
axes.set(ylabel="posterior, 95 %")
axes.legend(frameon=False)
plt.show()
assert ((low < mean) & (mean < high)).all()
