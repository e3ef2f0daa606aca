"""
Train with the simulator in the loop
====================================

A training of a few steps can have ngspice itself as its device: each step is one transient of one
drawn chip. The model of the same chip has to give the same losses.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design
from thermospice.training import TNGD, IdealSPU, ModelSPU, SpiceSPU

torch.manual_seed(0)
inputs = torch.randn(64, 3, dtype=torch.float64)
targets = inputs @ torch.tensor([[1.0], [-0.5], [0.3]], dtype=torch.float64) + 0.2
loss_fn = torch.nn.MSELoss()


def train(solver, steps=8):
    torch.manual_seed(1)
    module = torch.nn.Linear(3, 1, dtype=torch.float64)
    optimizer = TNGD(module, loss_fn, lr=0.5, damping=0.1, solver=solver)
    return [float(optimizer.step(inputs, targets)) for _ in range(steps)]


# %%
# Three weights and a bias: a crossbar of four cells holds the whole matrix. t = 3 tau leaves the
# answer unsettled, so that the transient matters.
chip = Design.preset("board-1k-1n").sample(Crossbar(n=4), np.random.default_rng(0))
in_spice = train(SpiceSPU(chip, t=3.0))
in_model = train(ModelSPU(DeviceModel.nominal(chip), t=3.0))
ideal = train(IdealSPU(t=3.0))

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.semilogy(in_spice, "o", label="ngspice in the loop")
left.semilogy(in_model, "-", label="model of the same chip")
left.semilogy(ideal, "--", label="ideal device")
left.set(xlabel="step", ylabel="loss")
left.legend(frameon=False)
difference = np.abs(np.array(in_model) / in_spice - 1)
right.semilogy(difference[1:], "o-")
right.set(xlabel="step", ylabel="|model / ngspice - 1|")
plt.show()
print("largest relative difference of a loss:", f"{difference.max():.1e}")
assert difference.max() < 1e-2
assert in_spice[-1] < in_spice[0]
