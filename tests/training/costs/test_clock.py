"""Modelled time is that of the work, whatever else the machine does."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from thermospice.training import experiment
from thermospice.training.costs import MOST, StepTimes, now
from thermospice.training.runs import run_experiment

from ..experiments_in_short import QUICK, rows


def test_waiting_is_no_work() -> None:
    """Catches the clock on the wall, by which a step that waits for others costs what they take."""
    began = now()
    time.sleep(0.2)
    assert now() - began < 0.1


def test_work_is() -> None:
    began, wall = now(), time.perf_counter()
    while time.thread_time() - began < 0.05:
        pass
    assert 0.05 <= now() - began <= time.perf_counter() - wall + 1e-3


def test_a_step_counts_as_the_median_of_the_faster_half() -> None:
    times = StepTimes(True, [9.0, 1.0, 2.0, 3.0, 100.0])
    assert times.of_a_step() == 2.0
    assert times.spread() == pytest.approx((9.0 - 2.0) / 3.0)
    assert StepTimes(True, [7.0]).of_a_step() == 7.0
    assert StepTimes(True).of_a_step() == 0.0
    assert StepTimes(True, [1.0, 1.0, 1.0]).spread() is None


def test_half_of_the_steps_may_be_disturbed() -> None:
    rng = np.random.default_rng(0)
    quiet = rng.normal(1.0, 0.02, 400)
    disturbed = quiet + np.where(rng.random(400) < 0.5, rng.exponential(5.0, 400), 0.0)
    alone, beside = (StepTimes(True, list(times)).of_a_step() for times in (quiet, disturbed))
    # the lower quartile of a normal law, against the median of those that were left alone: 0.67 of its sigma
    assert beside == pytest.approx(alone, rel=2 * 0.67 * 0.02)


def test_work_that_differs_counts_in_the_mean() -> None:
    """An iterative solver's steps: the fastest are no estimate of all, and a disturbed one counts for three at most."""
    times = StepTimes(False, [1.0, 3.0, 1.0, 3.0])
    assert times.of_a_step() == 2.0
    assert StepTimes(False, [1.0, 1.0, 1.0, 1.0, 50.0]).of_a_step() == pytest.approx(7.0 / 5.0)


def test_only_the_latest_are_kept() -> None:
    times = StepTimes(True)
    for k in range(MOST + 10):
        times.add(float(k))
    assert times.seconds == [float(k) for k in range(10, MOST + 10)]


def test_every_row_stands_at_its_steps(tmp_path: Path) -> None:
    """Catches rows whose times run backwards when what a step takes is known better."""
    made = experiment({**QUICK, "solver": "ideal-spu", "lr": 0.1, "damping": 0.1, "t": 2.0, "name": "x"})
    (entry,) = run_experiment(made, tmp_path, workers=1)
    curve = rows(tmp_path / "curves.jsonl")
    digital = [row.get("modelled_digital_s", 0.0) for row in curve]
    np.testing.assert_allclose(digital, [row["step"] * entry["modelled_digital_s"] / 12 for row in curve], rtol=1e-12)
    assert curve[-1]["modelled_time_s"] == pytest.approx(entry["modelled_time_s"], rel=1e-12)
    assert entry["modelled_digital_spread"] >= 0


@pytest.mark.slow
def test_a_busy_machine_changes_little(tmp_path: Path) -> None:
    """The same run alone, and beside more processes than there are cores, in turns: the better of two each."""
    found: dict[int, list[float]] = {0: [], 6: []}
    for k, others in enumerate((0, 6, 0, 6)):
        made = experiment({**QUICK, "steps": 200, "optimizer": "adam", "lr": 0.01, "task": "digits", "name": f"r{k}"})
        load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(others)]
        try:
            found[others].append(run_experiment(made, tmp_path, workers=1)[0]["modelled_time_s"])
        finally:
            for process in load:
                process.kill()
                process.wait()
    # Cores that share caches and clock rates: 1.15 here, where the sum of the steps by the wall is ten times as much.
    assert 0.5 < min(found[6]) / min(found[0]) < 2.0
