"""State spaces of large networks, by adjoint solves, against the general elimination of every source."""

from itertools import pairwise

import numpy as np
import pytest
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DifferentialRCMesh,
    RCMesh,
    RLCGrid,
    Scaling,
    random_program,
)
from thermospice.circuits.loaded_chips import loaded_chip
from thermospice.circuits.networks import Capacitor, Inductor, Network, NoiseCurrent, Resistor, VoltageSource, equations
from thermospice.circuits.state_spaces import StateSpace, link_voltages, state_space


def general(network: Network) -> dict[str, np.ndarray]:
    """Every state and source solved for at once, dense, capacitors alone as states."""
    eq = equations(network)
    K, R = np.zeros((eq.size, eq.size)), np.zeros((eq.size, eq.link + len(eq.links)))
    for row, column, value in eq.K:
        K[row, column] += value
    for row, column, value in eq.R:
        R[row, column] += value
    x = np.linalg.solve(K, R)
    index = {node: k for k, node in enumerate(eq.nodes)}
    x = np.vstack([x, np.zeros(x.shape[1])])
    flow = np.array(
        [
            x[eq.branch[s.name]] if isinstance(s, Capacitor) else x[index.get(s.a, -1)] - x[index.get(s.b, -1)]
            for s in eq.states
        ]
    )
    shown, m, S = x[list(eq.outputs)], len(eq.states), np.array(eq.densities)
    L, direct = flow[:, eq.noise : eq.link], shown[:, eq.noise : eq.link]
    own = [s.capacitance if isinstance(s, Capacitor) else s.inductance for s in eq.states]
    links = np.array([c.capacitance for c in eq.links])
    return {
        "C": np.diag(own) - flow[:, eq.link :] * links @ link_voltages(eq),
        "G": -flow[:, :m],
        "drive": flow[:, m],
        "bias": flow[:, m + 1],
        "noise": L * S @ L.T,
        "M": shown[:, :m],
        "y_drive": shown[:, m],
        "y_bias": shown[:, m + 1],
        "noise_feedthrough": np.max(direct**2 @ S, initial=0.0),
    }


def differences(found: StateSpace, expected: dict[str, np.ndarray]) -> dict[str, float]:
    return {
        name: float(np.abs(getattr(found, name) - value).max() / (np.abs(value).max() or 1.0))
        for name, value in expected.items()
    }


CASES = [
    (Crossbar(20), "board-1k-1n", "macro"),
    (Crossbar(60), "board-1k-1n", "ideal"),
    (Cascade(12, 9), "board-1k-1n", "macro"),
    (RCMesh(60), "board-1k-1n", "macro"),
    (DifferentialRCMesh(30), "board-1k-1n", "macro"),
    (RLCGrid(110), "rlc-board-8", "ideal"),
]


@pytest.mark.parametrize(("topology", "design", "level"), CASES, ids=lambda case: getattr(case, "name", case))
def test_a_large_network_has_the_state_space_of_the_general_elimination(topology, design, level):
    """Catches an adjoint solve of a wrong row, a lost noise source, and rounding that passes for noise of a readout."""
    rng = np.random.default_rng(7)
    instance = Design.preset(design).sample(topology, rng)
    network = instance.network(random_program(topology, rng), level)
    assert equations(network).size > 200  # the sparse route
    # Both are backward stable; a few hundred unknowns of condition below 1e3 leave 1e-13.
    assert max(differences(state_space(network), general(network)).values()) < 1e-12


def ladder(rungs: int, series: float) -> Network:
    """Cells in a row, an inductor across them; the last one is read behind a resistor, with no capacitor of its own."""
    elements = [VoltageSource("v", "n0", "0", 1.0, drive=True)]
    for k in range(rungs):
        elements.append(Resistor(f"r{k}", f"n{k}", f"n{k + 1}", 1e3))
        elements.append(Capacitor(f"c{k}", f"n{k + 1}", "0", 1e-9, cell=0 if k == rungs - 1 else None))
    elements += [Resistor("ra", f"n{rungs}", "y", series), Resistor("rb", "y", "0", 1e6)]
    elements += [NoiseCurrent("i", "0", "y", 1e-24), Inductor("l", "n3", f"n{rungs - 3}", 1e-3)]
    return Network("ladder", tuple(elements), ("y",), 300.0)


@pytest.mark.parametrize("series", [1e-3, 1e3, 1e9])
def test_noise_without_a_band_limit_is_seen_however_small(series):
    """Catches a bound on rounding that takes true noise with it."""
    network = ladder(150, series)
    found, expected = state_space(network), general(network)
    assert found.noise_feedthrough > 0
    assert max(differences(found, expected).values()) < 1e-9


def test_a_chain_whose_solutions_fill_up_is_solved_all_the_same():
    """Catches a series of sparse products that is cut off before its end: each resistor here needs one more term."""
    ends = [Capacitor("c0", "n0", "0", 1e-9, cell=0), Capacitor("c1", "n250", "0", 1e-9)]
    chain = [Resistor(f"r{k}", f"n{k}", f"n{k + 1}", 1e3 + k) for k in range(250)]
    drive = [VoltageSource("v", "d", "0", 1.0, drive=True), Resistor("rd", "d", "n125", 1e3)]
    network = Network("chain", (*ends, *chain, *drive), ("n60", "n0"), 300.0)
    # A condition of 250^2 leaves 1e-11 of rounding.
    assert max(differences(state_space(network), general(network)).values()) < 1e-10


def test_a_link_is_the_sum_of_the_states_on_its_path():
    """Catches a wrong sign or a path over the wrong side of the forest."""
    nodes = ["a", "b", "c", "d"]
    chain = [Capacitor(f"c{k}", x, y, 1.0) for k, (x, y) in enumerate(pairwise(nodes))]
    loop = [Capacitor("back", "d", "a", 1.0), Capacitor("across", "b", "d", 1.0)]
    away = [Resistor(f"r{k}", node, "0", 1.0) for k, node in enumerate(nodes)]
    eq = equations(Network("loop", (*chain, *loop, *away), ("a",), 300.0))
    # d - a = -(a-b) - (b-c) - (c-d), and b - d = (b-c) + (c-d).
    np.testing.assert_array_equal(link_voltages(eq), [[-1, -1, -1], [0, 1, 1]])


def test_fewer_readouts_have_their_own_noise_only():
    """Catches a readout that is blamed for the white noise of a node inside, such as an amplifier's input."""
    rng = np.random.default_rng(3)
    topology = Crossbar(2)
    instance, program = Design.preset("board-1k-1n").sample(topology, rng), random_program(topology, rng)
    chip = loaded_chip(instance, program, "macro", Scaling())
    assert chip.inside.noise_feedthrough > 0
    assert chip.space.noise_feedthrough == chip.watched.noise_feedthrough == 0
    np.testing.assert_allclose(chip.space.settled, state_space(chip.network).settled, rtol=1e-12)
