"""Runs that share chips are not independent: what an interval may count of them."""

from typing import Any

import numpy as np
import pytest
from scipy import stats
from thermospice.campaigns import parse_study, plan
from thermospice.campaigns.results import statistics, worst_runs
from thermospice.circuits import Design

BASE = {"name": "shared", "circuit": {"design": Design.preset("board-1k-1n"), "size": 2, "analyses": ["op"]}}
CORNERS = {"corner": ["slow", "typical", "fast"], "design.temperature": ["250K", "300K", "350K"]}


def study(**fields: Any) -> Any:
    return parse_study({**BASE, "limits": [{"metric": "relative_error", "at_most": 0.05}], **fields}, "study")


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({"parameters": CORNERS, "instances": 3}, 3),
        ({"parameters": CORNERS}, 1),
        ({"instances": 7}, 7),
        ({"parameters": {"program.condition": {"low": 2, "high": 9}}, "method": "monte-carlo", "samples": 8}, 8),
        ({"parameters": {"program.condition": {"low": 2, "high": 9}}, "method": "monte-carlo", "samples": 8,
          "instances": 5}, 5),
    ],
)  # fmt: skip
def test_an_interval_counts_what_is_independent(fields, counted):
    found = study(**fields)
    assert statistics.independent(found, plan(found, "study").runs) == counted


def test_nine_corners_of_three_chips_tell_of_three():
    # Catches an interval that takes 27 runs for 27 chips: it would be sure of 87 % where three chips tell of 44 %.
    found = study(parameters=CORNERS, instances=3)
    runs = plan(found, "study").runs
    good = [{"status": "done", "metrics": {"relative_error": 0.01}, "key": run.key} for run in runs]
    low, high = (statistics.summary(found, runs, good)[name] for name in ("yield_low", "yield_high"))
    published = stats.binomtest(3, 3).proportion_ci(0.95, method="wilson")
    assert (low, high) == (pytest.approx(published.low, rel=1e-12), 1.0)
    assert stats.binomtest(27, 27).proportion_ci(0.95, method="wilson").low > 0.87


@pytest.mark.parametrize("alike", [0.0, 0.7, 1.0])
def test_the_interval_covers_however_alike_the_runs_of_a_chip_are(alike):
    # 2000 studies of 12 chips under 9 conditions, each run kept with probability 0.8; the share of the studies whose
    # interval holds 0.8 scatters by sqrt(0.05 * 0.95 / 2000) = 0.5 %. Wilson's own coverage at 12 of 0.8 is 94 %.
    rng = np.random.default_rng(0)
    chips, conditions, true = 12, 9, 0.8
    own = rng.normal(size=(2000, chips, 1))
    each = rng.normal(size=(2000, chips, conditions))
    kept = np.sqrt(alike) * own + np.sqrt(1 - alike) * each < stats.norm.ppf(true)
    shares = kept.mean(axis=(1, 2))
    covered = [low <= true <= high for low, high in (statistics.wilson_interval(chips * s, chips) for s in shares)]
    assert np.mean(covered) > 0.925
    if alike == 1.0:
        runs = chips * conditions
        naive = [low <= true <= high for low, high in (statistics.wilson_interval(runs * s, runs) for s in shares)]
        assert np.mean(naive) < 0.7  # what counting the runs would come to


@pytest.mark.parametrize("side", ["chip", "point"])
def test_the_mean_of_drawn_points_and_chips_knows_both(side):
    # A table in which one side alone has effects, so that more of the other tells nothing more of the mean.
    found = study(parameters={"program.condition": {"low": 2, "high": 9}}, method="monte-carlo", samples=3, instances=3)
    runs = plan(found, "study").runs
    effect = {0: -1.0, 1: 0.0, 2: 1.0}
    values = [effect[getattr(run, side)] for run in runs]
    records = [{"status": "done", "metrics": {"relative_error": value}, "key": ""} for value in values]
    metric = statistics.summary(found, runs, records)["metrics"]["relative_error"]
    reach = stats.t.ppf(0.975, 2) * 1.0 / np.sqrt(3)  # sd of the three is 1
    assert metric["mean_high"] == pytest.approx(reach, rel=1e-12)


def test_the_worst_runs_are_those_that_failed_then_the_largest():
    found = study(instances=4)
    what = plan(found, "study")
    values = [0.01, 0.09, None, 0.06]
    records: list[Any] = [
        {"status": "failed", "reason": "x", "key": ""} if v is None
        else {"status": "done", "metrics": {"relative_error": v}, "key": ""}
        for v in values
    ]  # fmt: skip
    rows = worst_runs(found, what, records)
    assert [(row["chip"], row.get("value"), row["kept"]) for row in rows] == [
        (2, None, False),
        (1, 0.09, False),
        (3, 0.06, False),
        (0, 0.01, True),
    ]
