"""The least heat of a process in a given time: closed forms, a drive that reaches it, and a device that does not."""

import numpy as np
import pytest
import scipy.linalg
from thermospice.behavioral import OrnsteinUhlenbeck, ProblemError
from thermospice.behavioral.programs.bounds import Gaussian, dissipated, least_energy, wasserstein

R, C = 1e3, 1e-9
TAU = R * C


def test_distance_of_two_laws_in_one_dimension_is_that_of_means_and_widths():
    start, end = Gaussian(np.array([1.0]), np.array([[4.0]])), Gaussian(np.array([3.0]), np.array([[1.0]]))
    assert wasserstein(start, end) == pytest.approx((3 - 1) ** 2 + (2 - 1) ** 2)


def test_distance_of_covariances_that_do_not_commute_is_the_best_coupling():
    # The optimal map is T = S0^-1/2 (S0^1/2 S1 S0^1/2)^1/2 S0^-1/2, and the distance E|T x - x|^2.
    rng = np.random.default_rng(0)
    B, D = rng.standard_normal((2, 3, 3))
    S0, S1 = B @ B.T + np.eye(3), D @ D.T + np.eye(3)
    root = scipy.linalg.sqrtm(S0).real
    T = np.linalg.solve(root, np.linalg.solve(root, scipy.linalg.sqrtm(root @ S1 @ root).real).T)
    np.testing.assert_allclose(T @ S0 @ T.T, S1, atol=1e-9)
    moved = (T - np.eye(3)) @ S0 @ (T - np.eye(3)).T
    zero = np.zeros(3)
    assert wasserstein(Gaussian(zero, S0), Gaussian(zero, S1)) == pytest.approx(np.trace(moved), rel=1e-9)


def test_a_law_is_no_distance_from_itself():
    one = Gaussian(np.ones(2), np.diag([1.0, 2.0]))
    assert wasserstein(one, one) == pytest.approx(0.0, abs=1e-12)


def test_a_cell_at_constant_speed_dissipates_the_bound_and_no_process_of_its_kind_less():
    # The constant, from the circuit: a source ahead of the cell by R C dv/dt drives a current C dv/dt through R, whose
    # heat over the time is R (C dv/dt)^2 t. Other ways between the same ends in the same time cost more.
    seconds, volts = 5 * TAU, 0.7
    t = np.linspace(0, 1, 20_001)
    for bend in (0.0, 0.1, -0.3):
        v = volts * (t + bend * np.sin(np.pi * t))
        current = C * np.gradient(v, t * seconds)
        heat = np.trapezoid(R * current**2, t * seconds)
        bound = least_energy(volts**2, C, TAU, seconds)
        if bend == 0:
            assert heat == pytest.approx(bound, rel=1e-6)
        else:
            assert heat > bound * 1.01


def test_a_device_that_relaxes_freely_dissipates_more_than_the_bound():
    A = np.array([[1.0, 0.3], [0.3, 0.5]])
    b = np.array([0.4, -0.2])
    process = OrnsteinUhlenbeck(A / TAU, np.linalg.solve(A, b), np.zeros((2, 2)))
    seconds = 20 * TAU
    heat = dissipated(process, np.zeros(2), C, TAU, seconds)
    end = process.mean_at(seconds, np.zeros(2))
    assert heat > least_energy(float(end @ end), C, TAU, seconds)
    # The integral of the squared speed, by quadrature.
    times = np.linspace(0, seconds, 4001)
    speed = (process.mean - process.mean_at(times, np.zeros(2))) @ process.drift.T
    assert heat == pytest.approx(np.trapezoid(C * TAU * (speed**2).sum(axis=1), times), rel=1e-4)


def test_laws_of_two_sizes_are_refused():
    with pytest.raises(ProblemError, match="two of one size"):
        wasserstein(Gaussian(np.zeros(1), np.eye(1)), Gaussian(np.zeros(2), np.eye(2)))
