"""
Train with flaws
================

Which imperfection of a chip does a training feel? ``DeviceSPU`` draws a cascade with all of them;
``DeviceEffects`` leaves in one at a time.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design
from thermospice.training import TNGD, DeviceEffects, DeviceSPU, IdealSPU

torch.manual_seed(0)
inputs = 2 * torch.rand(128, 2) - 1
targets = inputs[:, :1] * inputs[:, 1:] + 0.3 * inputs[:, :1]
loss_fn = torch.nn.MSELoss()


def final_loss(solver, steps=25):
    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    optimizer = TNGD(module, loss_fn, lr=0.3, damping=0.03, solver=solver)
    generator = torch.Generator().manual_seed(2)
    for _ in range(steps):
        chosen = torch.randint(128, (16,), generator=generator)
        optimizer.step(inputs[chosen], targets[chosen])
    return float(loss_fn(module(inputs), targets).detach())


# %%
# Any model of a chip says how good its parts are; the device draws as many cells as the module has
# parameters. A good board is hardly felt, so these parts are far worse than its own: resistors of
# 5 %, offsets of 10 mV, converters of 6 bits, and noise injected into each cell.
board = Design.preset("board-1k-1n")
poor = board.model_copy(
    update={
        "injected_noise": 1e-16,
        "amplifier": board.amplifier.model_copy(update={"offset_sigma": 10e-3}),
        "mismatch": board.mismatch.model_copy(update={"resistor_sigma": 0.05}),
        "converters": board.converters.model_copy(update={"dac_bits": 6, "adc_bits": 6}),
    }
)
model = DeviceModel.nominal(poor.sample(Crossbar(n=4), np.random.default_rng(0)))
losses = {"none (ideal)": final_loss(IdealSPU(t=20.0))}
groups = {
    "resistor mismatch": ("conductance", "inverter"),
    "capacitor mismatch": ("capacitance",),
    "offsets": ("offset",),
    "finite gain, bandwidth": ("gain", "bandwidth"),
    "noise": ("noise", "stage_noise", "wideband_noise"),
    "converters": ("drive_bits", "readout_bits"),
}
for name, effects in groups.items():
    losses[name] = final_loss(DeviceSPU(model, t=20.0, effects=DeviceEffects.only(*effects)))
losses["all of them"] = final_loss(DeviceSPU(model, t=20.0))

# %%
figure, axes = plt.subplots(figsize=(6, 3.2), layout="constrained")
axes.barh(list(losses), [loss / losses["none (ideal)"] for loss in losses.values()])
axes.axvline(1.0, color="black", linewidth=1)
axes.invert_yaxis()
axes.set(xlabel="training loss / that of an ideal device, one seed")
plt.show()
for name, loss in losses.items():
    print(f"{name:24} {loss:.2e}")

# %%
# With no effect left in, the device is the ideal one.
none = final_loss(DeviceSPU(model, t=20.0, effects=DeviceEffects.only()))
assert abs(none / losses["none (ideal)"] - 1) < 0.05
assert losses["all of them"] < 0.1
