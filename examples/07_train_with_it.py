"""
Train with a device
===================

At each step the device relaxes towards the natural gradient, ``(J^T H J + damping) g = gradient``.
Stopped early it is between gradient and natural gradient. Here are the ideal device, the exact
solver and Adam, on handwritten digits.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from thermospice.training import TNGD, IdealSPU, Woodbury

torch.manual_seed(0)
images, labels = load_digits(return_X_y=True)
images, labels = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
loss_fn = torch.nn.CrossEntropyLoss()


def network():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.Tanh(), torch.nn.Linear(16, 10))


def batches(steps=100, size=32):
    generator = torch.Generator().manual_seed(2)
    for _ in range(steps):
        chosen = torch.randint(1400, (size,), generator=generator)
        yield images[chosen], labels[chosen]


# %%
# ``TNGD`` is a torch optimiser that takes inputs and targets: it needs the curvature of the batch,
# not only its gradient.
def train_tngd(solver):
    module = network()
    optimizer = TNGD(module, loss_fn, lr=0.5, damping=0.1, solver=solver, curvature="layers")
    return module, [float(optimizer.step(x, y)) for x, y in batches()]


def train_adam():
    module = network()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    losses = []
    for x, y in batches():
        optimizer.zero_grad()
        loss = loss_fn(module(x), y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return module, losses


found = {
    "exact natural gradient": train_tngd(Woodbury()),
    "ideal device, t = 20 tau": train_tngd(IdealSPU(t=20.0)),
    "ideal device, t = 2 tau": train_tngd(IdealSPU(t=2.0)),
    "Adam, lr = 0.01": train_adam(),
}

# %%
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, (module, losses) in found.items():
    smooth = torch.tensor(losses).unfold(0, 8, 1).mean(dim=1)
    axes.semilogy(smooth, label=name)
    accuracy = (module(images[1400:]).argmax(1) == labels[1400:]).float().mean()
    print(f"{name:26} accuracy on held-out digits {float(accuracy):.1%}")
axes.set(xlabel="step", ylabel="training loss, mean of 8 batches")
axes.legend(frameon=False)
plt.show()

# %%
# One seed and one rate for each are an example, not a comparison: ``thermospice train --tune``
# gives every optimiser the same budget on validation data, and several seeds.
ends = {name: sum(losses[-10:]) / 10 for name, (_, losses) in found.items()}
assert all(end < 0.5 for end in ends.values())
assert abs(ends["ideal device, t = 20 tau"] / ends["exact natural gradient"] - 1) < 0.5
