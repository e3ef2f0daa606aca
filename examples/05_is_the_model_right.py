"""
Is the model right?
===================

Simulator, formulas and process are written apart, and compared row by row, each row with its limit.
This page makes a few rows of the table that ``thermospice verify`` makes, and then breaks a circuit
to see a row fail.
"""

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import DeviceModel, compare
from thermospice.circuits import Crossbar, Design, choose_scaling, random_program
from thermospice.fidelity import cases, verify
from thermospice.netlists import simulate

rows = verify(cases(topologies=["rc-mesh"], levels=["ideal"], sizes=[2], depth="quick"))
for row in rows:
    print(f"{row['analysis']:12} {row['metric']:24} {row['value']:9.2e}  limit {row['limit']:.2g}  {row['passed']}")
assert all(row["passed"] for row in rows)

# %%
# Each value by its limit: one is the line that may not be crossed.
with_limit = [row for row in rows if row["limit"] > 0 and row["value"] > 0]
figure, axes = plt.subplots(figsize=(7, 0.3 * len(with_limit) + 1), layout="constrained")
axes.barh(
    [f"{row['analysis']} {row['metric']}" for row in with_limit],
    [row["value"] / row["limit"] for row in with_limit],
)
axes.axvline(1.0, color="black", linewidth=1)
axes.set(xscale="log", xlabel="value / limit")
axes.tick_params(labelsize=7)
plt.show()

# %%
# Break it
# --------
# A comparison is worth what it catches. One resistor of the chip in ngspice is 2 % off, and the
# model does not know.
rng = np.random.default_rng(0)
chip = Design.preset("board-1k-1n").sample(Crossbar(2), rng)
program = random_program(chip.topology, rng, condition=3.0)
scaling = choose_scaling(chip, program)
conductance = chip.errors["conductance"].copy()
conductance[0, 0] += 0.02
model = DeviceModel.nominal(chip)
right = compare(simulate(chip, program, "op", scaling=scaling), model).value
wrong = compare(simulate(chip.replace_errors(conductance=conductance), program, "op", scaling=scaling), model).value
print(f"relative error: the chip itself {right:.1e}, with one resistor 2 % off {wrong:.1e}")
assert right < 1e-4 < 1e-3 < wrong
