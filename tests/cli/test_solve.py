"""`thermospice solve`: linear algebra on a device, from files and from a size."""

import json
import re

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov
from thermospice.behavioral import DeviceModel, LinearAlgebraError
from thermospice.behavioral.linear_algebra import Given
from thermospice.circuits import Crossbar, Design

A = np.array([[1.0, -0.3], [-0.3, 0.6]])
QUICK = ("--no-mismatch", "--runs", 12, "--duration", 30)


def write(path, values):
    np.savetxt(path, values, delimiter=",")
    return path


def answer(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_help_has_the_shared_options_and_an_example(run):
    text = run("solve", "--help").out
    for option in ("--out", "--seed", "--quiet", "--json", "Example: thermospice solve"):
        assert option in text


@pytest.mark.parametrize("problem", ["solve", "inverse", "lyapunov", "determinant", "expm"])
def test_answers_within_their_error_bars(run, tmp_path, problem):
    matrix, arguments = write(tmp_path / "A.csv", A), []
    Q = np.array([[1.0, 0.2], [0.2, 0.5]])
    if problem == "solve":
        arguments = ["--drive", write(tmp_path / "b.csv", [0.5, -0.2]), "--kappa", 1e-6]
    if problem == "lyapunov":
        arguments = ["--noise-matrix", write(tmp_path / "Q.csv", Q)]
    exact = {
        "solve": np.linalg.solve(A, [0.5, -0.2]),
        "inverse": np.linalg.inv(A),
        "lyapunov": solve_continuous_lyapunov(A, Q),
        "determinant": np.linalg.det(A),
        "expm": expm(A),
    }[problem]
    common = ("--problem", problem, "--matrix", matrix, *QUICK, "--out", "new", "--json")
    summary = answer(run("solve", *common, *arguments))
    assert json.loads((tmp_path / "new" / "summary.json").read_text()) == summary
    np.testing.assert_allclose(summary["exact"], exact, rtol=1e-12)
    # Student's t of 11 degrees of freedom exceeds 6 once in 10,000.
    assert summary["largest_z"] < 6
    assert summary["runs"] >= 12
    assert min(summary["analog_time_s"], summary["energy_J"], summary["relative_standard_error"]) > 0
    found = np.loadtxt(tmp_path / "new" / "answer.csv", delimiter=",", ndmin=np.ndim(exact))
    np.testing.assert_array_equal(found.reshape(np.shape(exact)), summary["value"])


def test_same_seed_same_answer_and_other_devices(run):
    common = ("solve", "--problem", "inverse", "--size", 2, *QUICK, "--json")
    first, again, other = (answer(run(*common, "--seed", seed))["value"] for seed in (1, 1, 2))
    assert first == again != other
    ideal = answer(run(*common, "--on", "ideal", "--seed", 1))
    assert ideal["on"] == "ideal"
    assert ideal["energy_J"] < 0.01 * answer(run(*common, "--seed", 1))["energy_J"]


def test_in_ngspice(run, tmp_path):
    arguments = ("--matrix", write(tmp_path / "A.csv", A), "--drive", write(tmp_path / "b.csv", [0.5, -0.2]))
    summary = answer(run("solve", "--on", "spice", *arguments, "--no-mismatch", "--runs", 2, "--duration", 1, "--json"))
    assert summary["relative_error"] < 1e-3


def test_a_device_says_how_many_cells_it_has(run, tmp_path):
    chip = Design.preset("board-1k-1n").nominal(Crossbar(n=3))
    DeviceModel.nominal(chip).save(tmp_path / "device.json")
    assert answer(run("solve", "--problem", "determinant", "--device", "device.json", *QUICK, "--json"))["n"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--problem", "sort"), "--problem: expected one of solve, inverse"),
        (("--on", "paper"), "--on: expected one of ideal, model, spice"),
        (("--problem", "inverse", "--drive", "b.csv"), "--drive: belongs to --problem solve"),
        (("--noise-matrix", "Q.csv"), "--noise-matrix: belongs to --problem lyapunov"),
        (("--matrix", "A.csv", "--size", 3), "--size and --matrix: give one of them"),
        (("--matrix", "A.csv"), "--matrix and --drive belong together"),
        (
            ("--problem", "inverse", "--matrix", "A.csv", "--topology", "rc-mesh", "--runs", 1),
            "runs: expected at least",
        ),
        (("--problem", "inverse", "--matrix", "bad.csv", "--topology", "rc-mesh"), "use a crossbar"),
        (("--problem", "inverse", "--matrix", "bad.csv"), "symmetric"),
        (("--device", "none.json", "--on", "spice"), "--device: belongs to --on model"),
        (("--kappa", -1), "kappa: expected a noise strength"),
        (("--kappa", -1, "--on", "ideal"), "kappa: expected a noise strength"),
        (("--duration", 0), "duration: expected a positive number"),
        (("--programs", 0), "programs: expected at least 1"),
        (("--topology", "rlc-grid", "--design", "rlc-board-8", "--level", "ideal"), "by its covariance only"),
        (("--topology", "rlc-grid"), "by its covariance only"),
        (("--topology", "rlc-grid", "--level", "macro"), "expected level ideal"),
        (("--topology", "rlc-grid", "--design", "board-1k-1n", "--level", "macro"), "leave out design and level"),
        (("--problem", "determinant", "--matrix", "indefinite.csv"), "positive"),
        (("--problem", "expm", "--matrix", "wide.csv"), "wide.csv: expected a square matrix"),
        (("--device", "none.json"), "none.json: cannot read it"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, arguments, message):
    write(tmp_path / "A.csv", A)
    write(tmp_path / "indefinite.csv", np.diag([1.0, -1.0]))
    write(tmp_path / "wide.csv", np.ones((2, 3)))
    write(tmp_path / "bad.csv", np.array([[1.0, 0.5], [0.2, 1.0]]))
    run("solve", *arguments).refused(message)


def test_a_time_limit_is_of_the_simulator_and_too_short_a_one_is_refused_with_the_number(run, tmp_path):
    """Catches a limit that is taken and forgotten, and a run that is begun to be stopped."""
    run("solve", "--on", "model", "--timeout", "5s").refused("--timeout", "--on spice", "got model")
    run("solve", "--on", "spice", "--size", 2, "--timeout", "1ms").refused("--timeout", "takes about", "0.001 s")


def test_a_long_record_is_told_beforehand(run, monkeypatch):
    """Catches minutes in a simulator that nobody was told of."""

    def stopped(*arguments):
        raise LinearAlgebraError("stopped")

    monkeypatch.setattr(Given, "on", stopped)
    outcome = run("solve", "--on", "spice", "--size", 4, "--runs", 400, "--out", "new")
    assert outcome.code == 2
    assert re.search(r"this takes about \S+ min", outcome.out + outcome.err)
