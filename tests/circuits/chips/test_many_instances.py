"""Many chips at once are the same chips as one by one."""

import numpy as np
import pytest
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DesignError,
    DifferentialRCMesh,
    Instances,
    Network,
    RCMesh,
    RLCGrid,
    Scaling,
    random_program,
    state_space,
)
from thermospice.circuits.networks import Capacitor

BOARD = Design.preset("board-1k-1n")
GRID = Design.preset("rlc-board-8")
KINDS = [
    (BOARD, RCMesh(4), "macro"),
    (BOARD, DifferentialRCMesh(3), "macro"),
    (BOARD, Crossbar(4), "macro"),
    (BOARD, Crossbar(4), "ideal"),
    (BOARD, Cascade(4, 3), "macro"),
    (BOARD, Cascade(4, 3), "ideal"),
    (GRID, RLCGrid(4), "ideal"),
]
IDS = [f"{topology.name}-{level}" for _, topology, level in KINDS]


@pytest.mark.parametrize("topology", [kind[1] for kind in KINDS[:5] + KINDS[6:]], ids=lambda t: t.name)
def test_the_same_chips_as_drawn_in_turn(topology):
    one, many = np.random.default_rng(3), np.random.default_rng(3)
    chips = (
        Instances.sample(GRID, topology, many, 3)
        if topology.name == "rlc-grid"
        else Instances.sample(BOARD, topology, many, 3)
    )
    assert len(chips) == 3
    for chip in chips:
        expected = chips.design.sample(topology, one)
        assert chip.digest == expected.digest


@pytest.mark.parametrize(("design", "topology", "level"), KINDS, ids=IDS)
def test_state_spaces_equal_those_of_each_chip(design, topology, level):
    # Two eliminations of one linear system: they agree to rounding times its condition, a few thousand.
    rng = np.random.default_rng(1)
    program, chips, scaling = (
        random_program(topology, rng),
        Instances.sample(design, topology, rng, 3),
        Scaling(0.5, 0.25),
    )
    spaces = chips.state_spaces(program, level, scaling)
    for k, chip in enumerate(chips):
        expected = state_space(chip.network(program, level, scaling))
        for name in ("C", "G", "drive", "bias", "noise", "M", "y_drive", "y_bias"):
            value = getattr(expected, name)
            close = 1e-11 * np.abs(value).max(initial=0.0)
            np.testing.assert_allclose(getattr(spaces, name)[k], value, rtol=0, atol=close, err_msg=name)
        np.testing.assert_array_equal(spaces.initial, expected.initial)
        np.testing.assert_allclose(spaces.settled[k], expected.settled, rtol=1e-8, atol=1e-12)


def test_further_nodes_follow_the_readouts():
    program = random_program(RCMesh(2), np.random.default_rng(0))
    spaces = Instances.sample(BOARD, RCMesh(2), np.random.default_rng(0), 2).state_spaces(
        program, more=("a0_p", "a1_p")
    )
    # A follower's pole node stands in front of the output resistance, which carries the bias current, 2 pA by 20 ohm.
    np.testing.assert_allclose(spaces.settled[:, 2:] - spaces.settled[:, :2], 4e-11, rtol=1e-3)


def test_one_and_some_of_them():
    chips = Instances.sample(BOARD, Crossbar(2), np.random.default_rng(0), 5)
    np.testing.assert_array_equal(chips[3].errors["drive"], chips.errors["drive"][3])
    assert [chip.digest for chip in chips[1:3]] == [chips[1].digest, chips[2].digest]
    assert chips[np.array([4, 0])][0].digest == chips[4].digest


def test_bad_stacks_are_refused():
    with pytest.raises(DesignError, match="at least 1 chip, got 0"):
        Instances.sample(BOARD, Crossbar(2), np.random.default_rng(0), 0)
    errors = dict(Instances.sample(BOARD, Crossbar(2), np.random.default_rng(0), 2).errors)
    with pytest.raises(DesignError, match="expected deviations"):
        Instances(BOARD, Crossbar(2), {**errors, "drive": np.zeros((3, 2))})
    with pytest.raises(DesignError, match="drive: expected finite"):
        Instances(BOARD, Crossbar(2), {**errors, "drive": np.full((2, 2), np.nan)})


def test_node_without_direct_current_is_refused():
    from thermospice.circuits.state_spaces import stacked_state_spaces

    floating = Network("floating", (Capacitor("c0", "x0", "0", 1e-9), Capacitor("c1", "y", "z", 1e-9)), ("x0",), 300.0)
    with pytest.raises(ValueError, match="expected every node to have a path"):
        stacked_state_spaces(floating, 1)
