"""
Look inside a chip
==================

The same circuit has several faces: elements, a state space, formulas, poles. This page takes a
passive mesh of two cells, small enough to check by hand.
"""

import matplotlib.pyplot as plt
import numpy as np
import sympy
from thermospice.circuits import Design, Program, RCMesh, state_space, symbolic

chip = Design.preset("board-1k-1n").nominal(RCMesh(n=2))
program = Program([[1.5, -0.5], [-0.5, 1.5]], b=[0.2, 0.1])

# %%
# Elements
# --------
# A coupling of 0.5 is a resistor of R0/0.5 between the nodes; what is left of a row's sum, here
# one, goes to ground.
network = chip.network(program, level="ideal")
for element in network.elements:
    print(element)

# %%
# State space
# -----------
# ``C ds/dt = -G s + drive``. The poles are the eigenvalues of ``-C^-1 G``; those of the program are
# 1 and 2, in units of 1/tau.
space = state_space(network)
poles = np.sort(np.linalg.eigvals(-np.linalg.solve(space.C, space.G)).real)
print("poles (1/s):", poles)
assert np.allclose(poles, [-2e6, -1e6])

# %%
# Formulas
# --------
# The same with letters. For cells of one capacitance the stationary covariance of thermal noise is
# ``kT/C`` times the identity, whatever the resistors are.
model = symbolic.state_space(RCMesh(n=2), "ideal")
print("A =", model.A)
print("F =", model.F)
S = next(symbol for symbol in model.noise.free_symbols if symbol.name == "S")
covariance = sympy.simplify(model.stationary_covariance().subs(S, 0))
print("covariance of thermal noise:", covariance)
assert covariance[0, 1] == 0

# %%
# How both modes relax
# --------------------
# The sum of the voltages decays with tau, the difference twice as fast.
t = np.linspace(0, 5e-6, 200)
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.semilogy(t * 1e6, np.exp(poles[1] * t), label="sum of the voltages, eigenvalue 1")
axes.semilogy(t * 1e6, np.exp(poles[0] * t), label="their difference, eigenvalue 2")
axes.set(xlabel="time (µs)", ylabel="what is left of a deviation")
axes.legend(frameon=False)
plt.show()
