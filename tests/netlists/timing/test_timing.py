"""Steps, grids and the covariance of held noise, against closed forms."""

import numpy as np
import pytest
from thermospice.circuits import Design, Program, RCMesh, state_space
from thermospice.circuits.networks import BOLTZMANN
from thermospice.circuits.state_spaces import StateSpace
from thermospice.netlists import NetlistError, SimulationFailed
from thermospice.netlists.simulators import integrate
from thermospice.netlists.timing import (
    Grid,
    Steps,
    default_hold,
    held_noise_covariance,
    held_steps,
    noise_grid,
    rates,
    response_grid,
    transient_steps,
)


def cell(a=1.0):
    network = Design.preset("ideal").nominal(RCMesh(1)).network(Program(np.array([[a]]), np.ones(1)), "ideal")
    return network, state_space(network)


def oscillator(damping):
    """Two states whose poles have the given ratio of damping, rate 1."""
    s, c = damping, np.sqrt(1 - damping**2)
    return StateSpace(
        C=np.eye(2),
        G=np.array([[s, c], [-c, s]]),
        drive=np.zeros(2),
        bias=np.zeros(2),
        noise=np.eye(2),
        M=np.array([[1.0, 0.0]]),
        y_drive=np.zeros(1),
        y_bias=np.zeros(1),
        feedthrough=np.zeros(1),
        initial=np.zeros((2, 1)),
    )


@pytest.mark.parametrize("r", [0.01, 0.5, 3.0])
def test_held_noise_of_one_cell(r):
    """`kT/C (2/r) tanh(r/2)` with r = step/RC."""
    network, space = cell()
    design = Design.preset("ideal")
    tau = 1 / rates(network, space).slowest
    expected = BOLTZMANN * design.temperature / design.C * 2 / r * np.tanh(r / 2)
    assert held_noise_covariance(space, r * tau)[0, 0] == pytest.approx(expected, rel=1e-10)


def test_default_hold_biases_little():
    network, space = cell()
    hold = default_hold(rates(network, space), space)
    assert 0.95 < held_noise_covariance(space, hold)[0, 0] / held_noise_covariance(space, hold / 1e3)[0, 0] < 1


def test_rates_of_an_unstable_network():
    network, space = cell()
    unstable = StateSpace(**{**{f: getattr(space, f) for f in space.__dataclass_fields__}, "G": -space.G})
    with pytest.raises(SimulationFailed, match=r"unstable: it has a pole at 1e\+06"):
        rates(network, unstable)


def test_damping_is_the_angle_from_the_imaginary_axis():
    network, _ = cell()
    assert rates(network, oscillator(0.1)).damping == pytest.approx(np.arcsin(0.1), rel=1e-12)
    assert rates(network, cell()[1]).damping == pytest.approx(np.pi / 2, rel=1e-12)


@pytest.mark.parametrize("damping", [1.0, 0.3, 0.05])
def test_the_grid_integrates_its_spectrum(damping):
    """One-sided `2 |H|^2` over the default grid gives the Lyapunov variance, also with little damping."""
    space = oscillator(damping)
    grid = noise_grid(rates(cell()[0], space), None, None)
    s = 2j * np.pi * grid.frequencies
    H = np.linalg.solve(s[:, None, None] * np.eye(2) + space.F, np.broadcast_to(np.eye(2), (len(s), 2, 2)))
    densities = 2 * (np.abs(H[:, 0]) ** 2).sum(axis=1)
    # F + F^T = 2 damping I, so that P = I / (2 damping). The closed tails leave (1/300)^2 of the ends' share.
    assert integrate(densities[:, None], grid)[0] == pytest.approx(1 / (2 * damping), rel=2e-6)


@pytest.mark.parametrize("stop", [1.001e5, 1.05e5])
@pytest.mark.parametrize("density", [1, 10])
def test_a_narrow_band_has_both_its_ends(stop, density):
    # Catches a grid of one point, at which ngspice 39 never ends.
    grid = response_grid(rates(*cell()), (1e5, stop), density)
    assert grid.rows >= 2
    assert grid.frequencies[0] == 1e5
    assert stop / (1 + grid.step) < grid.frequencies[-1] <= stop * (1 + 1e-9)


def test_one_frequency_twice_is_refused():
    with pytest.raises(NetlistError, match="a millionth apart"):
        response_grid(rates(*cell()), (1e5, 1e5 * (1 + 1e-8)), 10)


def test_a_coarse_grid_does_not():
    """The rule for the density matters: 20 points a decade are too few for a damping of 0.05."""
    space = oscillator(0.05)
    assert noise_grid(rates(cell()[0], space), None, None).density > 60


def test_default_transient_settles():
    network, space = cell(a=2.0)
    found = rates(network, space)
    steps = transient_steps(found, 1, None, None)
    assert np.exp(-found.slowest * steps.duration) <= 1e-6
    assert steps.duration < 1.1 * np.log(1e6) / found.slowest


def test_seeded_steps_end_with_a_whole_number():
    steps = held_steps(Steps(1e-6, 1e-12, 1e-8), 3e-9, 2)
    assert steps.duration / 3e-9 == pytest.approx(334, abs=1e-9)
    assert held_steps(Steps(9e-9, 1e-12, 1e-8), 3e-9, 2).duration == pytest.approx(9e-9, rel=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda found: transient_steps(found, 1, 0.0, None),
        lambda found: transient_steps(found, 1, -1.0, None),
        lambda found: transient_steps(found, 1, float("nan"), None),
        lambda found: transient_steps(found, 1, float("inf"), None),
        lambda found: transient_steps(found, 1, None, 0.0),
        lambda found: transient_steps(found, 8, 1.0, 1e-9),
        lambda found: held_steps(Steps(1.0, 1e-12, 1e-3), 1e-9, 1),
        lambda found: response_grid(found, (10.0, 1.0), None),
        lambda found: response_grid(found, (0.0, 1.0), None),
        lambda found: response_grid(found, (1.0, float("inf")), None),
        lambda found: response_grid(found, None, 0),
        lambda found: response_grid(found, None, 10_000),
    ],
)
def test_out_of_range(call):
    with pytest.raises(NetlistError, match=r"expected|would give"):
        call(rates(*cell()))


def test_grid_ends():
    grid = Grid(1.0, 10, 31)
    np.testing.assert_allclose(grid.frequencies, np.geomspace(1.0, 1e3, 31), rtol=1e-12)
    assert grid.frequencies[-1] < grid.stop < grid.frequencies[-1] * 1.001
    assert grid.beyond == pytest.approx(grid.stop * 10**0.1, rel=1e-12)
