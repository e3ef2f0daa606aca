"""`simulate`: the user's own amplifier, corners, age, factors and rank, and what the conductance range cuts off."""

import json

import numpy as np
import pytest
import yaml
from thermospice.circuits import Design, Instance
from thermospice.netlists.amplifiers import TwoStage

CMOS = ("simulate", "--design", "cmos-100k-10p", "--level", "transistor")


def answer(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def files(folder, **arrays):
    for name, values in arrays.items():
        np.savetxt(folder / f"{name}.csv", values, delimiter=",", fmt="%.17g")


@pytest.fixture
def amplifier(tmp_path):
    path = tmp_path / "amp.sub"
    path.write_text(TwoStage().circuit().definition())
    return path


@pytest.fixture
def design(tmp_path):
    """A design file: the board's, with some fields replaced."""

    def write(**fields):
        text = Design.preset("board-1k-1n").to_dict()
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**text, **fields}))
        return "mine.yaml"

    return write


def test_help_names_every_topology_and_level(run):
    text = " ".join(run("simulate", "--help").out.replace("│", " ").split())
    assert "rc-mesh, differential-rc-mesh, crossbar, cascade or rlc-grid" in text
    assert "ideal, macro or transistor" in text


@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_transistors(run, analysis):
    more = ("--duration", 1e-6) if analysis == "tran" else ()
    summary = answer(run(*CMOS, "--size", 1, "--analysis", analysis, *more, "--json"))
    assert summary["level"] == "transistor"
    # Offsets of the chip dominate; the circuit's own systematic offset is a twentieth of them.
    assert summary["relative_error"] == pytest.approx(summary["predicted_relative_error"], rel=0.2)
    assert not [w for w in summary["warnings"] if "rails" in w]


@pytest.mark.parametrize(("analysis", "column"), [("op", "SPICE v (V)"), ("noise", "exact (A^-1)_ii")])
def test_a_grid_takes_the_board_that_fits_and_shows_what_it_answers(run, analysis, column):
    outcome = run("simulate", "--topology", "rlc-grid", "--size", 2, "--analysis", analysis)
    assert outcome.code == 0
    assert "design rlc-board-8, level ideal" in outcome.err
    assert column in outcome.out
    assert "exact x" not in outcome.out


def test_a_grid_on_a_board_without_inductors_is_told_all_at_once(run):
    options = ("--topology", "rlc-grid", "--design", "board-1k-1n", "--level", "macro")
    run("simulate", *options).refused("no `L:`", "leave out design and level", "rlc-board-8")


def test_without_amplifiers_the_level_is_ideal(run):
    summary = answer(run("simulate", "--design", "ideal", "--size", 1, "--analysis", "op", "--json"))
    assert summary["level"] == "ideal"


def test_the_users_amplifier_is_what_runs(run, tmp_path, amplifier):
    own = answer(run(*CMOS, "--size", 1, "--analysis", "op", "--json"))
    text = amplifier.read_text().replace("twostage", "mine").replace(TwoStage().circuit().name, "mine")
    amplifier.write_text(text)
    options = ("--amplifier", amplifier, "--trust", "--size", 1, "--analysis", "op", "--out", "new", "--json")
    same = answer(run(*CMOS, *options))
    assert same["amplifier"] == "mine"
    np.testing.assert_allclose(same["v"], own["v"], rtol=1e-4)
    assert "\nXa0 " in (tmp_path / "new" / "circuit.cir").read_text().replace("\nxa0 ", "\nXa0 ")
    assert ".subckt mine plus minus out vdd vss" in (tmp_path / "new" / "circuit.cir").read_text()


def test_transistors_take_the_board_that_has_them(run):
    outcome = run("simulate", "--level", "transistor", "--size", 1, "--analysis", "op", "--json")
    assert outcome.code == 0, outcome.err
    assert "cmos-100k-10p" in outcome.out


def test_an_amplifier_with_other_supplies(run, tmp_path):
    # An amplifier without a supply current: gain 1e5 and one pole.
    (tmp_path / "amp.sub").write_text(
        ".subckt one plus minus out vdd vss\ng1 0 p plus minus 1m\nr1 p 0 100meg\nc1 p 0 10p\ne1 out 0 p 0 1\n"
        "rl vdd vss 1meg\n.ends\n"
    )
    options = (
        "simulate",
        "--level",
        "transistor",
        "--amplifier",
        "amp.sub",
        "--trust",
        "--size",
        1,
        "--analysis",
        "op",
    )
    run(*options).refused("swings from", "supplies of -0.9 and 0.9")
    summary = answer(run(*options, "--supply", -5, 5, "--json"))
    assert summary["relative_error"] == pytest.approx(summary["predicted_relative_error"], rel=1e-2)


def test_an_amplifier_that_is_not_trusted_does_not_run(run, tmp_path, amplifier):
    canary = tmp_path / "canary"
    amplifier.write_text(f"{amplifier.read_text()}.control\nshell touch {canary}\n.endc\n")
    run(*CMOS, "--size", 1, "--amplifier", amplifier).refused("amp.sub", "--trust", "runs commands")
    assert not canary.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--trust",), ("--trust", "--amplifier FILE")),
        (("--supply", -1, 1), ("--supply", "--amplifier FILE")),
        (("--amplifier", "amp.sub", "--trust", "--level", "macro"), ("--level transistor", "got macro")),
        (("--amplifier", "none.sub", "--trust"), ("none.sub", "cannot read", "No such file")),
        (("--amplifier", "/dev/zero", "--trust"), ("/dev/zero", "at most")),
        (("--amplifier", ".", "--trust"), ("cannot read", "expected a file, got a folder")),
        (("--amplifier", "empty.sub", "--trust"), ("empty.sub", ".subckt")),
        (("--amplifier", "short.sub", "--trust"), ("short.sub", "expected the pins plus minus out vdd vss")),
        (("--amplifier", "amp.sub", "--trust", "--supply", 1, -1), ("expected vss < 0 < vdd",)),
        (("--amplifier", "amp.sub", "--trust", "--supply", "nan", 1), ("vss", "nan")),
    ],
)
@pytest.mark.usefixtures("amplifier")
def test_amplifiers_that_are_refused(run, tmp_path, arguments, words):
    (tmp_path / "empty.sub").write_text("")
    (tmp_path / "short.sub").write_text(".subckt a plus minus out\n.ends\n")
    run(*CMOS, "--size", 1, "--analysis", "op", *arguments).refused(*words)


def test_an_amplifier_that_ngspice_cannot_read(run, tmp_path):
    (tmp_path / "bad.sub").write_text(".subckt a plus minus out vdd vss\nm1 out plus vdd vdd nowhere\n.ends\n")
    run(*CMOS, "--size", 1, "--analysis", "op", "--amplifier", "bad.sub", "--trust", "--quiet").refused("ngspice")


def test_corners_scale_the_components(run, tmp_path, design):
    corners = {"resistor": 0.1, "capacitor": 0.2, "supply": 0.1, "gain_bandwidth": 0.3}
    options = ("simulate", "--design", design(corners=corners), "--size", 1, "--analysis", "op", "--json")
    nominal = Design.preset("board-1k-1n")
    for corner, sign in (("slow", 1), ("typical", 0), ("fast", -1)):
        summary = answer(run(*options, "--corner", corner, "--out", corner))
        assert summary["corner"] == corner
        assert summary["warnings"] == []
        found = Design.load(tmp_path / corner / "design.yaml")
        assert pytest.approx((nominal.R0 * (1 + 0.1 * sign), nominal.C * (1 + 0.2 * sign))) == (found.R0, found.C)


def test_age_lowers_conductances_and_moves_the_temperature(run, tmp_path, design):
    drift = {"ageing_exponent": 0.05, "ageing_time": 1.0, "temperature_sigma": 5.0, "temperature_time": 100.0}
    options = ("simulate", "--design", design(drift=drift), "--size", 2, "--analysis", "op", "--json")
    new = answer(run(*options, "--out", "new"))
    old = answer(run(*options, "--at", 1000, "--out", "old"))
    assert "age_s" not in new
    assert old["age_s"] == 1000
    assert new["temperature"] == 300.15 != old["temperature"]
    chips = [Instance.load(tmp_path / name / "instance.json") for name in ("new", "old")]
    # (1 + error) of each conductance has fallen by 1000^-0.05.
    ratio = (1 + chips[1].errors["conductance"]) / (1 + chips[0].errors["conductance"])
    np.testing.assert_allclose(ratio, 1000**-0.05, rtol=1e-12)
    assert old["predicted_relative_error"] == pytest.approx(old["relative_error"], rel=1e-3)
    assert old["relative_error"] > 0.2


def test_corner_and_age_that_change_nothing_are_said(run):
    found = answer(run("simulate", "--size", 1, "--analysis", "op", "--corner", "slow", "--at", 10, "--json"))
    first, second = found["warnings"]
    assert "corner slow changes nothing" in first
    assert "age 10 s changes nothing" in second


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--corner", "worst"), ("--corner", "slow, typical, fast")),
        (("--at", -1), ("--at", "at least 0")),
        (("--at", "nan"), ("--at", "got nan")),
        (("--at", "inf"), ("--at", "got inf")),
        (("--at", "1e300"), ("--at", "at most 1e+07 s")),
    ],
)
def test_corners_and_ages_that_are_refused(run, design, arguments, words):
    name = design(drift={"temperature_sigma": 1.0, "temperature_time": 100.0})
    run("simulate", "--design", name, "--size", 1, *arguments).refused(*words)


@pytest.mark.parametrize("hessian", [True, False])
def test_factors_of_a_cascade(run, tmp_path, hessian):
    rng = np.random.default_rng(5)
    J, B, b = rng.normal(size=(2, 4)) / 2, rng.normal(size=(2, 2)), rng.uniform(-1, 1, 4)
    H = B @ B.T / 4 if hessian else np.eye(2)
    files(tmp_path, J=J, H=H, b=b)
    options = ("--jacobian", "J.csv", "--drive", "b.csv", "--damping", 0.3, *(("--hessian", "H.csv") * hessian))
    chip = ("--topology", "cascade", "--level", "ideal", "--no-mismatch", "--analysis", "op")
    summary = answer(run("simulate", *chip, *options, "--out", "new", "--json"))
    assert (summary["n"], summary["rank"]) == (4, 2)
    expected = np.linalg.solve(J.T @ H @ J + 0.3 * np.eye(4), b)
    np.testing.assert_allclose(summary["x"], expected, rtol=1e-10)
    assert summary["relative_error"] < 2e-4
    factors = json.loads((tmp_path / "new" / "program.json").read_text())["factors"]
    np.testing.assert_array_equal(factors["J"], J)


def test_factors_on_a_crossbar_are_multiplied_out(run, tmp_path):
    files(tmp_path, J=np.array([[0.5, -0.5]]), b=np.array([1.0, 0.5]))
    options = ("--jacobian", "J.csv", "--drive", "b.csv", "--damping", 0.5)
    summary = answer(run("simulate", "--level", "ideal", "--no-mismatch", "--analysis", "op", *options, "--json"))
    assert summary["relative_error"] < 2e-4
    assert "rank" not in summary


def test_rank_of_a_random_program(run):
    options = ("simulate", "--topology", "cascade", "--size", 4, "--rank", 2, "--level", "ideal", "--no-mismatch")
    summary = answer(run(*options, "--analysis", "op", "--json"))
    assert (summary["n"], summary["rank"]) == (4, 2)
    assert summary["relative_error"] < 2e-4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rank", 2), ("--rank", "topology is crossbar")),
        (("--topology", "cascade", "--rank", 0), ("--rank", "at least 1")),
        (("--hessian", "H.csv"), ("--hessian", "--jacobian")),
        (("--damping", 1), ("--damping", "--jacobian")),
        (("--jacobian", "J.csv"), ("--jacobian and --drive",)),
        (("--jacobian", "J.csv", "--drive", "b.csv", "--matrix", "H.csv"), ("--matrix and --jacobian",)),
        (("--jacobian", "J.csv", "--drive", "b.csv", "--size", 2), ("--size and --jacobian",)),
        (("--jacobian", "J.csv", "--drive", "b.csv", "--rank", 1), ("--rank and --jacobian",)),
        (("--jacobian", "J.csv", "--drive", "c.csv"), ("c.csv", "expected 2 lines, one for each column of J.csv")),
        (("--jacobian", "J.csv", "--drive", "b.csv", "--hessian", "b.csv"), ("b.csv", "expected 1 rows")),
        (("--jacobian", "J.csv", "--drive", "b.csv"), ("positive real part",)),
        (("--jacobian", "J.csv", "--drive", "b.csv", "--damping", -1), ("--damping", "at least 0")),
        (("--jacobian", "J.csv", "--drive", "b.csv", "--damping", "nan"), ("--damping", "got nan")),
        (("--jacobian", "J.csv", "--drive", "b.csv", "--damping", "inf"), ("--damping", "got inf")),
        (("--jacobian", "none.csv", "--drive", "b.csv"), ("none.csv", "no such file")),
    ],
)
def test_factors_that_are_refused(run, tmp_path, arguments, words):
    files(tmp_path, J=np.array([[0.5, -0.5]]), H=np.array([[1.0]]), b=np.array([1.0, 0.5]), c=np.array([1.0]))
    run("simulate", *arguments).refused(*words)


def test_entries_beyond_the_range_are_said(run, tmp_path, design):
    files(tmp_path, J=np.array([[2.0, -0.5], [0.25, 1.5]]), b=np.array([0.1, 0.2]))
    factors = ("--jacobian", "J.csv", "--drive", "b.csv", "--damping", 0.5)
    options = (*factors, "--topology", "cascade", "--level", "ideal", "--analysis", "op", "--json")
    outcome = run("simulate", "--design", design(programming={"full_scale": 1.0}), *options)
    summary = answer(outcome)
    assert summary["clipped"] == ["J[0, 0] = 2 clips to 1", "J[1, 1] = 1.5 clips to 1"]
    assert "J[0, 0] = 2 clips to 1; J[1, 1] = 1.5 clips to 1" in outcome.err
    assert any("beyond the conductance range" in warning for warning in summary["warnings"])
    assert summary["relative_error"] > 0.1
    fits = answer(run("simulate", *options))
    assert (fits["clipped"], fits["warnings"]) == ([], [])


def test_the_way_to_an_operating_point_is_one_line(run, amplifier):
    # The file has no guess to start from.
    outcome = run(*CMOS, "--amplifier", amplifier, "--trust", "--size", 1, "--analysis", "op")
    assert outcome.code == 0
    assert outcome.err.count("warning:") <= 1
