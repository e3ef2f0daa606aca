"""
From the lab to a calibrated device
===================================

An oscilloscope's CSV files, a short description, one fit. ``examples/lab/bench.py`` plays the
bench; it shares no code with this package, and its trigger is late, its probes have gains of their
own, and there is hum.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import calibrate
from thermospice.circuits import Program, Scaling
from thermospice.measurements.lab import Lab, read_lab

bench = Path("lab/bench.py") if Path("lab/bench.py").exists() else Path("examples/lab/bench.py")
folder = Path(mkdtemp())
subprocess.run([sys.executable, bench, folder], check=True, capture_output=True)
for path in sorted(folder.iterdir()):
    print(path.name)

# %%
# ``lab.yaml`` has what no record says: design, topology, programs, probe gain, readout noise, and
# what is unknown of the bench.
lab = Lab.load(folder / "lab.yaml")
data = read_lab(lab, sorted(folder.glob("step-*.csv")))
print(data.believed)
print("unknown of the bench:", ", ".join(data.unknown))
model = calibrate(data.measurements, nuisances=data.unknown)
print(f"residual: {model.provenance.residual:.2f}, in units of the readout noise")
for name, estimate in model.bench.items():
    print(f"{name:20} {estimate.value:+.3g} +- {estimate.standard_error:.2g}")

# %%
# Records that were kept back
# ---------------------------
# The same description tells what the two check records hold. They were not fitted.
checks = read_lab(lab, sorted(folder.glob("check-*.csv"))).measurements
figure, axes = plt.subplots(1, len(checks), figsize=(8, 3.2), layout="constrained")
gain = 1 + np.array([model.bench[f"readout_gain[{cell}]"].value for cell in range(2)])
worst = []
for axis, check in zip(axes, checks, strict=True):
    program = Program(check["A"].values, check["b"].values)
    scaling = Scaling(check.attrs["conductance_scale"], check.attrs["drive_scale"])
    time, seen = check["time"].values, check["v"].values
    since_drive = np.maximum(time - model.bench["trigger_delay"].value, 0.0)
    predicted = gain * model.response(program, scaling).mean_at(since_drive)
    axis.plot(time * 1e6, seen, ".", color="0.6", markersize=3)
    axis.plot(time * 1e6, predicted)
    axis.set(xlabel="time (µs)", ylabel="voltage (V)")
    worst.append(np.sqrt(np.mean((predicted - seen) ** 2)))
plt.show()
print("rms of the residual by record (V):", np.round(worst, 4))

# %%
# The readout noise is 1 mV, and baselines of some mV and hum, which each record has of its own, are
# in these residuals too.
truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
for cell, right in enumerate(truth["readout_gain"]):
    found = model.bench[f"readout_gain[{cell}]"]
    print(f"gain of probe {cell}: {found.value:+.3f} +- {found.standard_error:.3f}, truly {right:+.3f}")
    assert abs(found.value - right) < 4 * found.standard_error
assert max(worst) < 10e-3
assert 0.5 < model.provenance.residual < 2
