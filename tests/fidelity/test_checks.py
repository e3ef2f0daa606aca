"""Which comparisons are made of which chip."""

import pytest
from thermospice.fidelity import CHECKS, cases


def made_of(level, size, **options):
    """The checks of the first case of a level and size, by their places in the table."""
    (case,) = cases(("crossbar",), (level,), (size,), None, 0, **options)
    return {k for k, check in enumerate(CHECKS) if check.when(case)}


def test_no_check_is_made_of_nothing():
    # Catches a row of the table whose condition no chip fulfils: its comparison would be made nowhere, unseen.
    everything = (
        cases(sizes=(1, 2, 16), depth="full") + cases(sizes=(2, 16)) + cases(sizes=(8,), levels=("transistor",))
    )
    unmade = [check.rows.__name__ for check in CHECKS if not any(check.when(case) for case in everything)]
    # A calibrated device's own verdict needs such a device, and an amplifier of one's own its file.
    assert unmade == ["verdict_row", "own_rows"]


@pytest.mark.parametrize("level", ["ideal", "macro"])
def test_a_deeper_look_leaves_nothing_out(level):
    quick, usual, full = (made_of(level, 2, depth=depth) for depth in ("quick", "usual", "full"))
    assert quick < usual
    assert len(usual) <= len(full)
    # Only how many faults are planted is another row.
    assert len(usual - full) <= 1


def test_of_many_cells_only_what_costs_seconds_is_compared():
    assert len(made_of("ideal", 16)) < len(made_of("ideal", 8)) / 2
