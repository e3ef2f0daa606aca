"""`thermospice symbolic`: formulas of every topology, in text, LaTeX and the summary."""

import json

import pytest
from thermospice.files.forecasts import Forecast

TOPOLOGIES = ("rc-mesh", "differential-rc-mesh", "crossbar", "cascade", "rlc-grid")


def summary(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_topology_has_its_formulas(run, tmp_path, topology):
    found = summary(run("symbolic", "--topology", topology, "--size", 1, "--out", "new", "--json"))
    assert {"F", "Q", "settled", "transfer", "output_noise", "stationary_covariance"} - set(
        found["expressions"]
    ) == set()
    assert all(proof["holds"] for proof in found["proofs"])
    assert "sensitivity: change of the settled readouts" in (tmp_path / "new" / "symbolic.txt").read_text()
    assert found["components"]


def test_the_sensitivities_of_one_cell_add_up_to_nothing(run):
    # Drive and feedback are resistors of one kind: all conductances times two change nothing.
    found = summary(run("symbolic", "--topology", "crossbar", "--size", 1, "--json"))
    assert found["components"] == ["b0", "rb0", "r0_0"]
    assert found["expressions"]["sensitivity"] == "[[b_0/a_0_0, b_0/a_0_0, -b_0/a_0_0]]"


@pytest.mark.parametrize(("topology", "limited"), [("crossbar", True), ("cascade", True), ("rc-mesh", False)])
def test_the_stability_limit_is_there_where_a_loop_is(run, topology, limited):
    options = ("symbolic", "--topology", topology, "--size", 1)
    text = run(*options, "--out", "text").out
    assert ("onset: angular gain-bandwidth" in text) == limited
    assert ("no limit" in text) != limited
    stability = summary(run(*options, "--json")).get("stability")
    assert (stability is not None) == limited
    if topology == "crossbar":
        assert stability["onset"] == "2*beta**2/(alpha*tau)"


def test_a_cascade_of_twelve_cells_is_proved_with_its_arrays_apart(run):
    found = summary(run("symbolic", "--topology", "cascade", "--size", 12, "--json"))
    assert [proof["name"] for proof in found["proofs"]] == ["first stage", "second stage", "matrix", "drive", "inverse"]
    assert all(proof["holds"] for proof in found["proofs"])
    assert "Q" not in found["expressions"]


def test_a_matrix_too_wide_for_a_page_is_told_entry_by_entry(run):
    outcome = run("symbolic", "--size", 13)
    assert outcome.code == 0, outcome.err
    assert "[12, 0]  a_12_0/(C_12*R0)" in outcome.out.splitlines()


def test_long_formulas_are_told_beforehand(run, monkeypatch):
    monkeypatch.setattr("thermospice.circuits.symbolic.forecast", lambda topology, level: Forecast(100.0))
    assert "this takes about 1.7 min" in run("symbolic", "--size", 1, "--out", "new").err
