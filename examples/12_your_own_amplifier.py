"""
An amplifier of your own
========================

A vendor's subcircuit is measured in ngspice: gain, bandwidth, noise, slew, rails. The macro-model
that comes of it predicts the chip; this page holds the prediction against the whole transistor
circuit.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design, Program
from thermospice.netlists import simulate
from thermospice.netlists.amplifiers import (
    Load,
    characterise,
    extract_macro_model,
    macro_response,
    user_amplifier,
)

# %%
# ``trust`` is a promise: ngspice has no safe mode, and a netlist can hold commands. What would run
# one is refused by name and line all the same. The pins are nodes of the file.
file = Path("own-amplifier/bipolar.lib")
file = file if file.exists() else Path("examples") / file
amplifier = user_amplifier(
    file,
    trust=True,
    vdd=15.0,
    vss=-15.0,
    name="741",
    pins={"plus": 3, "minus": 2, "vdd": 7, "vss": 4, "out": 6},
)
load = Load(resistance=10e3, capacitance=10e-12)
found = characterise(amplifier, load, samples=2)
print(f"gain {found.gain:.3g}, gain-bandwidth {found.gain_bandwidth:.3g} Hz")
print(f"phase margin {found.phase_margin:.0f} degrees, noise {found.noise_white:.2g} V/sqrt(Hz)")
print(f"slew {found.slew:.2g} V/s, output from {found.output_low:.1f} to {found.output_high:.1f} V")
macro = extract_macro_model(found, offset_sigma=1e-3)

# %%
# On a chip
# ---------
# A crossbar with this amplifier, once with all transistors and once by the macro-model. A slow
# amplifier needs a slow chip: 10 kohm and 1 µF.
design = Design.load(file.with_name("bipolar.yaml"))
chip = design.nominal(Crossbar(2))
program = Program([[1.0, 0.3], [-0.2, 0.8]], b=[0.2, -0.1])
response = DeviceModel.nominal(chip).response(program)
transistors = simulate(chip, program, "tran", level="transistor", amplifier=amplifier, scaling=response.scaling)
predicted = response.mean_at(transistors["time"].values)

# %%
frequency = np.geomspace(1, 1e7, 200)
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.loglog(frequency, np.abs(macro_response(macro, load, frequency)))
left.axvline(found.unity_frequency, color="black", linestyle=":", linewidth=1)
left.set(xlabel="frequency (Hz)", ylabel="open-loop gain of the macro-model")
for cell in range(2):
    (line,) = right.plot(transistors["time"] * 1e3, transistors["v"][:, cell], linewidth=4, alpha=0.4)
    right.plot(transistors["time"] * 1e3, predicted[:, cell], color=line.get_color(), linewidth=1)
right.set(xlabel="time (ms)", ylabel="voltage (V)", title="transistors (wide), macro-model")
plt.show()
difference = np.abs(predicted - transistors["v"].values).max() / np.abs(predicted).max()
print(f"largest difference, of the largest voltage: {difference:.1e}")
assert difference < 0.01
assert 1e4 < found.gain < 1e6
