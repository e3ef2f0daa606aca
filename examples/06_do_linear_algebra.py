"""
Do linear algebra on a noisy device
===================================

Time averages solve a system, fluctuations invert a matrix. Each answer comes with an error bar that
knows the noise and the chip's tolerances, and with its time and energy.
"""

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import DeviceModel
from thermospice.behavioral.linear_algebra import (
    Budget,
    IdealDevice,
    ModelDevice,
    determinant,
    inverse,
    solve,
)
from thermospice.circuits import Crossbar, Design

rng = np.random.default_rng(0)
A = np.array([[1.0, 0.4, 0.0], [0.4, 0.9, 0.2], [0.0, 0.2, 0.7]])
b = np.array([0.1, -0.2, 0.3])
chip = Design.preset("board-1k-1n").sample(Crossbar(n=3), rng)
device = ModelDevice(DeviceModel.nominal(chip))

# %%
# A system
# --------
x = solve(device, A, b, rng)
print("x     =", x.value.round(4))
print("error =", x.standard_error.round(4), "exactly", np.linalg.solve(A, b).round(4))
print(f"{x.time:.3g} s of analog time, {x.energy:.3g} J")
assert (np.abs(x.value - np.linalg.solve(A, b)) < 5 * x.standard_error).all()

# %%
# An inverse
# ----------
# White noise is injected, equal in all cells; the covariance of the voltages is then ``kappa0
# A^-1``.
found = inverse(device, A, rng, Budget(duration=200.0, runs=16))
print(found.value.round(3))
print(np.linalg.inv(A).round(3))
assert (np.abs(found.value - np.linalg.inv(A)) < 5 * found.standard_error).all()

# %%
# A determinant
# -------------
det = determinant(device, A, rng)
print(f"{float(det.value):.4f} +- {float(det.standard_error):.4f}, exactly {np.linalg.det(A):.4f}")
assert abs(det.value - np.linalg.det(A)) < 5 * det.standard_error

# %%
# What time buys
# --------------
# On an ideal device the error falls with the square root of time. On a chip it stops at the
# tolerances, which no averaging removes.
durations = np.geomspace(10, 10000, 4)
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
errors = {}
for name, which in (("ideal device", IdealDevice()), ("a drawn chip", device)):
    answers = [inverse(which, A, np.random.default_rng(5), Budget(duration=t, runs=8)) for t in durations]
    errors[name] = [np.linalg.norm(a.value - np.linalg.inv(A)) / np.linalg.norm(np.linalg.inv(A)) for a in answers]
    axes.loglog([a.time * 1e3 for a in answers], errors[name], "o-", label=name)
axes.set(xlabel="analog time (ms)", ylabel="relative error of the inverse")
axes.legend(frameon=False)
plt.show()
assert errors["ideal device"][-1] < errors["ideal device"][0] / 3
assert errors["ideal device"][-1] < errors["a drawn chip"][-1]
