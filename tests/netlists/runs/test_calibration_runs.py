"""A chip measured for its calibration."""

from functools import partial

import numpy as np
import pytest
from thermospice.circuits import Crossbar, Design, state_space
from thermospice.measurements import MOST_VALUES, PROGRAMS_PER_CELL, read_measurement
from thermospice.netlists import measure_for_calibration

MODULE = "thermospice.netlists.runs._calibration_runs"


@pytest.fixture
def chip():
    return Design.preset("board-1k-1n").sample(Crossbar(2), np.random.default_rng(0))


def test_of_many_cells_some_programs_are_watched_and_the_others_read_settled(chip, monkeypatch):
    # Catches a program that is measured twice or not at all, and readings that are stated too well.
    monkeypatch.setattr(f"{MODULE}.transients_of", lambda *_: 1)
    monkeypatch.setattr(f"{MODULE}.check_kinds", lambda *_: ("tran", "op", "noise"))
    monkeypatch.setattr(f"{MODULE}.spectrum_grid", lambda *_: ((1e4, 1e7), 2))
    data = measure_for_calibration(chip, "macro", 4, 0)
    assert [m.attrs["analysis"] for m in data] == ["tran", *["op"] * 3, "noise"]
    measured = [read_measurement(m) for m in data]
    programs = {m.program.b.tobytes() for m in measured[:4]}
    assert len(programs) == 4
    watched, settled = measured[0], measured[1:4]
    reads = PROGRAMS_PER_CELL * MOST_VALUES // 4
    for m in settled:
        assert m.readout_sigma == pytest.approx(watched.readout_sigma / np.sqrt(reads))
        right = state_space(chip.network(m.program, "macro", m.scaling)).settled
        # Four standard deviations, and the simulator's own error.
        np.testing.assert_allclose(m.values["v"].ravel(), right, atol=4 * m.readout_sigma + 1e-6)
    assert "covariance" not in data[4]
    assert data[4].sizes["frequency"] == 7


def test_what_is_asked_for_is_measured_of_every_program(chip, monkeypatch):
    monkeypatch.setattr(f"{MODULE}.transients_of", lambda *_: 1)
    measure = partial(measure_for_calibration, chip, "macro", 3, 0)
    for kinds in (["op"], ["tran"]):
        assert [m.attrs["analysis"] for m in measure(kinds)] == kinds * 3
