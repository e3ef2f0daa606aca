"""ngspice against closed forms, and against the state space of the same network."""

import numpy as np
import pytest
import scipy.linalg
from thermospice.circuits import (
    TOPOLOGIES,
    Crossbar,
    Design,
    Program,
    RCMesh,
    choose_scaling,
    random_program,
    state_space,
)
from thermospice.circuits.networks import BOLTZMANN
from thermospice.netlists import simulate

IDEAL, BOARD = Design.preset("ideal"), Design.preset("board-1k-1n")
ONE = Program(np.array([[2.0]]), np.array([0.5]))


def drawn(topology, seed=0, condition=10.0):
    """A chip with mismatch, a program and its scaling at level macro."""
    instance = BOARD.sample(topology, np.random.default_rng(seed), seed=seed)
    program = random_program(topology, np.random.default_rng(seed + 1), condition=condition)
    return instance, program, choose_scaling(instance, program)


def waveform(space, times, v0):
    """Exact readout of the linear circuit from initial cell voltages v0."""
    w, V = np.linalg.eig(space.F)
    c = np.linalg.solve(V, space.initial @ v0 - space.settled_states)
    return ((V * np.exp(-np.outer(times, w))[:, None, :]) @ c).real @ space.M.T + space.settled


def covariance(space):
    return space.M @ scipy.linalg.solve_continuous_lyapunov(space.F, space.Q) @ space.M.T


class TestOneCell:
    """An RC cell of resistance R0/2 and capacitance C."""

    def test_op(self, cell):
        assert simulate(cell, ONE, "op", "ideal").v.values[0] == pytest.approx(0.25, rel=1e-12)

    def test_ac(self, cell):
        measured = simulate(cell, ONE, "ac", "ideal")
        expected = 0.25 / (1 + 2j * np.pi * measured.frequency.values * IDEAL.tau / 2)
        np.testing.assert_allclose(measured.v_re + 1j * measured.v_im, expected[:, None], rtol=1e-9)

    def test_noise(self, cell):
        """psd `4kTR/(1 + (w tau)^2)`, variance kT/C."""
        measured = simulate(cell, ONE, "noise", "ideal")
        kT = BOLTZMANN * IDEAL.temperature
        corner = 2 * np.pi * measured.frequency.values * IDEAL.tau / 2
        # ngspice's Boltzmann constant is 4e-7 low.
        np.testing.assert_allclose(measured.psd[:, 0], 4 * kT * IDEAL.R0 / 2 / (1 + corner**2), rtol=1e-6)
        assert measured.covariance.values[0, 0] == pytest.approx(kT / IDEAL.C, rel=1e-6)

    @pytest.mark.parametrize("v0", [0.0, -0.7])
    def test_tran(self, cell, v0):
        measured = simulate(cell, ONE, "tran", "ideal", x0=[v0])
        expected = 0.25 + (v0 - 0.25) * np.exp(-measured.time.values / (IDEAL.tau / 2))
        assert np.abs(measured.v.values[:, 0] - expected).max() < 1e-4 * max(0.25, abs(v0))
        assert measured.v.values[-1, 0] == pytest.approx(0.25, abs=2e-6)

    def test_zero_drive_stays_at_zero(self, cell):
        quiet = Program(np.array([[2.0]]), np.zeros(1))
        assert simulate(cell, quiet, "op", "ideal").v.values[0] == 0
        assert np.abs(simulate(cell, quiet, "tran", "ideal").v.values).max() == 0
        assert np.abs(simulate(cell, quiet, "ac", "ideal").v_re.values).max() == 0
        assert simulate(cell, quiet, "noise", "ideal").covariance.values[0, 0] > 0


def test_passive_mesh_has_kT_over_C_whatever_its_resistors():
    """Equipartition: `P = kT C^-1`, with mismatched resistors and capacitors."""
    instance, program, _ = drawn(RCMesh(5))
    P = simulate(instance, program, "noise", "ideal").covariance.values
    expected = BOLTZMANN * BOARD.temperature / BOARD.C / (1 + instance.errors["capacitance"])
    assert np.linalg.norm(P - np.diag(expected)) < 1e-4 * np.linalg.norm(expected)


@pytest.mark.parametrize(("n", "condition"), [(1, 1.0), (3, 10.0), (8, 10.0), (8, 100.0), (16, 10.0)])
def test_ideal_crossbar_solves(n, condition):
    instance = IDEAL.nominal(Crossbar(n))
    program = random_program(Crossbar(n), np.random.default_rng(n), condition=condition)
    v = simulate(instance, program, "op", "ideal").v.values
    assert np.abs(v - program.solution).max() < 2e-4 * np.abs(program.solution).max()


@pytest.mark.parametrize("condition", [10.0, 100.0])
@pytest.mark.parametrize("topology", [Crossbar(1), Crossbar(8), Crossbar(16), RCMesh(1), RCMesh(8)])
def test_macro_op_is_that_of_the_state_space(topology, condition):
    """The macro-model is exactly linear within its limits: machine precision times the condition number."""
    instance, program, scaling = drawn(topology, condition=condition)
    v = simulate(instance, program, "op", scaling=scaling).v.values
    expected = state_space(instance.network(program, "macro", scaling)).settled
    np.testing.assert_allclose(v, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("topology", [Crossbar(4), RCMesh(4)])
def test_macro_ac_is_that_of_the_state_space(topology):
    instance, program, scaling = drawn(topology)
    measured = simulate(instance, program, "ac", scaling=scaling, points_per_decade=7)
    space = state_space(instance.network(program, "macro", scaling))
    s = 2j * np.pi * measured.frequency.values[:, None, None]
    states = np.linalg.solve(s * np.eye(len(space.F)) + space.F, np.linalg.solve(space.C, space.drive)[:, None])
    expected = states[:, :, 0] @ space.M.T + space.y_drive
    found = measured.v_re.values + 1j * measured.v_im.values
    assert np.abs(found - expected).max() < 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("level", ["ideal", "macro"])
@pytest.mark.parametrize("topology", [Crossbar(1), Crossbar(8), RCMesh(8)])
def test_covariance_is_that_of_lyapunov(topology, level):
    """Mismatch, amplifier noise, injected noise; the limit of the whole chain is 1e-3."""
    design = BOARD.model_copy(update={"injected_noise": 1e-22})
    instance = design.sample(topology, np.random.default_rng(0))
    program = random_program(topology, np.random.default_rng(1))
    measured = simulate(instance, program, "noise", level).covariance.values
    expected = covariance(state_space(instance.network(program, level)))
    # At level ideal a gain of 1e7 stands for an infinite one: of the order of 1e-6.
    assert np.linalg.norm(measured - expected) < 1e-5 * np.linalg.norm(expected)
    np.testing.assert_array_equal(measured, measured.T)


def test_covariance_from_several_processes():
    """13 cells: 91 analyses are more than one process takes."""
    instance, program, scaling = drawn(Crossbar(13))
    measured = simulate(instance, program, "noise", scaling=scaling).covariance.values
    expected = covariance(state_space(instance.network(program, "macro", scaling)))
    assert np.linalg.norm(measured - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("level", ["ideal", "macro"])
@pytest.mark.parametrize("topology", [Crossbar(1), Crossbar(8), RCMesh(8)])
def test_waveforms_follow_the_exact_solution(topology, level):
    """To 1e-4 of the swing at ngspice's points and, linearly interpolated, between them."""
    instance, program, scaling = drawn(topology)
    v0 = np.random.default_rng(2).normal(size=topology.n) / 3
    measured = simulate(instance, program, "tran", level, scaling=scaling, x0=v0)
    space = state_space(instance.network(program, level, scaling))
    times, v = measured.time.values, measured.v.values
    swing = np.abs(v).max()
    assert np.abs(v - waveform(space, times, v0)).max() < 1e-4 * swing
    between = np.linspace(times[0], times[-1], 5000)
    lines = np.column_stack([np.interp(between, times, v[:, k]) for k in range(topology.n)])
    assert np.abs(lines - waveform(space, between, v0)).max() < 1.5e-4 * swing
    np.testing.assert_array_equal(measured.v0, v0)


def test_small_cells_are_as_accurate():
    """10 fF and 10 mV, with a fast and a slow mode: ngspice's default for a small charge is a hundred times theirs."""
    design = IDEAL.model_copy(update={"C": 1e-14, "R0": 1e6})
    program = Program(np.array([[1.0, -0.995], [-0.995, 1.0]]), np.array([0.01, -0.01]))
    instance, v0 = design.nominal(RCMesh(2)), np.array([-0.01, 0.0])
    measured = simulate(instance, program, "tran", "ideal", x0=v0)
    expected = waveform(state_space(instance.network(program, "ideal")), measured.time.values, v0)
    assert np.abs(measured.v.values - expected).max() < 1e-4 * np.abs(expected).max()


def test_scaling_scales():
    instance, program, scaling = drawn(Crossbar(3))
    v = simulate(instance, program, "op", scaling=scaling)
    assert v.drive_scale == scaling.drive
    assert np.abs(v.v.values / scaling.drive - program.solution).max() < 0.1 * np.abs(program.solution).max()


def test_an_eight_cell_transient_is_quick():
    instance, program, scaling = drawn(Crossbar(8))
    elapsed = [simulate(instance, program, duration=50e-6, scaling=scaling).elapsed_s for _ in range(2)]
    # 0.1 s on a free machine.
    assert min(elapsed) < 1.0


@pytest.mark.parametrize("name", sorted(TOPOLOGIES))
def test_every_topology_runs(name):
    topology = TOPOLOGIES[name](2)
    design = BOARD.model_copy(update={"L": 1e-3}) if "L" in Design.model_fields else BOARD
    instance = design.sample(topology, np.random.default_rng(0))
    program = Program(np.array([[1.0, -0.25], [-0.25, 0.75]]), np.array([0.5, -0.25]))
    # A grid has no amplifiers, and so no level but ideal.
    for level in ("ideal",) if name == "rlc-grid" else ("ideal", "macro"):
        space = state_space(instance.network(program, level))
        v = simulate(instance, program, "op", level).v.values
        np.testing.assert_allclose(v, space.settled, rtol=1e-5, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("condition", [10.0, 100.0])
def test_thirty_two_cells(condition):
    instance, program, scaling = drawn(Crossbar(32), condition=condition)
    space = state_space(instance.network(program, "macro", scaling))
    np.testing.assert_allclose(simulate(instance, program, "op", scaling=scaling).v, space.settled, rtol=1e-9)
    measured = simulate(instance, program, "tran", scaling=scaling)
    expected = waveform(space, measured.time.values, np.zeros(32))
    assert np.abs(measured.v.values - expected).max() < 1e-4 * np.abs(expected).max()
