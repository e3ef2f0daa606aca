"""What a process is given: one time alone, and numbers that are hidden."""

import numpy as np
import pytest
from thermospice.behavioral import OrnsteinUhlenbeck
from thermospice.behavioral.processes import LowRankOrnsteinUhlenbeck

F = np.array([[1.0, 0.5], [-0.2, 2.0]])
JORDAN = np.array([[1.0, 1.0], [0.0, 1.0]])
MEAN = np.array([1.0, 2.0])
U = np.array([[1.0], [0.0]])
MAKE = {
    "by modes": lambda Q: OrnsteinUhlenbeck(F, MEAN, Q * np.eye(2)),
    "defective": lambda Q: OrnsteinUhlenbeck(JORDAN, MEAN, Q * np.eye(2)),
    "of low rank": lambda Q: LowRankOrnsteinUhlenbeck(1.0, U, np.array([[0.5]]), MEAN, Q),
}


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("paths", [1, 3])
def test_one_time_alone(name, paths):
    # Catches steps between times that are none: `range() arg 3 must not be zero`. Without noise a path is the mean.
    x0 = np.array([0.3, -0.7])
    process = MAKE[name](0.0)
    found = process.sample(np.array([0.8]), x0, np.random.default_rng(0), paths)
    np.testing.assert_allclose(found, np.broadcast_to(process.mean_at(0.8, x0), (paths, 1, 2)), rtol=1e-12)


@pytest.mark.parametrize("name", ["by modes", "defective"])
def test_one_time_alone_is_the_first_of_many(name):
    process, x0 = MAKE[name](0.3), np.zeros(2)
    one, two = (process.sample(np.array(t), x0, np.random.default_rng(1), 4) for t in ([0.8], [0.8, 1.1]))
    np.testing.assert_array_equal(one[:, 0], two[:, 0])


@pytest.mark.parametrize("name", MAKE)
def test_a_hidden_number_is_not_taken(name):
    # Catches what stands below the mask, 99, as if it were measured.
    process = MAKE[name](0.3)
    hidden = np.ma.masked_array([99.0, 0.0], mask=[True, False])
    for attempt in (
        lambda: process.mean_at(1.0, hidden),
        lambda: process.sample(np.array([1.0]), hidden, np.random.default_rng(0)),
        lambda: process.log_prob(np.array([1.0]), hidden[None], np.zeros(2)),
    ):
        with pytest.raises(ValueError, match=r"without gaps|nan or inf"):
            attempt()
