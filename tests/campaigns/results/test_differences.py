"""Settings of a training compared seed by seed."""

import numpy as np
import pytest
import scipy
from thermospice.campaigns import parse_study, plan
from thermospice.campaigns.results import paired_differences

SEEDS = 4


def made(parameters, losses):
    """A study with `losses[point][seed]` as its training losses, and what it compares."""
    training = {"task": "regression", "steps": 3, "solver": "ideal-spu"}
    fields = {"name": "d", "kind": "training", "training": training, "instances": SEEDS}
    study = parse_study({**fields, "parameters": parameters}, "s.yaml")
    what = plan(study, "s.yaml")
    records = [
        None
        if losses[run.point][run.chip] is None
        else {"status": "done", "metrics": {"train_loss": losses[run.point][run.chip]}}
        for run in what.runs
    ]
    return paired_differences(study, what, records)


def test_what_all_seeds_have_in_common_drops_out():
    """Catches intervals of independent samples: the seeds scatter by ten times the difference."""
    common = np.array([1.0, 2.0, 3.0, 4.0])
    step = np.array([0.1, 0.12, 0.08, 0.11])
    (row,) = made({"training.t": [5, 10]}, [common, common + step])
    reference = scipy.stats.ttest_rel(common + step, common).confidence_interval(0.95)
    assert (row["value"], row["against"], row["seeds"], row["differs"]) == (10, 5, SEEDS, True)
    assert row["mean"] == pytest.approx(step.mean(), rel=1e-12)
    assert (row["mean_low"], row["mean_high"]) == pytest.approx((reference.low, reference.high), rel=1e-9)


def test_numbers_are_compared_with_the_one_before_and_names_with_the_first_too():
    flat = [[1.0, 1.1, 1.2, 1.3]] * 3
    rows = made({"training.t": [5, 10, 20]}, flat)
    assert [(row["against"], row["value"]) for row in rows] == [(5, 10), (10, 20)]
    rows = made({"training.start": ["warm", "gradient", "zero"]}, flat)
    pairs = [(row["against"], row["value"]) for row in rows]
    assert pairs == [("warm", "gradient"), ("warm", "zero"), ("gradient", "zero")]
    assert not any(row["differs"] for row in rows)


def test_other_parameters_stay_and_missing_seeds_are_left_out():
    losses = [[1.0, 2.0, 3.0, 4.0], [None, 2.5, 3.4, 4.6], [0.0] * 4, [None, None, None, 1.0]]
    rows = made({"training.t": [5, 10], "training.delay": [0, 1]}, losses)
    here = [(row["parameter"], row["others"], row["seeds"]) for row in rows]
    assert here == [
        ("training.t", {"training.delay": 0}, 4),
        ("training.delay", {"training.t": 5}, 3),
    ]
