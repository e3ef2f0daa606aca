"""The figure of a fidelity table: every row in it, failed ones to be seen."""

import pytest
from thermospice.reports import figures
from thermospice.reports._theme import LIGHT


@pytest.fixture(autouse=True)
def light():
    with LIGHT.active():
        yield


def _row(value, limit=1e-3, **changes):
    row = {"topology": "crossbar", "level": "macro", "analysis": "tran", "limit": limit, "passed": value <= limit}
    return {**row, "value": value} | changes


def _points(figure):
    (axes,) = figure.axes
    return {
        marker: [float(x) for line in axes.lines if line.get_marker() == marker for x in line.get_xdata()]
        for marker in ("o", "x")
    }


def test_every_row_is_drawn_as_a_part_of_its_limit():
    rows = [_row(1e-4), _row(5e-4, analysis="ac"), _row(2e-3, level="ideal"), _row(0.0, analysis="symbolic", limit=0.0)]
    found = _points(figures.checks(rows))
    assert sorted(found["o"]) == [1e-9, 0.1, 0.5]
    assert found["x"] == [2.0]


def test_a_row_without_a_value_is_among_the_failed():
    row = _row(1.0)
    del row["value"]
    found = _points(figures.checks([_row(1e-4), row]))
    assert found["x"][0] > 1
    (axes,) = figures.checks([_row(1e-4), row]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["crossbar, macro"]
