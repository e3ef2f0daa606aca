"""An inverse sooner: runs that start settled in the slowest modes, which Lanczos finds digitally."""

import numpy as np
from thermospice.behavioral.linear_algebra import Budget, Deflation, IdealDevice, inverse

rng = np.random.default_rng(0)
V = np.linalg.qr(rng.standard_normal((20, 20)))[0]
A = V * np.geomspace(0.01, 1.0, 20) @ V.T
A = (A + A.T) / 2
for k in (0, 1, 3, 5, 8, 10):
    start = Deflation.of(A, k, rng)
    foreseen, exact = start.foreseen_burn_in(1e-6), start.burn_in(1e-6)
    print(f"k = {k:2}: burn-in {exact:6.1f} tau, foreseen {foreseen:6.1f}; {start.products} products of A")
    assert abs(foreseen / exact - 1) < 0.15
plain, deflated = (inverse(IdealDevice(), A, rng, Budget(5.0, 4, deflated=k)) for k in (0, 5))
print(f"inverse: {plain.time:.3g} s from rest, {deflated.time:.3g} s from a deflated start")
assert deflated.time < plain.time
