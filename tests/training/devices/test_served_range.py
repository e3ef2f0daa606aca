"""Which damping and time a chip can serve, against the eigenvalues of its dense twin."""

import math
from dataclasses import replace

import pytest
import torch
from thermospice.circuits import Programming
from thermospice.training import DeviceEffects, DeviceSPU
from thermospice.training.devices import served_range

from ..doubles import Population


def test_the_least_damping_is_that_of_the_dense_twin(factors) -> None:
    # Catches a range that is another chip's, or of another criterion than that of a training.
    device = DeviceSPU(Population(conductance_sigma=0.1), effects=DeviceEffects.only("conductance"))
    found = served_range(device, factors)

    def decays(damping: float) -> bool:
        loop = device.init(replace(factors, damping=damping)).chip.loop
        F = (torch.diag(loop.Lam) + loop.J_out.T @ torch.block_diag(*loop.H) @ loop.J_in) / loop.D.unsqueeze(1)
        return float(torch.linalg.eigvals(F).real.min()) >= 0.5 * float(loop.rates.min())

    assert decays(found.least_damping)
    # The loop's own growth takes the slowest of 40 cells for all of them, 0.75 of the mean at 10 %: a mode at -a then
    # needs a/(0.5 0.75) of damping where a/(1 - 0.5 0.75) would do, 1.7 times as much, and the edge is found to 5 %.
    assert not decays(found.least_damping / 1.9)
    exact = torch.linalg.eigvals(device.init(factors).chip.loop.turn).real.max()
    assert found.lambda_max == pytest.approx(float(exact), rel=0.02)
    assert math.isinf(found.most_damping)


def test_an_exact_chip_serves_everything_and_a_range_ends_it(factors) -> None:
    exact = served_range(DeviceSPU(Population(), effects=DeviceEffects.only()), factors)
    assert exact.least_damping < 1e-5 * exact.lambda_max
    assert (exact.least_t, exact.longest_t) == (0.0, math.inf)
    ranged = Population(programming=Programming(bits=8, full_scale=2.0))
    found = served_range(DeviceSPU(ranged, effects=DeviceEffects.only("program_bits")), factors)
    assert found.most_damping == 2.0
    with pytest.raises(ValueError, match=r"damping: expected .* to 2 for this chip"):
        found.refuse(3.0, 1.0)


def test_amplifiers_need_time_and_a_rough_chip_has_an_end(factors) -> None:
    slow = Population(conductance_sigma=0.4, gain_bandwidth=1e8)
    device = DeviceSPU(slow, effects=DeviceEffects.only("conductance", "bandwidth"))
    found = served_range(device, replace(factors, damping=1e-4))
    assert 0.0 < found.least_t < math.inf
    assert 0.0 < found.longest_t < math.inf
    device.compute(device.init(replace(factors, damping=1e-4)), factors.J[0], t=0.99 * found.longest_t)
    with pytest.raises(ValueError, match="t: expected at least"):
        found.refuse(2.0 * found.least_damping, 0.5 * found.least_t)
