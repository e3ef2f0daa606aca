"""
Simulate a chip
===============

A program is a linear system ``A x = b``. A chip is a circuit whose voltages relax to its solution.
Here one chip is drawn, simulated in ngspice, and its answer put beside the exact one.
"""

import matplotlib.pyplot as plt
import numpy as np
from thermospice.circuits import Crossbar, Design, Program
from thermospice.netlists import simulate

# %%
# A design is a kind of chip: values, tolerances, amplifiers. ``sample`` draws one chip of it, once
# and for all: every resistor and every offset has its own deviation from here on.
design = Design.preset("board-1k-1n")
chip = design.sample(Crossbar(n=3), np.random.default_rng(0))
print(f"tau = R0 C = {design.tau:.3g} s")

# %%
# An entry of one in ``A`` is a resistor of R0, one of 0.3 is R0/0.3. Any matrix whose eigenvalues
# have positive real parts fits a crossbar.
A = np.array([[1.0, 0.3, 0.0], [-0.2, 0.8, 0.1], [0.0, 0.4, 1.2]])
program = Program(A, b=np.array([0.2, -0.1, 0.3]))
measurement = simulate(chip, program, analysis="tran")
time, v = measurement["time"].values, measurement["v"].values

# %%
# The voltages start at zero, and settle beside the solution, not on it: resistors of 1 % and
# offsets of 0.4 mV.
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
for cell in range(3):
    (line,) = axes.plot(time * 1e6, v[:, cell], label=f"cell {cell}")
    axes.axhline(program.solution[cell], color=line.get_color(), linestyle=":")
axes.set(xlabel="time (µs)", ylabel="voltage (V)", title="ngspice, and the exact solution (dotted)")
axes.legend(frameon=False)
plt.show()

# %%
# How far is it, and is that what such parts give? To first order a deviation of the resistors moves
# the answer by up to the condition number times that deviation.
error = np.linalg.norm(v[-1] - program.solution) / np.linalg.norm(program.solution)
condition = np.linalg.cond(A)
print(f"relative error {error:.2%}, condition number {condition:.2f}")
assert 1e-4 < error < 5 * condition * design.mismatch.resistor_sigma
