"""A chip in ngspice answers as a device that linear algebra runs on."""

import numpy as np
import pytest
from thermospice.behavioral.linear_algebra import Budget, LinearDevice, LoadedDevice, inverse, solve
from thermospice.circuits import (
    Cascade,
    Crossbar,
    Design,
    DifferentialRCMesh,
    Program,
    RCMesh,
    RLCGrid,
    choose_scaling,
    random_program,
)
from thermospice.circuits.topologies import load
from thermospice.netlists import NetlistError, SpiceDevice

BOARD = Design.preset("board-1k-1n")
PROGRAM = Program([[1.0, -0.3], [-0.3, 0.6]], [0.5, -0.2])


@pytest.fixture(scope="module")
def device():
    return SpiceDevice(BOARD.nominal(Crossbar(2)))


def test_is_a_device(device):
    assert isinstance(device, LinearDevice)
    assert isinstance(device.load(PROGRAM), LoadedDevice)


def test_solves(device):
    # So large a drive that it is loaded at a quarter.
    b = 8 * PROGRAM.b
    assert choose_scaling(device.instance, Program(PROGRAM.A, b)).drive < 1
    answer = solve(device, PROGRAM.A, b, np.random.default_rng(0), Budget(2.0, 2))
    # Finite gain: noise gain 3 over 4.5e5, times the condition of 3; thermal noise is microvolts.
    np.testing.assert_allclose(answer.value, 8 * PROGRAM.solution, rtol=1e-4)
    assert 0 < answer.standard_error.max() < 1e-3
    assert answer.energy > answer.time * 3 * BOARD.amplifier.supply_current * 9.8


def test_inverts_within_its_error_bar(device):
    answer = inverse(device, PROGRAM.A, np.random.default_rng(2), Budget(6.0, 6))
    exact = np.linalg.inv(PROGRAM.A)
    # Student's t of 5 degrees of freedom exceeds 8 once in 2000.
    assert np.abs((answer.value - exact) / answer.standard_error).max() < 8
    # Relative error of a variance sqrt(2/(2 * 6 * 6)) = 17 %: far from no answer at all.
    assert np.abs(answer.value - exact).max() < 0.7 * exact.max()


def test_same_source_same_answer_and_times_are_even(device):
    loaded = device.load(PROGRAM)
    times = 1e-6 * np.arange(1, 4)
    first, again = (loaded.record(times, 2, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (2, 3, 2)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 0
    with pytest.raises(NetlistError, match="evenly spaced"):
        loaded.record(np.array([1e-6, 2e-6, 4e-6]), 1, np.random.default_rng(3))


GRID = Design.preset("rlc-board-8")


@pytest.mark.parametrize(
    ("design", "topology"),
    [
        (BOARD, Crossbar(3)),
        (BOARD, Cascade(3, 2)),
        (BOARD, RCMesh(3)),
        (BOARD, DifferentialRCMesh(3)),
        (GRID, RLCGrid(3)),
    ],
    ids=lambda x: x.name,
)
def test_rounded_programs_are_loaded_as_rounded(design, topology):
    coarse = design.model_copy(update={"programming": design.programming.model_copy(update={"bits": 4})})
    chip, level = coarse.nominal(topology), "macro" if design.amplifier else "ideal"
    program = random_program(topology, np.random.default_rng(0))
    loaded = SpiceDevice(chip, level).load(program, rounding=np.random.default_rng(1))
    g = choose_scaling(chip, program, level).conductance
    expected = load(coarse.programming, topology, program, g, np.random.default_rng(1)).weights
    found = load(loaded.device.instance.design.programming, topology, loaded.program, g).weights
    assert set(found) == set(expected)
    for name, values in expected.items():
        array = np.asarray(values)
        # A mesh reads the lower triangle of its couplings; the grid's step is 1/15 of the largest.
        part, other = (np.tril(array), np.tril(found[name])) if name == "coupling" else (array, np.asarray(found[name]))
        np.testing.assert_allclose(other, part, atol=1e-12)
