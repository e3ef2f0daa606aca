"""The ranking of a study: a known order, and what runs without a number do to it."""

import numpy as np
import pytest
from thermospice.campaigns import parse_study, plan
from thermospice.campaigns.sensitivity import ranking
from thermospice.circuits import Design
from thermospice.files import plain

PARAMETERS = {
    "design.temperature": {"low": 250, "high": 350},
    "design.programming.bits": {"low": 6, "high": 12},
    "program.condition": {"low": 1, "high": 100, "scale": "log"},
}


DESIGN = Design.preset("board-1k-1n").to_dict()


@pytest.fixture(scope="module")
def planned():
    plans = {}

    def make(instances=6, **sensitivity):
        asked = {"metric": "relative_error", "samples": 32, "resamples": 100, **sensitivity}
        found = parse_study(
            {
                "name": "s",
                "circuit": {"design": DESIGN, "size": 2},
                "parameters": PARAMETERS,
                "sensitivity": asked,
                "instances": instances,
                "limits": [{"metric": "relative_error", "at_most": 2.5}],
            },
            "s.yaml",
        )
        # What is asked of the runs does not change them.
        where = (instances, asked["samples"], str(asked.get("methods")), asked.get("levels"))
        if where not in plans:
            plans[where] = plan(found, "s.yaml")
        return found, plans[where]

    return make


def value(run):
    """Linear in two of the parameters, with 4 : 1 of the variance, and without the third; chips differ by a factor."""
    x = (run.values["design.temperature"] - 250) / 100
    z = np.log(run.values["program.condition"]) / np.log(100)
    return float((1 + 2 * x + z) * (1 + 0.1 * run.chip))


def records(what, number=value, failing=lambda run: False):
    lost = {"status": "failed", "metrics": {}, "reason": "no"}
    return [lost if failing(r) else {"status": "done", "metrics": {"relative_error": number(r)}} for r in what.runs]


def by_name(found):
    return {row["parameter"]: row for row in found["ranking"]}


def test_a_linear_metric_is_divided_as_its_coefficients_say(planned):
    study, what = planned()
    found = ranking(study, what, records(what))
    rows = by_name(found)
    assert [row["parameter"] for row in found["ranking"]] == [
        "design.temperature",
        "program.condition",
        "design.programming.bits",
    ]
    chips = np.mean([1 + 0.1 * chip for chip in what.chips])
    # Alone: through the range the metric moves by its coefficient, of the mean chip, to rounding.
    assert rows["design.temperature"]["moves"] == pytest.approx(2 * chips)
    assert rows["program.condition"]["moves"] == pytest.approx(1 * chips)
    assert rows["design.programming.bits"]["moves"] == 0
    assert rows["design.temperature"]["moves_low"] < 2 * chips < rows["design.temperature"]["moves_high"]
    # Together: 4/5 and 1/5. Of 32 rows, each index is a mean square over a variance: relative error sqrt(2 * 1.4/32)
    # if they were independent, where a square of a uniform difference has 1.4 times its mean as spread; twice that.
    assert rows["design.temperature"]["total"] == pytest.approx(0.8, abs=0.8 * 0.6)
    assert rows["program.condition"]["total"] == pytest.approx(0.2, abs=0.2 * 0.6)
    assert rows["design.programming.bits"]["total"] == 0
    assert rows["design.temperature"]["total_low"] < 0.8 < rows["design.temperature"]["total_high"]


def test_whole_numbers_stay_whole(planned):
    # Catches bits of 7.3, which no design has: every point would be refused.
    _, what = planned()
    assert {point["design.programming.bits"] for point in what.points} == {None, *range(6, 13)}


def test_the_settings_of_the_study_are_what_one_at_a_time_starts_from(planned):
    study, what = planned(methods=["one-at-a-time"], levels=2)
    own = {"design.temperature": 300.15, "design.programming.bits": None, "program.condition": 10.0}
    assert what.points[0] == own
    assert [point for point in what.points if point["design.temperature"] != 300.15] == [
        {**own, "design.temperature": 250.0},
        {**own, "design.temperature": 350.0},
    ]
    assert len(what.points) == 1 + 2 * 3
    assert not any("total" in row for row in ranking(study, what, records(what))["ranking"])


def test_a_few_rows_that_failed_are_left_out_and_counted(planned):
    study, what = planned()
    whole = by_name(ranking(study, what, records(what)))
    last = len(what.points) - 1
    found = ranking(study, what, records(what, failing=lambda run: run.point == last and run.chip == 2))
    assert (found["rows"], found["rows_left_out"]) == (32, 1)
    # One row of 32 carries at most a tenth of an index: the largest square is three times their mean.
    assert by_name(found)["design.temperature"]["total"] == pytest.approx(
        whole["design.temperature"]["total"], rel=0.15
    )


def test_many_runs_that_failed_leave_no_number_that_tells_of_survivors_alone(planned):
    # Catches an index of the cold half alone, where nothing fails and the temperature matters half as much.
    study, what = planned()
    failing = lambda run: run.values["design.temperature"] > 325  # noqa: E731
    found = ranking(study, what, records(what, failing=failing))
    assert "failed_as" in found["reason"]
    assert not any("total" in row for row in found["ranking"])
    rows = by_name(found)
    assert "moves" not in rows["design.temperature"]
    assert "350" in rows["design.temperature"]["reason"]
    assert rows["program.condition"]["moves"] > 0


def test_a_value_of_nothing_is_written_as_null():
    # Catches a level without a value, and a parameter that is lowest nowhere.
    study = parse_study(
        {
            "name": "n",
            "kind": "training",
            "training": {"task": "regression", "optimizer": "adam", "steps": 2},
            "parameters": {"beta1": [None, 0.5]},
            "sensitivity": {"metric": "train_loss", "methods": ["one-at-a-time"]},
        },
        "s.yaml",
    )
    what = plan(study, "s.yaml")
    losses = [1.0 if run.values["beta1"] is None else 2.0 for run in what.runs]
    found = ranking(study, what, [{"status": "done", "metrics": {"train_loss": loss}} for loss in losses])
    row = plain(found)["ranking"][0]
    assert row["lowest_at"] is None
    assert {"value": None, "metric": 1.0} in row["levels"]


def test_a_number_for_runs_that_failed_makes_them_count(planned):
    study, what = planned(failed_as=50)
    found = ranking(study, what, records(what, failing=lambda run: run.values["design.temperature"] > 325))
    assert found["rows_left_out"] == 0
    rows = by_name(found)
    assert rows["design.temperature"]["highest_at"] == 350
    assert rows["design.temperature"]["total"] > 0.9


def test_a_yield_counts_a_failed_run_as_one_that_keeps_nothing(planned):
    study, what = planned(metric="yield")
    found = ranking(study, what, records(what, failing=lambda run: run.values["design.temperature"] > 325))
    row = by_name(found)["design.temperature"]
    assert row["lowest_at"] == 350
    assert [level["metric"] for level in row["levels"]][-1] == 0


def test_a_metric_that_nothing_moves_is_told(planned):
    study, what = planned(metric="yield")
    found = ranking(study, what, records(what, number=lambda run: 1.0))
    assert "no parameter moves it" in found["reason"]
    assert {row["moves"] for row in found["ranking"]} == {0}


def test_one_chip_has_no_interval_of_what_a_parameter_moves(planned):
    study, what = planned(instances=1)
    row = by_name(ranking(study, what, records(what)))["design.temperature"]
    assert "moves_low" not in row
    assert "total_low" in row
