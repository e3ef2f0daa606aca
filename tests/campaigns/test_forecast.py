"""What a campaign is said to take before it begins."""

import pytest
from thermospice.campaigns import CampaignForecast, StudyError, campaign_forecast, parse_study, plan, run_campaign
from thermospice.circuits import Design

BOARD = Design.preset("board-1k-1n").to_dict()


def planned(instances, **circuit):
    text = {"name": "s", "instances": instances, "circuit": {"design": BOARD, **circuit}}
    return plan(parse_study(text, "s"), "s")


def test_time_grows_with_the_runs_and_falls_with_the_workers():
    one = campaign_forecast(planned(40, size=32), 1)
    many = campaign_forecast(planned(400, size=32), 4)
    assert many.seconds == pytest.approx(10 / 4 * one.seconds)
    assert many.memory == pytest.approx(4 * one.memory)


def test_a_campaign_of_small_chips_is_said_where_it_is_long():
    assert campaign_forecast(planned(200), 2).text is None
    assert campaign_forecast(planned(10_000), 2).text == "10,000 runs take about 2.5 min and 0 GB of memory"


def test_what_does_not_fit_is_refused_with_the_number():
    found = CampaignForecast(runs=10, seconds=1.0, longest=100.0, memory=4e9)
    found.check(timeout=60.0, free=5e9)
    with pytest.raises(StudyError, match="take about 4 GB of memory together, and 3 GB are free"):
        found.check(timeout=60.0, free=3e9)
    with pytest.raises(StudyError, match=r"a run takes about 1.7 min, and its limit is 20 s"):
        found.check(timeout=20.0, free=None)


def test_a_run_that_cannot_end_in_its_time_is_refused_before_it_begins(tmp_path):
    # Catches a campaign whose every run is stopped after minutes, where one look would have told.
    circuit = {"design": BOARD, "size": 128, "analyses": ["noise"]}
    study = parse_study({"name": "s", "timeout": 10, "circuit": circuit}, "s.yaml")
    with pytest.raises(StudyError, match=r"s.yaml: timeout: a run takes about .*, and its limit is 10 s"):
        run_campaign(study, tmp_path / "out", where="s.yaml")
    assert not (tmp_path / "out").exists()
