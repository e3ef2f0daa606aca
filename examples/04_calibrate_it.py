"""
Calibrate a chip
================

A chip's deviations are not known. They are inferred from measurements of it, with error bars, and
what no measurement can tell apart is said.
"""

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import DeviceModel, calibrate, compare
from thermospice.circuits import Crossbar, Design, choose_scaling, random_program
from thermospice.measurements import digitise
from thermospice.netlists import simulate

design = Design.preset("board-1k-1n")
rng = np.random.default_rng(1)
chip = design.sample(Crossbar(n=2), rng)

# %%
# Measure
# -------
# Twelve programs, each read at 200 times by the board's 12-bit converter.
programs = [random_program(chip.topology, rng, condition=3.0, symmetric=False) for _ in range(12)]
records = [simulate(chip, p, "tran", scaling=choose_scaling(chip, p)) for p in programs]
measured = [digitise(data, design.converters, rng, times=200) for data in records]

# %%
# Infer
# -----
# The design's tolerances are what is known before; the data narrow it. Nothing of the drawn chip is
# in a record.
model = calibrate(measured)
names = [f"{name}{list(index)}" for name in model.errors for index in np.ndindex(model.errors[name].shape)]
values = np.concatenate([model.errors[name].ravel() for name in model.errors])
errors = np.concatenate([model.standard_errors[name].ravel() for name in model.errors])
truth = np.concatenate([chip.errors[name].ravel() for name in model.errors])
for name, value, error, true in zip(names, values, errors, truth, strict=True):
    print(f"{name:24} {value:+.5f} +- {error:.5f}   drawn {true:+.5f}")
print("the data say nothing about:", ", ".join(model.not_identified) or "none")

# %%
# A common factor of a row's resistors and its capacitor changes nothing that can be seen from
# outside, which is why some error bars stay wide. The values are right within them.
figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
relative = np.array(["offset" not in name for name in names])
axes.errorbar(
    np.arange(relative.sum()),
    100 * values[relative],
    196 * errors[relative],
    fmt="o",
    label="calibrated, 95 %",
)
axes.plot(np.arange(relative.sum()), 100 * truth[relative], "x", label="drawn")
axes.set_xticks(np.arange(relative.sum()), np.array(names)[relative], rotation=90, fontsize=7)
axes.set(ylabel="deviation (%)")
axes.legend(frameon=False)
plt.show()
z = (values - truth) / np.where(errors > 0, errors, np.inf)
assert np.abs(z).max() < 5

# %%
# Is it worth it?
# ---------------
# On a program that was not measured, the calibrated model is nearer to SPICE than the design's
# nominal chip.
program = random_program(chip.topology, rng, condition=5.0)
new = simulate(chip, program, "tran", scaling=choose_scaling(chip, program))
before = compare(new, DeviceModel.nominal(design.nominal(chip.topology))).value
after = compare(new, model).value
print(f"normalised rms: nominal {before:.1e}, calibrated {after:.1e}")
assert after < before / 5
