"""Both methods of a K-FAC step on a device, against the Kronecker product itself."""

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel, ProblemError
from thermospice.behavioral.linear_algebra import Budget, IdealDevice, ModelDevice
from thermospice.behavioral.programs.kronecker import kronecker_step
from thermospice.circuits import Crossbar, Design

RNG = np.random.default_rng(0)
INPUTS = RNG.standard_normal((40, 3)) * [1.0, 0.3, 2.0]
SLOPES = RNG.standard_normal((40, 2))
A, G, GRADIENT = INPUTS.T @ INPUTS / 40, SLOPES.T @ SLOPES / 40, RNG.standard_normal((2, 3))
DAMPING = 0.04


def exact():
    """By the matrix of all six weights, which nobody forms."""
    curvature = np.kron(G + 0.2 * np.eye(2), A + 0.2 * np.eye(3))
    return np.linalg.solve(curvature, GRADIENT.ravel()).reshape(2, 3)


def chip():
    instance = Design.preset("board-1k-1n").sample(Crossbar(3), np.random.default_rng(1))
    return ModelDevice(DeviceModel.nominal(instance, "ideal"))


@pytest.mark.parametrize("make", [IdealDevice, chip])
def test_drives_give_the_step_to_the_accuracy_of_the_residual(make):
    step = kronecker_step(G, A, GRADIENT, DAMPING, make(), np.random.default_rng(0))
    assert np.linalg.norm(step.value - exact()) <= np.linalg.norm(step.error) + 1e-12
    np.testing.assert_allclose(step.value, exact(), atol=1e-8)
    # Three columns with one factor and two rows with the other.
    assert step.bill.loads == 2
    assert step.outputs.seconds + step.inputs.seconds == pytest.approx(step.bill.analog_s)


@pytest.mark.parametrize("make", [IdealDevice, chip])
def test_fluctuations_give_it_within_their_error_bars(make):
    step = kronecker_step(G, A, GRADIENT, DAMPING, make(), np.random.default_rng(0), "fluctuations", Budget(50.0, 16))
    # Bars of one standard error, added over the entries of both inverses.
    assert np.abs((step.value - exact()) / step.error).max() < 3
    assert step.inputs.condition > step.inputs.scaled_condition > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"damping": 0.0}, "damping: expected a positive"),
        ({"gradient": np.ones((3, 3))}, "gradient: expected 2 rows"),
        ({"gradient": np.ones((2, 2))}, "gradient: expected rows of 3"),
        ({"G": np.diag([1.0, -1.0])}, "G: expected no negative eigenvalue"),
        ({"A": np.ones((3, 2))}, "A: expected a square"),
    ],
)
def test_what_is_no_step_is_refused(change, message):
    plain = {"G": G, "A": A, "gradient": GRADIENT, "damping": DAMPING}
    with pytest.raises(ProblemError, match=message):
        kronecker_step(**{**plain, **change}, device=IdealDevice(), rng=np.random.default_rng(0))
