"""What is made of the runs of a study: statistics, and one labelled file."""

import math

import numpy as np
import pytest
import yaml
from scipy import stats
from thermospice.campaigns import load_study, plan
from thermospice.campaigns.results import _statistics as _statistics
from thermospice.campaigns.results import dataset
from thermospice.campaigns.studies import Limit


def test_wilson_interval_is_the_published_formula():
    k, n, z = 7, 24, stats.norm.ppf(0.975)
    p = k / n
    centre, reach = (p + z**2 / (2 * n)), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = np.array([centre - reach, centre + reach]) / (1 + z**2 / n)
    np.testing.assert_allclose(_statistics.wilson_interval(k, n), expected, rtol=1e-12)
    assert _statistics.wilson_interval(0, 0) == (0.0, 1.0)
    assert _statistics.wilson_interval(0, 9)[0] == 0.0
    assert _statistics.wilson_interval(9, 9)[1] == 1.0


def test_mean_interval_is_students():
    values = [1.0, 2.0, 4.0, 8.0]
    reach = stats.t.ppf(0.975, 3) * np.std(values, ddof=1) / 2
    np.testing.assert_allclose(_statistics.mean_interval(values), (3.75 - reach, 3.75 + reach), rtol=1e-12)
    assert _statistics.mean_interval([1.0]) is None


@pytest.mark.parametrize("bound", [{"at_most": 0.1}, {"at_least": -1.0}, {"at_least": 0.0, "at_most": 0.1}])
def test_what_is_not_a_number_keeps_no_limit(bound):
    limit = Limit(metric="relative_error", **bound)
    assert limit.keeps(0.05)
    assert not limit.keeps(float("nan"))
    assert not limit.keeps(None)
    good = {"status": "done", "metrics": {"relative_error": 0.05}}
    bad = [{"status": "failed", "metrics": {"relative_error": 0.05}}, {"status": "done", "metrics": {}}]
    found = _statistics.of_limit(limit, [good, *bad])
    assert (found["passed"], found["of"]) == (1, 3)


def test_a_limit_with_one_bound_can_fail():
    assert not Limit(metric="m", at_most=1.0).keeps(1.5)
    assert not Limit(metric="m", at_least=1.0).keeps(0.5)


def test_results_are_labelled(tmp_path):
    parameters = {"size": [2, 3], "design.temperature": [250, 300, 350], "design.programming.bits": [4, None]}
    content = {
        "name": "small",
        "circuit": {"design": "board-1k-1n", "size": 2},
        "parameters": parameters,
        "instances": 2,
    }
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    study = load_study(tmp_path / "s.yaml")
    what = plan(study, "s.yaml")
    records = [
        {"status": "done", "metrics": {"relative_error": float(run.index)}, "arrays": {"x": [1.0] * run.task["size"]}}
        for run in what.runs
    ]
    records[5] = None
    found = dataset(study, what, records)
    assert found.relative_error.attrs["units"] == "1"
    for run in what.runs:
        bits = run.values["design.programming.bits"]
        place = {**run.values, "instance": run.chip, "design.programming.bits": "none" if bits is None else str(bits)}
        here = found.sel(place)
        assert here.key.item() == run.key
        if run.index == 5:
            assert here.status.item() == "missing"
            assert np.isnan(here.relative_error)
        else:
            assert here.relative_error == run.index
            assert np.isfinite(here.x).sum() == run.values["size"]
