"""What the fidelity table is said to take before it begins."""

import pytest
from thermospice import fidelity
from thermospice.cli.forecasts import fidelity_forecast
from thermospice.files.forecasts import Forecast


def test_chips_of_a_table_are_added_up(monkeypatch):
    # Catches chips of which nothing is said, and one that counts for another.
    monkeypatch.setattr("thermospice.cli.forecasts._fidelity.forecast", lambda network, analysis: Forecast(40.0, 5e8))
    small, large = (fidelity.cases(["rc-mesh"], ["ideal"], [size]) for size in (8, 40))
    assert fidelity_forecast(small).text() is None
    found = fidelity_forecast(large)
    assert found.seconds == pytest.approx(80.0, rel=0.01)
    assert found.memory == 5e8


def test_the_whole_table_is_long_and_a_quick_one_is_not():
    # Measured, in seconds of a processor: 66 for the usual table, twice that for the full one.
    usual, full, quick = (fidelity_forecast(fidelity.cases(depth=depth)) for depth in ("usual", "full", "quick"))
    assert 66 / 2 < usual.seconds < 66 * 2
    assert 132 / 2 < full.seconds < 132 * 2
    assert quick.text() is None
