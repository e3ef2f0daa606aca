"""What the fidelity table is said to take before it begins."""

from thermospice import fidelity
from thermospice.cli.forecasts import fidelity_forecast
from thermospice.files.forecasts import Forecast


def test_chips_of_a_table_are_added_up(monkeypatch):
    # Catches chips of which nothing is said, and one that counts for another.
    monkeypatch.setattr("thermospice.cli.forecasts._fidelity.forecast", lambda network, analysis: Forecast(40.0, 5e8))
    small, large = (fidelity.cases(["rc-mesh"], ["ideal"], [size]) for size in (8, 40))
    assert fidelity_forecast(small) == Forecast(0.0)
    assert fidelity_forecast(large) == Forecast(80.0, 5e8)
