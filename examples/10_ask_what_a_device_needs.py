"""
Ask what a device needs
=======================

A study says what varies, how many chips, and what is good enough. Here: how well must resistors
match so that a four-cell chip solves its program to 5 %? ``thermospice sweep study.yaml`` does the
same from the command line. A study with ``sensitivity`` ranks its parameters, and one with
``optimise`` looks for the cheapest design that keeps the limits.
"""

from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
from thermospice.campaigns import Execution, load_study, run_campaign

folder = Path(mkdtemp())
(folder / "study.yaml").write_text("""\
name: resistors
kind: circuit
circuit:
  design: board-1k-1n
  topology: crossbar
  size: 4
  analyses: [op]
  program: {condition: 5}
parameters:
  design.mismatch.resistor_sigma: [0.2 %, 0.5 %, 1 %, 2 %, 5 %]
instances: 16
limits:
  - {metric: relative_error, at_most: 5 %}
""")
result = run_campaign(load_study(folder / "study.yaml"), folder / "results", Execution(workers=1))

# %%
# Sixteen chips give no yield without an interval. The same sixteen chips are drawn at each point,
# so that the difference of two points is not chance.
points = result.summary["points"]
sigma = np.array([point["parameters"]["design.mismatch.resistor_sigma"] for point in points])
found, low, high = (np.array([point[key] for point in points]) for key in ("yield", "yield_low", "yield_high"))
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.errorbar(100 * sigma, 100 * found, 100 * np.array([found - low, high - found]), fmt="o", capsize=3)
axes.set(xscale="log", xlabel="resistor mismatch, one sigma (%)", ylabel="yield (%)", ylim=(-5, 105))
axes.set_xticks(100 * sigma, [f"{100 * one:g}" for one in sigma])
axes.minorticks_off()
axes.set_title("chips within 5 % of the solution, 95 % interval", fontsize=10)
plt.show()
for row in zip(sigma, found, low, high, strict=True):
    print("sigma {:.1%}: yield {:.0%}, between {:.0%} and {:.0%}".format(*row))
assert found[0] == 1
assert found[-1] < 0.5
assert (np.diff(found) <= 0).all()
