"""The reduction of a network to its state space, against closed forms and a dense twin."""

import numpy as np
import pytest
import scipy.linalg
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    Network,
    Program,
    RCMesh,
    Scaling,
    random_program,
    state_space,
)
from thermospice.circuits.networks import BOLTZMANN, Capacitor, CurrentSource, Inductor, Resistor

R0, C, T = 1e3, 1e-9, 300.15


def _covariance(space):
    P = scipy.linalg.solve_continuous_lyapunov(space.F, space.Q)
    return space.M @ P @ space.M.T


def test_crossbar_drift_is_the_matrix_over_tau(rng):
    # Fails when a rail, a sign or a row is wired wrongly: every entry of A shows in the drift.
    program = random_program(Crossbar(6), rng, symmetric=False)
    space = state_space(Design.preset("ideal").nominal(Crossbar(6)).network(program, "ideal"))
    np.testing.assert_allclose(space.M @ space.F @ space.M.T, program.A / (R0 * C), rtol=1e-12, atol=1e-6 / (R0 * C))
    np.testing.assert_allclose(space.settled, program.solution, rtol=1e-12)


def test_mismatched_crossbar_equals_its_components(rng):
    # The drawn conductances and capacitors, put into C dv = -(G v - i) dt by hand.
    design = Design.preset("board-1k-1n")
    instance, program = design.sample(Crossbar(5), rng), random_program(Crossbar(5), rng)
    e = instance.errors
    G = program.A * (1 + e["conductance"]) / R0
    space = state_space(instance.network(program, "ideal"))
    expected = G / (C * (1 + e["capacitance"]))[:, None]
    np.testing.assert_allclose(space.M @ space.F @ space.M.T, expected, rtol=1e-11)
    np.testing.assert_allclose(space.settled, np.linalg.solve(G, program.b * (1 + e["drive"]) / R0), rtol=1e-11)


def test_mismatched_mesh_equals_its_components(rng):
    design = Design.preset("board-1k-1n")
    instance, program = design.sample(RCMesh(5), rng), random_program(RCMesh(5), rng)
    e = instance.errors
    off = program.A - np.diag(np.diag(program.A))
    W = -off * (1 + e["conductance"])
    G = (np.diag(W.sum(axis=1) + program.A.sum(axis=1) * (1 + e["ground"])) - W) / R0
    space = state_space(instance.network(program, "ideal"))
    np.testing.assert_allclose(space.G, G, rtol=1e-11)
    np.testing.assert_allclose(space.drive, program.b * (1 + e["drive"]) / R0, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_passive_mesh_has_thermal_covariance_of_its_capacitors(n, rng):
    # Equipartition: kT C^-1 whatever the conductances are, mismatch included.
    instance = Design.preset("board-1k-1n").sample(RCMesh(n), rng)
    space = state_space(instance.network(random_program(RCMesh(n), rng), "ideal"))
    np.testing.assert_allclose(_covariance(space), BOLTZMANN * T * np.linalg.inv(space.C), rtol=1e-10, atol=1e-24)


def test_injected_noise_gives_the_inverse(rng):
    # At a temperature where thermal noise is negligible the covariance is kappa0 A^-1.
    density = 1e-18
    design = Design(name="cold", R0=R0, C=C, temperature=1e-6, injected_noise=density)
    program = random_program(Crossbar(4), rng)
    space = state_space(design.nominal(Crossbar(4)).network(program, "ideal"))
    kappa0 = density * R0 / (2 * C)
    np.testing.assert_allclose(_covariance(space), kappa0 * np.linalg.inv(program.A), rtol=1e-7, atol=1e-9 * kappa0)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_macro_error_is_within_what_the_gain_predicts(n, rng):
    # Each row's virtual ground is off by v/A0 through the row's conductances, and the output resistance costs a
    # factor 1 + R_o * (conductances at the output) of gain; inverters do the same once more.
    design = Design.preset("board-1k-1n")
    amplifier = design.amplifier.model_copy(update={"bias_current": 0.0})
    design = design.model_copy(update={"amplifier": amplifier})
    program = random_program(Crossbar(n), rng, condition=100.0)
    space = state_space(design.nominal(Crossbar(n)).network(program, "macro"))
    row = np.abs(program.A).sum(axis=1).max()
    loading = 1 + amplifier.output_resistance / R0 * (2 + row)
    # Conductances at a virtual ground (row + drive), once for the integrator and twice (noise gain 2) for its rail.
    bound = (row + 1 + 2 * row) * loading / amplifier.gain * np.linalg.norm(np.linalg.inv(program.A), 2)
    error = np.linalg.norm(space.settled - program.solution) / np.linalg.norm(program.solution)
    assert 0 < error < bound


def test_amplifier_pole_appears_where_the_gain_bandwidth_says():
    # One cell: s^2/w_t + s (1 + 2/(w_t tau)) + 1/tau = 0 when output resistance and load are negligible.
    design = Design.preset("board-1k-1n")
    w_t = 2 * np.pi * design.amplifier.gain_bandwidth
    fast = design.amplifier.model_copy(update={"output_resistance": 1e-3, "load_capacitance": 1e-15})
    design = design.model_copy(update={"amplifier": fast})
    space = state_space(design.nominal(Crossbar(1)).network(Program([[1.0]], [1.0]), "macro"))
    found = np.sort(space.poles.real)[-2:]
    expected = np.sort(np.roots([1 / w_t, 1 + 2 / (w_t * design.tau), 1 / design.tau]))
    # The DC gain moves both by 1/A0.
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_readouts_of_the_macro_level_are_band_limited(rng):
    for topology in (Crossbar(3), RCMesh(3)):
        instance = Design.preset("board-1k-1n").sample(topology, rng)
        assert state_space(instance.network(random_program(topology, rng), "macro")).noise_feedthrough == 0


def test_scaling_changes_only_units_and_speed(rng):
    program = random_program(Crossbar(4), rng)
    instance = Design.preset("ideal").nominal(Crossbar(4))
    plain = state_space(instance.network(program, "ideal"))
    scaled = state_space(instance.network(program, "ideal", Scaling(conductance=0.5, drive=0.25)))
    np.testing.assert_allclose(scaled.settled, 0.25 * plain.settled, rtol=1e-12)
    np.testing.assert_allclose(np.sort(scaled.poles), 0.5 * np.sort(plain.poles), rtol=1e-9)


def test_capacitor_loop_gives_the_maxwell_matrix():
    # A coupling capacitor closes a loop of capacitors: its charge moves into the storage matrix.
    network = Network(
        "loop",
        (
            Capacitor("c0", "x0", "0", 2e-9, cell=0),
            Capacitor("c1", "x1", "0", 3e-9, cell=1),
            Capacitor("c01", "x0", "x1", 0.5e-9),
            Resistor("r0", "x0", "0", R0),
            Resistor("r1", "x1", "0", R0),
        ),
        ("x0", "x1"),
        T,
    )
    space = state_space(network)
    maxwell = np.array([[2.5, -0.5], [-0.5, 3.5]]) * 1e-9
    np.testing.assert_allclose(space.C, maxwell, rtol=1e-12)
    np.testing.assert_allclose(_covariance(space), BOLTZMANN * T * np.linalg.inv(maxwell), rtol=1e-10)


def test_parallel_resonance():
    network = Network(
        "tank",
        (Capacitor("c", "x", "0", 1e-9, cell=0), Inductor("l", "x", "0", 1e-3), Resistor("r", "x", "0", 1e4)),
        ("x",),
        T,
    )
    poles = state_space(network).poles
    expected = np.roots([1, 1 / (1e4 * 1e-9), 1 / (1e-3 * 1e-9)])
    np.testing.assert_allclose(np.sort_complex(poles), np.sort_complex(expected), rtol=1e-9)


def test_floating_node_is_refused():
    # The current source has nowhere to go.
    network = Network("open", (CurrentSource("i", "0", "x", 1.0), Capacitor("c", "y", "0", 1.0)), ("x",), T)
    with pytest.raises(ValueError, match="path for direct current"):
        state_space(network)


@pytest.mark.parametrize("topology", [Crossbar(3), RCMesh(3), Cascade(3, 2)], ids=lambda t: t.name)
def test_what_is_left_of_a_start_is_its_exponential(topology, rng):
    space = state_space(Design.preset("board-1k-1n").sample(topology, rng).network(random_program(topology, rng)))
    x = rng.standard_normal(len(space.G))
    times = np.array([0.0, 1e-9, 1e-7, 1e-6, 1e-5])
    expected = [scipy.linalg.expm(-space.F * t) @ x for t in times]
    # Rounding by the condition of the eigenvectors, which is below 1e6 where they are used.
    np.testing.assert_allclose(space.relaxed(x, times), expected, atol=1e-9 * np.abs(x).max())
    for k, t in enumerate(times):
        np.testing.assert_allclose(space.relaxed(x, np.array([t]))[0], expected[k], atol=1e-12 * np.abs(x).max())
    assert space.relaxed(x, np.zeros(0)).shape == (0, len(x))


def test_equal_cells_in_a_chain_have_no_modes_of_their_own():
    """Catches eigenvectors that are taken at their word where two are one: exp(-t) (x0 + 2 t x1, x1)."""
    program = Program([[1.0, -2.0], [0.0, 1.0]], [1.0, 1.0])
    space = state_space(Design.preset("ideal").nominal(Crossbar(2)).network(program, "ideal"))
    t = np.array([0.0, 0.1, 1.0, 14.0])
    v = space.relaxed(space.initial @ [0.3, 0.5], R0 * C * t) @ space.M.T
    expected = np.exp(-t)[:, None] * np.column_stack([0.3 + 2 * t * 0.5, np.full(4, 0.5)])
    np.testing.assert_allclose(v, expected, rtol=1e-9)


@pytest.mark.parametrize("cells", [1, 4])
def test_relaxing_shows_the_exponential_from_the_fastest_mode_to_the_slowest(cells, rng):
    """Catches times that miss a mode, and modes that do not add up to the start."""
    topology = Crossbar(cells)
    space = state_space(Design.preset("board-1k-1n").nominal(topology).network(random_program(topology, rng), "macro"))
    start = rng.standard_normal(len(space.F))
    times, found = space.relaxing(start)
    assert times[0] == 0
    assert 0 < times[1] <= 0.1 / np.abs(space.poles).max()
    assert times[-1] >= 10 / -space.poles.real.max()
    expected = [scipy.linalg.expm(-space.F * t) @ start for t in times[::7]]
    # Eigenvectors of a condition below 1e6 leave 2e-10.
    np.testing.assert_allclose(found[::7], expected, atol=2e-10 * np.abs(start).max())
