"""Nuisances of a bench as unknowns of a calibration: their derivatives, what they find, and what is refused."""

import numpy as np
import pytest
from thermospice.behavioral import Calibration
from thermospice.behavioral.calibration import NUISANCES, Parameters, term_of
from thermospice.measurements import MeasurementError, read_measurement

from .test_kinds import Maker

EVERY = tuple(NUISANCES)
STEP = 1e-4


@pytest.mark.parametrize("kind", ["op", "tran", "ac", "noise", "record"])
@pytest.mark.parametrize("name", ["crossbar", "rc-mesh", "differential-rc-mesh", "rlc-grid"])
def test_derivatives_by_every_nuisance_equal_finite_differences(name, kind):
    # Catches a nuisance that enters the values and not the derivatives, or enters one kind of measurement only.
    maker, rng = Maker(name, 2), np.random.default_rng(1)
    record = term_of(read_measurement(maker.one(rng.standard_normal(maker.parameters.size), kind, rng)))
    parameters = Parameters.of(maker.design, maker.topology, maker.level, EVERY, [record])
    z = 0.3 * rng.standard_normal(parameters.size)
    part = record.evaluate(parameters, z)
    first = parameters.first_of_bench
    assert parameters.size > first
    slopes = []
    for k in range(first, parameters.size):
        step = STEP * np.eye(parameters.size)[k]
        up, down = (record.evaluate(parameters, z + sign * step).cost for sign in (1, -1))
        slopes.append((up - down) / (2 * STEP))
    # A central difference errs by the square of its step and by the rounding of the cost over the step.
    scale = np.abs(part.gradient).max()
    limit = 1e-5 * scale + 1e-12 * abs(part.cost) / STEP
    np.testing.assert_allclose(-2 * part.gradient[first:], slopes, atol=limit)
    # A readout's gain is in every measurement, so that there is something to compare.
    gains = [k for k, text in enumerate(parameters.names) if text.startswith("readout_gain")]
    if kind != "op" or name != "rlc-grid":
        assert np.abs(part.gradient[gains]).max() > 10 * limit


def test_unknown_nuisances_are_refused():
    maker = Maker("crossbar", 1)
    data = maker.measure(np.zeros(maker.parameters.size), np.random.default_rng(0), ("tran",), 2)
    with pytest.raises(MeasurementError, match=r"expected some of trigger-delay, .*, got 'jitter'"):
        Calibration.of(data, nuisances=["jitter"])
