"""Medians of steps and times to a loss, with seeds that never came there."""

from math import inf

import numpy as np
import pytest
from thermospice.reports.results import median_over_seeds, to_target, with_common_target


def test_seeds_that_never_came_there_count_as_later() -> None:
    # Catches the median of the survivors, which flatters whoever loses most.
    found = median_over_seeds([10, None, 30, None, 20])
    assert (found.median, found.low, found.high, found.seeds) == (30.0, 10.0, inf, 5)
    assert median_over_seeds([10, None, None]).median == inf
    assert median_over_seeds([10, 20]).median == 15.0


def test_five_values_hold_the_median_with_fifteen_sixteenths() -> None:
    assert median_over_seeds([1, 2, 3, 4, 5]).coverage == 15 / 16
    assert median_over_seeds([7]).coverage == 0.0


def test_intervals_hold_the_median_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    found = [median_over_seeds(list(rng.exponential(size=12))) for _ in range(3000)]
    inside = np.mean([one.low <= np.log(2) <= one.high for one in found])
    # Of 12 values the third and the tenth hold it with 0.9614 (binomial); 3000 trials scatter by 0.0035.
    assert found[0].coverage == pytest.approx(0.9614, abs=1e-4)
    assert inside == pytest.approx(found[0].coverage, abs=0.0175)


def test_by_target_and_optimiser() -> None:
    runs = [
        {"run": "adam-s0", "seed": 0, "target_loss": 0.1, "steps_to_target": 20, "modelled_time_to_target_s": 0.2},
        {"run": "adam-s1", "seed": 1, "target_loss": 0.1},
        {"run": "sgd-s0", "seed": 0, "target_loss": 0.1, "steps_to_target": 50, "modelled_time_to_target_s": 0.3},
        {"run": "old-s0", "seed": 0},
    ]
    found = to_target(runs)
    assert list(found) == [0.1]
    assert list(found[0.1]) == ["adam", "sgd"]
    assert (found[0.1]["adam"].reached, found[0.1]["adam"].steps.median) == (1, inf)
    assert found[0.1]["sgd"].time.median == 0.3


def test_a_target_that_all_meet_on_average_is_found_where_none_was_given() -> None:
    runs = [
        {"run": "a-s0", "seed": 0, "validation_loss": 0.2},
        {"run": "b-s0", "seed": 0, "validation_loss": 0.5},
        {"run": "c-s0", "seed": 0, "validation_loss": 0.9},
        {"run": "c-s1", "seed": 1, "stopped": "diverged"},
    ]
    curves = [
        {"run": "a-s0", "step": k, "validation_loss": 1.0 - 0.2 * k, "modelled_time_s": 0.1 * k} for k in range(5)
    ]
    found = with_common_target(runs, curves)
    assert {run["target_loss"] for run in found} == {0.5}  # of b: c lost a run, whose survivors say nothing
    assert (found[0]["steps_to_target"], found[0]["modelled_time_to_target_s"]) == (3, pytest.approx(0.3))
    assert "steps_to_target" not in found[1]
    assert with_common_target(runs[:1], curves) == runs[:1]
    given = [{**runs[0], "target_loss": 0.7}, runs[1]]
    assert with_common_target(given, curves) == given


def test_how_exactly_a_step_is_known_is_said_of_the_seed_that_is_known_worst() -> None:
    looks = [(20, 19), (50, 40)]
    runs = [
        {"run": f"adam-s{k}", "target_loss": 0.1, "steps_to_target": at, "last_step_above_target": above}
        for k, (at, above) in enumerate(looks)
    ]
    assert to_target(runs)[0.1]["adam-s0"].apart == 1
    seeds = [{**run, "run": f"adam-s{k}", "seed": k} for k, run in enumerate(runs)]
    assert to_target(seeds)[0.1]["adam"].apart == 10
    old = [{**seeds[0]}, {key: value for key, value in seeds[1].items() if key != "last_step_above_target"}]
    assert to_target(old)[0.1]["adam"].apart is None  # nobody knows
    assert to_target([{**seeds[0], "steps_to_target": 0}])[0.1]["adam"].apart == 1
