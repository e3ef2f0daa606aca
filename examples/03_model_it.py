"""
Model a chip
============

A linear circuit with white noise is an Ornstein-Uhlenbeck process: its mean, covariance and paths
are known exactly, at any time, without steps. Here is the chip of the first page as such a process,
with ngspice underneath.
"""

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import DeviceModel, compare
from thermospice.circuits import Crossbar, Design, Program
from thermospice.netlists import simulate

design = Design.preset("board-1k-1n")
chip = design.sample(Crossbar(n=3), np.random.default_rng(0))
program = Program([[1.0, 0.3, 0.0], [-0.2, 0.8, 0.1], [0.0, 0.4, 1.2]], b=[0.2, -0.1, 0.3])

# %%
# ``nominal`` means that the drawn deviations are known. The model solves the circuit that ngspice
# steps through.
model = DeviceModel.nominal(chip)
response = model.response(program)
measurement = simulate(chip, program, analysis="tran", scaling=response.scaling)
found = compare(measurement, model)
print(f"{found.metric} = {found.value:.1e}")
assert found.value < 1e-3

# %%
# Noise
# -----
# The covariance at rest by Lyapunov's equation, and by ngspice's own noise analysis.
noise = simulate(chip, program, analysis="noise", scaling=response.scaling)
covariance = response.stationary_covariance()
print("rms by the model (V):  ", np.sqrt(np.diag(covariance)))
print("rms by ngspice (V):    ", np.sqrt(np.diag(noise["covariance"].values)))
assert np.allclose(covariance, noise["covariance"].values, rtol=0.01, atol=0.01 * covariance.max())

# %%
# Exact paths
# -----------
# Any spacing of times is exact. The spread of 400 paths has the law above: a standard deviation of
# N draws scatters by ``1/sqrt(2 N)``, which is 3.5 % here.
time = np.linspace(0, 10e-6, 201)
paths = response.sample(time, np.random.default_rng(1), paths=400)
mean = response.mean_at(time)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for cell in range(3):
    (line,) = left.plot(time * 1e6, mean[:, cell], label=f"cell {cell}")
    left.plot(
        measurement["time"] * 1e6,
        measurement["v"][:, cell],
        ".",
        color=line.get_color(),
        markersize=3,
    )
    right.plot(time * 1e6, (paths[0, :, cell] - mean[:, cell]) * 1e6, color=line.get_color(), linewidth=0.8)
left.set(xlabel="time (µs)", ylabel="voltage (V)", title="model (lines), ngspice (dots)", xlim=(0, 10))
right.set(xlabel="time (µs)", ylabel="deviation from the mean (µV)", title="one noisy path")
left.legend(frameon=False)
plt.show()
spread = paths[:, -1].std(axis=0) / np.sqrt(np.diag(covariance))
assert np.allclose(spread, 1, atol=5 / np.sqrt(2 * 400))
