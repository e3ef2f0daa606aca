"""Chips fitted at once: of each what is found when it is fitted by itself, and none is spoken for that differs."""

import numpy as np
import pytest
from thermospice.circuits import (
    Crossbar,
    Design,
    DesignError,
    Program,
    ProgramError,
    Scaling,
    choose_scaling,
    random_program,
)
from thermospice.circuits.chips import Instances
from thermospice.circuits.loaded_chips import fitted_together, loaded_chip
from thermospice.circuits.topologies import make_topology

BOARD, CHIP = Design.preset("board-1k-1n"), Design.preset("cmos-100k-10p")


def drawn(design, topology, count=6):
    return [design.sample(topology, np.random.default_rng(seed), seed) for seed in range(count)]


@pytest.mark.parametrize("level", ["macro", "ideal"])
@pytest.mark.parametrize("design", [BOARD, CHIP], ids=["board", "cmos"])
@pytest.mark.parametrize("kind", ["crossbar", "cascade", "rc-mesh", "differential-rc-mesh", "rlc-grid"])
def test_each_chip_is_scaled_and_settles_as_by_itself(kind, design, level):
    """Catches a stack that mixes chips up, leaves an amplifier's limit out, or forgets the drive."""
    topology = make_topology(kind, 3)
    design = Design.preset("rlc-board-8") if kind == "rlc-grid" else design
    program = random_program(topology, np.random.default_rng(1))
    chips = drawn(design, topology)
    try:
        expected = [choose_scaling(chip, program, level) for chip in chips]
    except DesignError:
        pytest.skip("a design without amplifiers")
    found = fitted_together(Instances.of(chips), program, level)
    assert [one.scaling for one in found] == expected
    for chip, one in zip(chips, found, strict=True):
        alone = loaded_chip(chip, program, level, one.scaling)
        # Two orders of sums: some thousand roundings, through the condition of a circuit with gains of 1e5.
        np.testing.assert_allclose(one.space.settled, alone.watched.settled, rtol=1e-9, atol=1e-12)


def test_a_chip_that_its_offsets_or_its_eigenvalues_set_apart_is_left_to_be_asked_by_itself():
    """Catches an unstable chip that goes through with the others; asked by itself it is refused."""
    nearly = Program(np.array([[1.0, 0.999], [0.999, 1.0]]), np.array([0.1, 0.2]))
    design = BOARD.model_copy(update={"mismatch": BOARD.mismatch.model_copy(update={"resistor_sigma": 0.02})})
    chips = drawn(design, Crossbar(2), 12)
    found = fitted_together(Instances.of(chips), nearly)
    refused = 0
    for chip, one in zip(chips, found, strict=True):
        if one is None:
            refused += 1
            with pytest.raises(ProgramError):
                choose_scaling(chip, nearly)
        else:
            assert one.scaling == choose_scaling(chip, nearly)
    assert 0 < refused < len(chips)


def test_a_drive_that_is_given_is_taken():
    program = random_program(Crossbar(2), np.random.default_rng(0))
    chips = drawn(BOARD, Crossbar(2), 2)
    (one, _) = fitted_together(Instances.of(chips), program, "macro", 0.3)
    assert one.scaling == Scaling(choose_scaling(chips[0], program).conductance, 0.3)
