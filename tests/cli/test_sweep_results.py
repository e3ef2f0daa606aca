"""What is made of the runs of a study: statistics, one labelled file, and a store that knows a damaged run."""

import json
import math

import numpy as np
import pytest
import yaml
from scipy import stats
from thermospice.cli._errors import InputError
from thermospice.cli._sweep import _statistics
from thermospice.cli._sweep._store import Store
from thermospice.cli._sweep._study import Limit, load_study
from thermospice.cli._sweep._table import dataset
from thermospice.cli._sweep._tasks import SCHEMA, plan

from .stores import execute, kept


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


RECORD = {"key": "ab" * 32, "status": "done", "metrics": {"m": 0.1, "bad": float("nan")}, "arrays": {"v": [1.0]}}


def test_a_damaged_row_is_no_run(tmp_path):
    key = RECORD["key"]
    with Store.opened(tmp_path) as store:
        store.put(RECORD)
        assert store.get(key)["metrics"] == {"m": 0.1}
        text = json.dumps(kept(tmp_path)[key])
        for broken in (
            "",
            text[:40],
            "[]",
            "[" * 100_000,
            text.replace(f'"schema": {SCHEMA}', '"schema": -1'),
            text.replace("0.1", '"x"'),
            b"\xff",
            1.5,
        ):
            execute(tmp_path, "UPDATE runs SET record = ?", (broken,))
            assert store.get(key) is None
        store.put(RECORD)
        assert store.get(key) == json.loads(text)


def test_a_run_is_there_for_others_as_soon_as_it_is_put(tmp_path):
    with Store.opened(tmp_path) as store:
        store.put(RECORD)
        assert list(kept(tmp_path)) == [RECORD["key"]]
    with Store.opened(tmp_path) as store:
        assert store.get(RECORD["key"])["status"] == "done"


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (b"not a database, but as long as the header of one would be" * 9, "move the file away"),
        ("CREATE TABLE other (x)", "something else"),
        # a query that never ends, under the name of the table
        (
            "CREATE VIEW runs AS WITH RECURSIVE c(key) AS (SELECT 1 UNION ALL SELECT key + 1 FROM c) "
            "SELECT key, key AS record FROM c",
            "something else",
        ),
    ],
)
def test_a_file_that_is_no_store_is_refused(tmp_path, layout, words):
    if isinstance(layout, bytes):
        (tmp_path / "runs.sqlite").write_bytes(layout)
    else:
        execute(tmp_path, layout)
    with pytest.raises(InputError, match=words), Store.opened(tmp_path):
        pass


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
