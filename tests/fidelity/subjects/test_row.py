"""A row of the fidelity table, whoever makes it."""

import math

import numpy as np
import pytest
from thermospice.behavioral import Comparison
from thermospice.circuits import Crossbar, Design
from thermospice.fidelity.subjects import make_row


@pytest.mark.parametrize("value", [1e-3, 2e-3, 3e-3])
def test_a_comparison_makes_the_row_that_the_table_makes(value):
    # Catches a key, or a verdict at the limit, that one of the two builders has otherwise.
    chip = Design.preset("board-1k-1n").nominal(Crossbar(n=2))
    compared = Comparison(
        analysis="op",
        metric="relative_error",
        value=value,
        metrics={"relative_error": value},
        by_cell=np.zeros(2),
        exceeded=(),
        topology="crossbar",
        level="ideal",
        size=2,
    )
    assert compared.row(2e-3) == make_row(chip, "ideal", "op", "relative_error", value, 2e-3)


def test_what_was_not_computed_fails_without_a_value():
    chip = Design.preset("board-1k-1n").nominal(Crossbar(n=2))
    row = make_row(chip, "ideal", "op", "relative_error", math.nan, 2e-3)
    assert row["passed"] is False
    assert "value" not in row
