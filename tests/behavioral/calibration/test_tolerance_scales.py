"""Error bars that rest on a tolerance, when the tolerance itself is not known: Student's, by a route of its own."""

import numpy as np
import pytest
import scipy
from thermospice.behavioral.calibration import Fit, Normal, Parameters, ToleranceScales
from thermospice.circuits import Crossbar

TOLD = 1e6
"""Precision, in units of the tolerance's, of what the measurements tell."""


def fitted(parameters, z, told):
    """The optimum of exact measurements of `told @ z`, and nothing else."""
    data = TOLD * told.T @ told
    curvature = data + np.eye(parameters.size)
    found = np.linalg.solve(curvature, data @ z)
    normal = Normal(0.0, np.zeros(parameters.size), curvature, np.ones(1))
    return Fit(found, normal, (True,), {}, np.ones(parameters.size))


def resistors(parameters):
    kinds = [name.split("[")[0] for name in parameters.names]
    return np.flatnonzero([kind in ("conductance", "drive", "inverter") for kind in kinds])


@pytest.fixture(scope="module")
def parameters(board):
    return Parameters.of(board, Crossbar(2), "macro")


def but_their_mean(parameters, which):
    """All that resistors differ by from each other."""
    told = np.zeros((len(which), parameters.size))
    told[:, which] = np.eye(len(which)) - 1 / len(which)
    return told


def half_width(parameters, found):
    """Of the interval of the resistors' mean, in their tolerance."""
    which = resistors(parameters)
    scales = ToleranceScales.of(parameters, found)
    wide = found.with_wider_prior(scales.upper)
    return 1.96 * np.sqrt(wide.covariance[np.ix_(which, which)].mean()), scales


@pytest.mark.parametrize("loose", [2.0, 5.0])
def test_a_mean_that_no_measurement_shows_has_students_interval(parameters, loose):
    # Catches a scale without its own uncertainty (1.96 for 7 degrees of freedom), and one by another count of them.
    which = resistors(parameters)
    z = np.zeros(parameters.size)
    z[which] = loose * np.random.default_rng(0).standard_normal(len(which))
    width, scales = half_width(parameters, fitted(parameters, z, but_their_mean(parameters, which)))
    s, nu = np.std(z[which], ddof=1), len(which) - 1
    assert s > 1
    # The last step of the search is within a fiftieth of the scale's own spread 1/sqrt(2 nu).
    assert scales.likely[which] == pytest.approx(s, rel=0.02 / np.sqrt(2 * nu))
    expected = scipy.stats.t.ppf(0.975, nu) * s / np.sqrt(len(which))
    assert width == pytest.approx(expected, rel=0.02 / np.sqrt(2 * nu))
    others = np.setdiff1d(np.arange(parameters.size), which)
    assert (scales.upper[others] == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("loose", [1.0, 2.0, 3.0])
def test_the_interval_holds_its_share_whatever_the_tolerance_really_is(parameters, loose):
    """1,000 chips: 95 % scatters by 0.7 %."""
    rng, chips = np.random.default_rng(int(loose)), 1000
    inside = 0
    small = Parameters.of(parameters.design, parameters.topology, "ideal")
    which = resistors(small)
    for _ in range(chips):
        z = np.zeros(small.size)
        z[which] = loose * rng.standard_normal(len(which))
        width, _ = half_width(small, fitted(small, z, but_their_mean(small, which)))
        inside += abs(z[which].mean()) < width
    assert inside / chips > 0.95 - 4 * 0.007
    # That no scale is below one widens what the right tolerance would give, and nothing else.
    assert inside / chips < (1.0 if loose == 1 else 0.95 + 4 * 0.007)


def test_what_nothing_is_told_of_keeps_its_tolerance(parameters):
    found = fitted(parameters, np.zeros(parameters.size), np.zeros((1, parameters.size)))
    scales = ToleranceScales.of(parameters, found)
    assert (scales.likely == 1).all()
    assert (scales.upper == 1).all()


def test_components_that_agree_do_not_shrink_their_tolerance(parameters):
    # Catches resistors of one batch, all alike and all 3 % off, with an error bar of nothing.
    which = resistors(parameters)
    z = np.zeros(parameters.size)
    z[which] = 3.0
    width, scales = half_width(parameters, fitted(parameters, z, but_their_mean(parameters, which)))
    assert (scales.upper[which] == 1).all()
    assert width == pytest.approx(1.96 / np.sqrt(len(which)), rel=1e-3)
