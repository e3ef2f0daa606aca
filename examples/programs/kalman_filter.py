"""A body on a line, seen with noise, followed by a filter whose updates an ideal device solves."""

import numpy as np
from thermospice.behavioral.linear_algebra import IdealDevice
from thermospice.behavioral.programs.bayesian import StateModel, exact_filter, kalman

rng = np.random.default_rng(0)
model = StateModel(
    F=[[1.0, 0.1], [0.0, 1.0]], Q=np.diag([1e-4, 1e-2]), H=[[1.0, 0.0]], R=[[0.04]], m=[0.0, 0.0], P=np.eye(2)
)
x, seen = np.array([0.0, 1.0]), []
for _ in range(30):
    x = model.F @ x + np.sqrt(np.diag(model.Q)) * rng.standard_normal(2)
    seen.append(model.H @ x + 0.2 * rng.standard_normal(1))
found = kalman(model, np.array(seen), IdealDevice(), rng)
means, _ = exact_filter(model, np.array(seen))
print(
    f"last state {found.means[-1].round(3)}, truth {x.round(3)}; {found.bill.loads} loads, {found.bill.drives} drives"
)
assert np.abs(found.means - means).max() < 1e-8
