"""The figure of a fidelity table: every row in it, failed ones to be seen."""

import json

import pytest
from thermospice.reports import build_report, figures
from thermospice.reports.figures import LIGHT


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


def test_a_long_table_shows_what_is_closest_to_its_limit_and_all_that_failed(tmp_path):
    rows = [_row(k * 1e-6, metric=f"check {k}", size=4) for k in range(1, 100)]
    rows += [_row(2e-3, metric="too far", size=4), _row(3e-3, metric="farther", size=4)]
    (tmp_path / "fidelity.json").write_text(json.dumps(rows))
    build_report([tmp_path], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "99 of 101 checks passed." in text
    for metric, there in (("check 99 ", True), ("too far", True), ("farther", True), ("check 98 ", False)):
        assert (metric in text) == there, metric
