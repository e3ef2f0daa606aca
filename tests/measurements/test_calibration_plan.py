"""What a chip is measured by before it is calibrated."""

from itertools import pairwise

import pytest
from thermospice.circuits import Cascade, Crossbar, Design, RLCGrid
from thermospice.measurements import (
    MOST_VALUES,
    PROGRAMS_PER_CELL,
    check_kinds,
    check_programs,
    settled_readings,
    spectrum_grid,
    transients_of,
)


@pytest.mark.parametrize("n", [1, 2, 8, 16])
def test_of_few_cells_every_program_is_watched_while_it_settles(board, n):
    chip = board.nominal(Crossbar(n))
    assert check_programs(None, Crossbar(n)) == 3 * n
    assert transients_of(chip, "macro") is None
    assert spectrum_grid(chip, "macro") is None
    assert check_kinds(None, chip, "macro") == ("tran", "noise")


def test_programs_grow_with_the_cells_and_waveforms_do_not(board):
    # Catches a plan that falls where chips grow, and one whose readings grow less than before.
    sizes = (16, 17, 20, 24, 32, 64, 128, 300)
    programs = [check_programs(None, Crossbar(n)) for n in sizes]
    assert all(few <= many for few, many in pairwise(programs))
    for n, count in zip(sizes[1:], programs[1:], strict=True):
        assert 2 * n <= count <= 3 * n
        watched = transients_of(board.nominal(Crossbar(n)), "macro")
        assert 8 <= watched < count
        # As many readings in all, of the settled voltages at least, as three programs for each cell had.
        assert count * (settled_readings(count) + 1) > PROGRAMS_PER_CELL * MOST_VALUES
        assert check_kinds(None, board.nominal(Crossbar(n)), "macro") == ("tran", "op", "noise")


def test_what_does_not_show_when_settled_is_watched(board):
    # A grid settles at zero, and the arrays of a cascade are told apart by their responses.
    grid = Design.preset("rlc-board-8")
    assert transients_of(board.nominal(Cascade(32)), "macro") is None
    assert transients_of(grid.nominal(RLCGrid(64)), "ideal") is None
    assert transients_of(board.nominal(Crossbar(32)), "transistor") is None


def test_what_is_asked_for_is_measured_of_every_program(board):
    chip = board.nominal(Crossbar(64))
    assert check_programs(5, Crossbar(64)) == 5
    assert check_kinds(["tran"], chip, "macro") == ("tran",)
