"""`thermospice solve` with programs: from files, on every kind of device, with its exit codes and its page."""

import json

import numpy as np
import pytest
from thermospice.behavioral import DeviceModel
from thermospice.circuits import Crossbar, Design

Q = np.array([[2.0, 0.5], [0.5, 1.0]])
FILES = {
    "Q.csv": Q,
    "c.csv": [-1.0, -4.0],
    "A.csv": [[1.0, 1.0]],
    "b.csv": [1.0],
    "negative.csv": [-1.0],
    "zero.csv": np.zeros((2, 2)),
    "skew.csv": [[1.0, 2.0], [0.0, 1.0]],
    "concave.csv": np.diag([1.0, -1.0]),
    "three.csv": [1.0, 2.0, 3.0],
    "X.csv": [[0.0, 1.0], [1.0, 0.0], [2.0, 2.5], [3.0, 2.0]],
    "labels.csv": [1.0, 1.0, 2.0, 2.0],
    "values.csv": [0.5, 0.1, 2.0, 1.5],
    "F.csv": [[1.0, 0.1], [0.0, 1.0]],
    "W.csv": 0.01 * np.eye(2),
    "H.csv": [[1.0, 0.0]],
    "R.csv": [[0.1]],
    "Y.csv": [[0.0], [0.2], [0.3]],
}
QP = ("--problem", "qp", "--matrix", "Q.csv", "--drive", "c.csv")
KALMAN = ("--transition", "F.csv", "--process-noise", "W.csv", "--observation", "H.csv", "--measurement-noise", "R.csv")


@pytest.fixture
def solve(run, tmp_path):
    for name, values in FILES.items():
        np.savetxt(tmp_path / name, values, delimiter=",")
    return lambda *arguments: run("solve", *arguments, "--json")


def answer(outcome, code=0):
    assert outcome.code == code, outcome.err
    return json.loads(outcome.out)


def test_a_quadratic_program_from_files(solve, tmp_path):
    summary = answer(solve(*QP, "--constraints", "A.csv", "--right", "b.csv", "--on", "ideal", "--out", "new"))
    # On x + y = 1 and at least zero the slope at (0, 1) is (-0.5, -3): it leans on the bound.
    np.testing.assert_allclose(summary["value"], [0.0, 1.0], atol=1e-4)
    assert summary["objective"] == pytest.approx(0.5 - 4.0, abs=1e-5)
    assert summary["status"] == "solved"
    assert summary["gap"] <= 1e-6 * 4
    assert json.loads((tmp_path / "new" / "summary.json").read_text()) == summary
    assert {"answer.csv", "multipliers.csv", "history.csv", "interior-point.png"} <= {
        path.name for path in (tmp_path / "new").iterdir()
    }


@pytest.mark.parametrize(
    ("options", "x"),
    [
        (("--lower", "none"), [-4 / 7, 30 / 7]),
        (("--upper", "1"), [0.25, 1.0]),
        (("--lower", "b2.csv"), [1.0, 3.5]),
        (("--inequalities", "A.csv", "--limits", "b.csv"), [0.0, 1.0]),
    ],
)
def test_bounds_are_numbers_files_or_none(solve, tmp_path, options, x):
    np.savetxt(tmp_path / "b2.csv", [1.0, 0.0])
    np.testing.assert_allclose(answer(solve(*QP, "--on", "ideal", *options))["value"], x, atol=2e-3)


def test_a_device_file_may_stand_behind_on(solve, tmp_path):
    chip = Design.preset("board-1k-1n").sample(Crossbar(n=3), np.random.default_rng(0))
    DeviceModel.nominal(chip).save(tmp_path / "device.json")
    summary = answer(solve(*QP, "--on", "device.json"))
    ideal = answer(solve(*QP, "--on", "ideal"))
    assert summary["on"] == "model"
    assert summary["objective"] == pytest.approx(ideal["objective"], abs=2e-6)
    assert summary["foreseen_relative_gap"] / 2 <= summary["relative_gap"] <= 2 * summary["foreseen_relative_gap"]
    assert summary["drives"] > ideal["drives"]
    assert answer(solve(*QP, "--device", "device.json"))["value"] == summary["value"]


def test_what_has_no_solution_ends_with_code_one_and_its_reason(solve):
    nothing = solve(*QP, "--constraints", "A.csv", "--right", "negative.csv", "--on", "ideal")
    assert answer(nothing, 1)["status"] == "infeasible"
    assert "infeasible" in nothing.err
    falling = solve("--problem", "qp", "--matrix", "zero.csv", "--drive", "c.csv", "--on", "ideal")
    assert answer(falling, 1)["status"] == "unbounded"
    crossed = solve(*QP, "--lower", "2", "--upper", "1", "--on", "ideal")
    assert answer(crossed, 1)["status"] == "infeasible"


def test_a_run_short_of_its_tolerance_ends_with_code_one_and_its_gap(solve):
    # Noise of a volt and no second round: no nine digits. The rehearsals know of the noise.
    rest = ("--size", 8, "--tolerance", "1e-9", "--rounds", 1, "--kappa", 1)
    outcome = solve("--problem", "qp", "--on", "ideal", *rest)
    summary = answer(outcome, 1)
    assert summary["status"] == "imprecise"
    assert summary["relative_gap"] > 1e-9
    assert "relative gap" in outcome.err
    assert summary["foreseen_solved"] < 0.5
    assert summary["foreseen_relative_gap"] > 1e-4


@pytest.mark.parametrize(
    "arguments",
    [
        ("--problem", "svm", "--data", "X.csv", "--targets", "labels.csv"),
        ("--problem", "bayes", "--data", "X.csv", "--targets", "values.csv"),
        ("--problem", "bayes", "--data", "X.csv", "--targets", "values.csv", "--length", "1"),
        ("--problem", "kalman", "--data", "Y.csv", *KALMAN),
        ("--problem", "logistic", "--data", "X.csv", "--targets", "labels.csv"),
    ],
    ids=["svm", "bayes", "process", "kalman", "logistic"],
)
def test_each_program_runs_from_files_and_has_its_page(solve, run, tmp_path, arguments):
    summary = answer(solve(*arguments, "--on", "ideal", "--out", "new"))
    assert min(summary["analog_time_s"], summary["energy_J"], summary["digital_time_s"]) > 0
    assert summary["pictures"]
    assert "times as" in summary["worth"]
    assert run("report", "new", "--out", "page").code == 0
    text = (tmp_path / "page" / "report.html").read_text()
    assert "What it came to" in text
    assert "data:image/png" in text


def test_the_same_seed_gives_the_same_answer(solve):
    first, again, other = (
        answer(solve("--problem", "bayes", "--size", 2, "--no-mismatch", "--runs", 4, "--seed", seed))["covariance"]
        for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--problem", "qp", "--matrix", "skew.csv", "--drive", "c.csv"), ("skew.csv", "symmetric")),
        (("--problem", "qp", "--matrix", "concave.csv", "--drive", "c.csv"), ("concave.csv", "not convex")),
        (("--problem", "qp", "--matrix", "Q.csv", "--drive", "three.csv"), ("three.csv", "2 lines", "got 3")),
        (("--problem", "qp", "--matrix", "Q.csv"), ("--matrix and --drive together",)),
        ((*QP, "--constraints", "A.csv"), ("--constraints and --right together",)),
        ((*QP, "--size", 2), ("--size",)),
        ((*QP, "--lower", "low"), ("--lower", "a number, none, or a CSV file")),
        ((*QP, "--gamma", 1), ("--gamma: belongs to --problem svm",)),
        ((*QP, "--tolerance", 0), ("--tolerance",)),
        ((*QP, "--deflated", 1), ("--deflated: belongs to",)),
        (("--problem", "svm", "--data", "X.csv"), ("--data and --targets together",)),
        (("--problem", "svm", "--data", "X.csv", "--targets", "three.csv"), ("three.csv", "expected 4 lines")),
        (("--problem", "svm", "--data", "X.csv", "--targets", "labels.csv", "--penalty", 0), ("--penalty",)),
        (("--problem", "bayes", "--kappa", 0), ("--kappa", "kT/C")),
        (("--problem", "bayes", "--noise-variance", 0), ("--noise-variance",)),
        (("--problem", "kalman", "--data", "Y.csv"), ("--measurement-noise together",)),
        (("--problem", "logistic", "--data", "X.csv", "--targets", "values.csv"), ("values.csv", "two classes")),
        (("--problem", "inverse", "--gamma", 1), ("--gamma: belongs to --problem svm, got inverse",)),
        (("--problem", "expm", "--deflated", 1), ("--deflated",)),
        (("--problem", "solve", "--size", 3, "--deflated", 3), ("--deflated", "0 to 2")),
    ],
)
def test_bad_input_is_one_line_with_its_file(run, solve, arguments, words):
    run("solve", *arguments, "--on", "ideal").refused(*words)


def test_a_device_that_answers_by_its_covariance_alone_is_refused(run, solve):
    run("solve", *QP, "--topology", "rlc-grid").refused("rlc-grid", "mean relaxes")


def test_a_posterior_that_ngspice_would_take_minutes_for_is_refused_unless_it_is_asked_for(run):
    # Catches a default that keeps ngspice busy for ten minutes without a word.
    refused = run("solve", "--problem", "bayes", "--on", "spice", "--size", "8")
    refused.refused("--on spice: these 8 weights", "--runs", "--duration")
