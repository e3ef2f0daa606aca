"""Tables that a person reads: whole words, with units, in a terminal of 80 columns."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from thermospice.behavioral.linear_algebra import Given
from thermospice.campaigns import parse_study
from thermospice.circuits import TOPOLOGIES
from thermospice.cli.views import _campaign as _campaign
from thermospice.cli.views._fidelity import table as fidelity_table
from thermospice.cli.views._linear_algebra import table
from thermospice.cli.views._simulation import table as simulation_table

ROW = {"topology": "differential-rc-mesh", "level": "transistor", "size": 64, "analysis": "symbolic", "limit": 1e-4}


def shown(renderable, width=80):
    text = io.StringIO()
    Console(file=text, width=width).print(renderable)
    return text.getvalue()


def test_the_fidelity_table_breaks_no_word_and_names_each_chip_once():
    metrics = ["SPICE against model, covariance, Frobenius", "d v / d ln(component), SPICE .sens against adjoint"]
    rows = [
        {**ROW, "topology": name, "metric": metric, "value": 1.5e-15, "passed": True}
        for name in TOPOLOGIES
        for metric in metrics
    ]
    found = shown(fidelity_table(rows))
    words = set(found.split())
    assert words >= {word for metric in metrics for word in metric.split()}
    for name in TOPOLOGIES:
        assert found.count(f" {name}, transistor, 64 cells") == 1
    assert found.count("1.5e-15  1.0e-04  passed") == len(rows)


def test_a_failed_simulation_has_its_reason_on_a_line_of_its_own():
    row = {**ROW, "metric": "simulation", "passed": False, "reason": "ngspice ended [with] 137"}
    found = shown(fidelity_table([row]))
    assert "none   1.0e-04  FAILED" in found
    assert "ngspice ended [with] 137" in found


STUDY = {
    "name": "wide",
    "circuit": {"design": "board-1k-1n", "analyses": ["op", "ac", "noise", "tran"]},
    "limits": [{"metric": "used_conductance_scale", "at_least": 0.123, "at_most": 0.1234}],
}


@pytest.fixture
def study():
    from thermospice.circuits import Design

    circuit = {**STUDY["circuit"], "design": Design.preset("board-1k-1n").to_dict()}
    return parse_study({**STUDY, "circuit": circuit}, "here")


def statistics(count):
    value = 1.2345678e-5
    numbers = dict.fromkeys(("mean", "median", "min", "max"), value)
    return {"count": count, **numbers, "mean_low": value - 1.5e-15, "mean_high": value + 1.5e-15}


def test_the_table_of_a_study_has_every_metric_in_full_with_its_unit(study):
    limits = [{"yield": 1.0, "yield_low": 0.98101, "yield_high": 1.0, "passed": 200, "of": 200}]
    summary = {"metrics": {name: statistics(9) for name in study.metrics}, "limits": limits}
    lines = shown(_campaign.shown(study, summary)).splitlines()
    # One line for each, and the heads: nothing is broken or cut.
    assert len(lines) == len(study.metrics) + 1 + 2
    assert "…" not in "".join(lines)
    for name, metric in study.metrics.items():
        assert any(line.startswith(f" {name if metric.unit == '1' else f'{name} ({metric.unit})'} ") for line in lines)
    assert "0.123 <= used_conductance_scale <= 0.1234  100.0%  98.1% .. 100.0%  200 of 200" in lines[-1]


def test_failures_and_few_runs_are_told():
    failure = {"run": 3, "reason": "device: no such file"}
    summary = {"failed": 2, "runs": 4, "failures": [failure], "metrics": {"overshoot": statistics(2)}}
    failed, few = _campaign.told(summary)
    assert failed.startswith("2 of 4 runs failed")
    assert "run 3: device: no such file" in failed
    assert "2 runs" in few
    assert _campaign.told({"failed": 0, "runs": 5, "failures": [], "metrics": {"overshoot": statistics(5)}}) == []


@pytest.mark.parametrize(("problem", "unit"), [("solve", True), ("determinant", False)])
def test_a_solution_is_in_volts(problem, unit):
    from thermospice.behavioral.linear_algebra import Answer

    given = Given(problem, np.eye(2), np.ones(2), np.eye(2))
    value = np.ones(2) if unit else np.array(1.0)
    error = np.asarray(0.1 * value)
    answer = Answer(value, error, 1e-3, 1e-6, 3, noise_error=error, device_error=np.zeros_like(value))
    assert ("answer (V)" in shown(table(given, answer))) is unit


def test_a_zero_has_no_sign():
    # Catches -0 in the column of a model whose answer is nought from below.
    chip = SimpleNamespace(topology=SimpleNamespace(answer="mean"))
    program = SimpleNamespace(solution=np.array([-0.0, 1.0]))
    request = SimpleNamespace(instance=chip, program=program, scaling=SimpleNamespace(drive=1), band=None)
    result = SimpleNamespace(v=np.array([-0.0, 1.0]), predicted=np.array([-0.0, -1.0]), measurement={})
    first, second = shown(simulation_table(request, result)).splitlines()[1:]
    assert (first.split(), second.split()) == (["0", "0", "0", "0"], ["1", "1", "1", "-1"])
