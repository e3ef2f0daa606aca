"""What a campaign is said to take before it begins."""

import pytest
from thermospice.campaigns import (
    Execution,
    StudyError,
    campaign_forecast,
    parse_study,
    plan,
    run_campaign,
    to_plain,
)
from thermospice.circuits import Design
from thermospice.files.forecasts import Forecast

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
    assert campaign_forecast(planned(200), 2).text() is None
    assert campaign_forecast(planned(10_000), 2).text("they take") == "they take about 2.5 min"


def test_workers_that_do_not_fit_together_are_refused_with_the_number(tmp_path, monkeypatch):
    monkeypatch.setattr("thermospice.campaigns._campaign.free_memory", lambda: 3e8)
    study = parse_study({"name": "s", "instances": 4, "circuit": {"design": BOARD, "size": 32}}, "s.yaml")
    with pytest.raises(StudyError, match=r"s.yaml: the workers together take about .* GB of memory, and 0.3 GB"):
        run_campaign(study, tmp_path / "out", Execution(workers=2), where="s.yaml")


def test_a_run_that_cannot_end_in_its_time_is_refused_before_it_begins(tmp_path):
    # Catches a campaign whose every run is stopped after minutes, where one look would have told.
    circuit = {"design": BOARD, "size": 128, "analyses": ["noise"]}
    study = parse_study({"name": "s", "timeout": 10, "circuit": circuit}, "s.yaml")
    with pytest.raises(StudyError, match=r"s.yaml: timeout: a run takes about .*, and its limit is 10 s"):
        run_campaign(study, tmp_path / "out", where="s.yaml")
    assert not (tmp_path / "out").exists()


def trainings(**parameters):
    text = {"name": "s", "kind": "training", "instances": 4, "training": {"task": "regression", "solver": "woodbury"}}
    return parse_study({**text, "parameters": {f"training.{k}": {"values": v} for k, v in parameters.items()}}, "s")


@pytest.fixture
def begun(monkeypatch):
    """Every run of a batch takes a tenth of a second for each of its samples, and a megabyte."""
    asked = []

    def cost(experiment, task=None):
        asked.append(experiment)
        return Forecast(0.1 * experiment.batch_size, 1e6)

    monkeypatch.setattr("thermospice.training.runs._forecast.run_forecast", cost)
    return asked


def test_trainings_are_forecast_by_one_of_each_kind(begun):
    study = trainings(damping=[0.1, 0.2, 0.3], batch_size=[10, 30])
    found = campaign_forecast(plan(study, "s"), 2)
    assert found.seconds == pytest.approx((12 * 1.0 + 12 * 3.0) / 2)
    assert found.longest == pytest.approx(3.0)
    assert found.memory == pytest.approx(2e6)
    assert [one.batch_size for one in begun] == [10, 30]


def test_many_kinds_are_not_all_begun(begun):
    # Catches a forecast that takes as long as the study.
    found = campaign_forecast(plan(trainings(batch_size=list(range(10, 30))), "s"), 1)
    assert len(begun) == 16
    assert found.seconds == pytest.approx(4 * 0.1 * (sum(range(10, 25)) + 5 * 25))


def test_a_training_that_cannot_end_in_its_time_is_refused_where_somebody_listens(begun, tmp_path):
    study = parse_study({**to_plain(trainings(batch_size=[10])), "timeout": 0.1}, "s")
    with pytest.raises(StudyError, match=r"s: timeout: a run takes about 1 s, and its limit is 0.1 s"):
        run_campaign(study, tmp_path / "out", where="s", tell=print)


def test_a_campaign_of_a_circuit_of_one_s_own_is_said_too(tmp_path):
    text = "* low pass\nV1 in 0 1\nR1 in out 1k\nC1 out 0 1n\n.end\n"
    netlist = {"text": text, "outputs": ["out"], "tolerances": {"R*": 0.01}, "analyses": ["op", "ac"]}
    one, many = (
        campaign_forecast(
            plan(parse_study({"name": "s", "kind": "netlist", "instances": n, "netlist": netlist}, "s"), "s"), 1
        )
        for n in (1, 1000)
    )
    assert many.seconds == pytest.approx(1000 * one.seconds)
    assert one.text() is None
    assert many.text() is not None
