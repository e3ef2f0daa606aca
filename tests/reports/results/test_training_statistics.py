"""Means, intervals and verdicts over seeds."""

import numpy as np
import pytest
from thermospice.reports.results import (
    curves,
    interval,
    label,
    loop_courses,
    losses,
    outcomes,
    outcomes_at,
    shortest_time,
    stopped_of,
)


def run(name: str, seed: int, **values: float):
    return {"run": f"{name}-s{seed}", "task": "digits", "seed": seed, **values}


def test_label_is_the_run_without_task_and_seed():
    assert label({"run": "digits-tngd-ideal-spu-s3", "task": "digits", "seed": 3}) == "tngd-ideal-spu"
    assert label({"run": "adam-s10", "task": "digits", "seed": 10}) == "adam"


def test_interval_covers_the_mean_in_95_of_100_cases():
    rng = np.random.default_rng(0)
    found = [interval(rng.normal(size=5)) for _ in range(4000)]
    inside = np.mean([one.low <= 0 <= one.high for one in found])
    # 4000 trials of probability 0.95 scatter by 0.0034; five of these.
    assert inside == pytest.approx(0.95, abs=0.017)


def test_one_seed_has_no_interval():
    one = interval([2.0])
    assert (one.mean, one.low, one.high, one.seeds) == (2.0, 2.0, 2.0, 1)


def test_curves_use_the_steps_that_every_seed_has():
    entries = [
        run("adam", s, step=k, train_loss=float(k + s), modelled_time_s=0.1 * k) for s in (0, 1) for k in (0, 5, 10)
    ]
    (curve,) = curves(entries[:-1], "train_loss")
    np.testing.assert_array_equal(curve.step, [0, 5])
    np.testing.assert_allclose(curve.mean, [0.5, 5.5])
    np.testing.assert_allclose(curve.time, [0.0, 0.5])
    assert (curve.low < curve.mean).all()


def test_time_is_absent_when_nobody_knows_it():
    (curve,) = curves([run("adam", 0, step=k, train_loss=1.0) for k in (0, 1)], "train_loss")
    assert curve.time is None


def test_a_loop_s_course_marks_the_rows_since_which_the_policy_acted():
    # Catches a mark at every row after the first action, since the count that rows hold only rises.
    told = {"damping": 0.1, "lambda_max": 9.0, "growth": -0.25, "loop_margin": 0.5, "damping_slack": 1.0}
    rows = [run("tngd", 0, step=k, policy_acted=acted, **told) for k, acted in ((5, 0.0), (10, 2.0), (15, 2.0))]
    digital = run("adam", 0, step=5, train_loss=1.0)
    (course,) = loop_courses([run("tngd", 0, step=0, train_loss=1.0), digital, *rows])
    np.testing.assert_array_equal(course.step, [5, 10, 15])
    np.testing.assert_array_equal(course.acted, [False, True, False])
    np.testing.assert_allclose(course.limit, 0.25)  # 1/t: what growth and margin come to
    assert loop_courses([digital]) == []


def test_losses_compare_with_the_best_rival_only():
    found = {"tngd": (0.2, 0.99), "adam": (0.1, 0.98), "sgd": (0.5, 0.9)}
    runs = [
        run(name, s, train_loss=loss + 0.001 * s, test_accuracy=accuracy)
        for name, (loss, accuracy) in found.items()
        for s in range(3)
    ]
    (behind,) = losses(runs, lambda name: name == "tngd")
    assert (behind.quantity, behind.ours, behind.rival) == ("train_loss", "tngd", "adam")
    assert behind.clear
    assert losses(runs, lambda name: name == "adam")[0].quantity == "test_accuracy"


def test_loss_within_the_scatter_is_not_clear():
    runs = [run(name, s, train_loss=value) for name, values in (("tngd", (0.1, 0.3, 0.2)), ("adam", (0.1, 0.29, 0.19)))
            for s, value in enumerate(values)]  # fmt: skip
    (behind,) = losses(runs, lambda name: name == "tngd")
    assert not behind.clear


def test_runs_that_stopped_are_not_counted_as_zero():
    runs = [run("adam", 0, test_accuracy=0.9), run("adam", 1)]
    assert outcomes(runs, "test_accuracy")["adam"].seeds == 1
    assert outcomes([run("adam", 1)], "test_accuracy") == {}


def test_at_equal_time_the_line_between_logged_values_counts():
    fast = [run("sgd", s, step=k, train_loss=10.0 - k + s, modelled_time_s=0.1 * k) for s in (0, 1) for k in range(4)]
    slow = [run("tngd", s, step=k, train_loss=5.0 - k + s, modelled_time_s=0.25 * k) for s in (0, 1) for k in range(4)]
    time = shortest_time([*fast, *slow])
    assert time == pytest.approx(0.3)
    found = outcomes_at([*fast, *slow], "train_loss", time)
    # By 0.3 s one has made its three steps, the other one of 0.25 s and a fifth of the next.
    assert (found["sgd"].mean, found["tngd"].mean) == pytest.approx((7.5, 4.3))
    assert outcomes_at(fast, "train_loss", 0.31) == {}


def test_without_a_modelled_time_nothing_is_equal():
    assert shortest_time([run("adam", 0, step=0, train_loss=1.0)]) is None
    assert shortest_time([]) is None


def test_who_lost_a_run_is_never_the_best_and_always_behind():
    # Catches a mean over survivors that wins: one seed of two diverges, the other ends lowest.
    stopped = {"stopped": "diverged"}
    runs = [
        run("wild", 0, train_loss=0.01), {**run("wild", 1), **stopped},
        run("calm", 0, train_loss=0.2), run("calm", 1, train_loss=0.2),
        run("ours", 0, train_loss=0.1), run("ours", 1, train_loss=0.1),
        run("broken", 0, train_loss=0.05), {**run("broken", 1), **stopped},
    ]  # fmt: skip
    found = {loss.ours: loss for loss in losses(runs, lambda name: name in ("ours", "broken"))}
    assert set(found) == {"broken"}
    assert found["broken"].rival == "calm"
    assert found["broken"].stopped == 1
    assert stopped_of(runs) == {"wild": 1, "broken": 1}
