"""Pictures of a study drawn again from its table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from thermospice.reports.figures import LIGHT
from thermospice.reports.results import Folder
from thermospice.reports.study_figures import redrawn

SUMMARY = {
    "units": {"relative_error": "1"},
    "parameter_units": {"corner": "1"},
    "limits": [{"metric": "relative_error", "at_most": 0.03, "passed": 1, "of": 3}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    rows = [("slow", "done", "0.01"), ("fast", "done", "0.05"), ("fast", "failed", "")]
    with (tmp_path / "table.csv").open("w") as file:
        csv.writer(file).writerows([("corner", "status", "relative_error"), *rows])
    return Folder(tmp_path)


def drawn(folder: Folder, name: str) -> Axes:
    with LIGHT.active():
        return redrawn(folder, name, SUMMARY)().axes[0]


def test_runs_stand_where_the_table_has_them(folder):
    axes = drawn(folder, "relative_error-against-corner")
    kept, beyond, limit, lost = axes.lines
    np.testing.assert_allclose(kept.get_xydata(), [[0, 1.0]])  # percent
    np.testing.assert_allclose(beyond.get_xydata(), [[1, 5.0]])
    assert limit.get_ydata()[0] == pytest.approx(3.0)
    # Catches a failed run that nobody misses.
    assert lost.get_label() == "1 run without a number, and without a place here"


def test_a_histogram_counts_the_runs_that_have_the_number(folder):
    axes = drawn(folder, "histogram-relative_error")
    assert sum(patch.get_height() for patch in axes.patches) == 2


@pytest.mark.parametrize("name", ["relative_error-against-size", "bandwidth-against-corner", "relative_error-map"])
def test_what_the_table_does_not_tell_stays_a_picture(folder, name):
    assert redrawn(folder, name, SUMMARY) is None
