"""Two amplifiers of a user's own, of different pins and dialect, through the commands."""

import json
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "own-amplifier"
BIPOLAR = ("--amplifier", "bipolar.lib", "--trust", "--subcircuit", "741", "--supply", "-15,15")
PINS = "plus=3,minus=2,vdd=7,vss=4,out=6"


@pytest.fixture
def here(tmp_path, run):
    for file in EXAMPLES.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


def answer(outcome, code=0):
    assert outcome.code == code, outcome.err
    return json.loads(outcome.out)


@pytest.mark.parametrize(("kind", "name"), [("bipolar", "741"), ("behavioural", "opx-2")])
def test_a_design_with_a_file_runs_its_subcircuit_as_predicted_and_says_so(run, here, kind, name):
    options = ("--design", f"{kind}.yaml", "--size", 1, "--analysis", "op", "--out", "new", "--json")
    found = answer(run("simulate", *options))
    assert (found["level"], found["amplifier"], found["amplifier_file"]) == ("transistor", name, f"{kind}.lib")
    assert found["relative_error"] == pytest.approx(found["predicted_relative_error"], rel=0.05)
    circuit = (here / "new" / "circuit.cir").read_text()
    assert "tnom" not in circuit
    assert "AD8065" not in json.dumps(found)


def test_options_put_a_file_in_the_place_of_the_designs_amplifier(run, here):
    options = ("--design", "bipolar.yaml", "--size", 1, "--analysis", "op", "--json")
    by_design = answer(run("simulate", *options, "--out", "a"))
    by_options = answer(run("simulate", *options, *BIPOLAR, "--pins", PINS, "--out", "b"))
    assert by_options["v"] == pytest.approx(by_design["v"], rel=1e-9)
    assert by_options["amplifier_sha256"] == by_design["amplifier_sha256"]


@pytest.mark.parametrize("command", ["simulate", "calibrate", "verify"])
def test_reversed_inputs_are_refused_in_one_line(run, here, command):
    reversed_pins = "plus=2,minus=3,vdd=7,vss=4,out=6"
    options = ("--design", "bipolar.yaml", "--size", 1, *BIPOLAR, "--pins", reversed_pins, "--quiet")
    run(command, *options).refused("bipolar.lib", "subcircuit 741", "plus and minus are reversed")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--pins", PINS), ("--pins", "belongs to --amplifier FILE")),
        (("--subcircuit", "741"), ("--subcircuit", "belongs to --amplifier FILE")),
        ((*BIPOLAR, "--pins", "plus"), ("--pins", "such as plus=3")),
        ((*BIPOLAR, "--pins", "plus=3,plus=2"), ("plus is given twice",)),
        ((*BIPOLAR, "--pins", "plus=3,minus=2"), ("vdd, vss", "missing", "3 2 7 4 6")),
        ((*BIPOLAR[:3], "--pins", PINS), ("--supply: missing", "swings from")),
    ],
)
def test_options_that_do_not_fit(run, here, options, words):
    run("simulate", "--design", "board-1k-1n", "--size", 1, "--analysis", "op", *options).refused(*words)


def test_a_design_with_a_file_is_printed_with_it_and_read_back(run, here):
    printed = run("designs", "behavioural.yaml")
    assert printed.code == 0, printed.err
    assert "AD8065 data sheet (Analog Devices, rev. J), open-loop gain" not in printed.out
    (here / "printed.yaml").write_text(printed.out)
    options = ("--size", 1, "--analysis", "op", "--json", "--quiet")
    found = answer(run("simulate", "--design", "printed.yaml", *options, "--out", "p"))
    assert found["amplifier"] == "opx-2"


@pytest.mark.slow
def test_calibration_starts_from_the_file_and_finds_its_gain_bandwidth(run, here):
    found = answer(
        run("calibrate", "--design", "behavioural.yaml", "--size", 1, "--programs", 2, "--out", "c", "--json")
    )
    value, error = (found["gain_bandwidth"][name] for name in ("value", "standard_error"))
    # Three standard errors.
    assert abs(value - 20e6) < 3 * error
    assert found["verdict"] != "contradicted"


@pytest.mark.slow
def test_a_study_runs_it_and_a_changed_file_is_noticed(run, here):
    study = (here / "study.yaml").read_text().replace("instances: 10", "instances: 1").replace("[1 %, 3 %]", "[1 %]")
    (here / "study.yaml").write_text(study)
    first = answer(run("sweep", "study.yaml", "--workers", 1, "--out", "s", "--json"))
    assert first["runs"] == 1
    assert "741" in (here / "s" / "study.yaml").read_text()
    library = (here / "bipolar.lib").read_text()
    (here / "bipolar.lib").write_text(library.replace("18.16E3", "17E3"))
    outcome = run("sweep", "--resume", "s", "--workers", 1)
    assert outcome.code == 0
    assert "bipolar.lib has changed since" in outcome.err
    assert "every run with it is a new one" in run("sweep", "study.yaml", "--resume", "s", "--workers", 1).err
